import type { FastifyInstance, FastifyReply, FastifyRequest, RegisterOptions } from 'fastify'
import type { MiddlewareOptions } from '../authenticate/environment.ts'
import {
  createAuthGuard,
  createMachineGuard,
  type Guard,
  type RequireAuthOptions,
  type RequireMachineOptions,
} from '../authenticate/guards.ts'
import { fromNode } from '../authenticate/node-request.ts'
import {
  createGetAuth,
  createRequestAuth,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from '../authenticate/request-auth.ts'

/** `countersign/fastify`: Fastify 5. */

declare module 'fastify' {
  interface FastifyRequest {
    /** What `countersignPlugin` left. */
    countersign?: RequestAuth
  }
}

/** A hook of a route, best as its `onRequest`: who may not pass is answered before the body is read. */
export type FastifyHook = (request: FastifyRequest, reply: FastifyReply) => Promise<unknown>

/**
 * Registered once, for the routes of its scope and those below. It verifies nothing before a handler or
 * a guard asks.
 *
 * @throws {CountersignError} `configuration-invalid`
 */
export async function countersignPlugin(
  fastify: FastifyInstance,
  options: MiddlewareOptions,
): Promise<void> {
  // What `register` takes for itself it hands to the plugin as well.
  const { prefix: _, logLevel: __, logSerializers: ___, ...own } = options as Registered
  const begin = createRequestAuth(own)
  // A scope inside another has this from it.
  if (!fastify.hasRequestDecorator('countersign')) fastify.decorateRequest('countersign')
  fastify.addHook('onRequest', async (request) => {
    const { headers, raw } = request
    request.countersign = begin(fromNode({ headers, rawHeaders: raw.rawHeaders }))
  })
}

type Registered = MiddlewareOptions & RegisterOptions

// What `fastify-plugin` does: without it the hook would end with the plugin.
Object.assign(countersignPlugin, {
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: 'countersign',
  [Symbol.for('plugin-meta')]: { name: 'countersign', fastify: '5.x' },
})

/** Who sends a request. */
export const getAuth: GetAuth<FastifyRequest> = createGetAuth(find)

/** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): FastifyHook {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): FastifyHook {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): FastifyHook {
  return async (request, reply) => {
    const denial = await guard(find(request))
    return denial === null ? undefined : reply.code(denial.status).headers(denial.headers).send()
  }
}

function find({ countersign }: FastifyRequest): RequestAuth {
  return requestAuthIn(countersign, 'await fastify.register(countersignPlugin)')
}
