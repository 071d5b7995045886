import { headers } from 'next/headers.js'
import type { MiddlewareOptions } from '../authenticate/environment.ts'
import {
  createAuthGuard,
  createMachineGuard,
  type Guard,
  type RequireAuthOptions,
  type RequireMachineOptions,
  toResponse,
} from '../authenticate/guards.ts'
import { fromAny, isOfTheWeb, type NodeRequest } from '../authenticate/node-request.ts'
import type { HasHeaders } from '../authenticate/presented-token.ts'
import { createRequestAuth, type GetAuth, type RequestAuth } from '../authenticate/request-auth.ts'
import type { CurrentAuth } from './current-auth.ts'
import type { NodeHandler, NodeResponse } from './node.ts'

/**
 * `countersign/nextjs`: Next 15 and 16, on Node and at the edge. Next runs its proxy apart from its
 * routes, so that nothing which one found out can be believed by the other: no middleware is needed,
 * and each verifies for itself.
 */

/** A route handler, or the proxy. */
export type RouteHandler<Req extends HasHeaders, Rest extends readonly unknown[], Res> = (
  request: Req,
  ...rest: Rest
) => Res | Promise<Res>

export interface Guarded {
  /** Goes around a route handler, or the proxy. */
  <Req extends HasHeaders = Request, Rest extends readonly unknown[] = [], Res = Response>(
    handler: RouteHandler<Req, Rest, Res>,
  ): (request: Req, ...rest: Rest) => Promise<Res | Response>
  /** Goes around an API route of the pages router, whose request and response are Node's. */
  <Req extends NodeRequest, Res extends NodeResponse>(
    handler: NodeHandler<Req, Res>,
  ): (request: Req, response: Res) => Promise<unknown>
}

/** One instance, with its own keys, lists and caches. */
export interface Countersign {
  /** Who sends the request that is being answered: in server components, actions and route handlers. */
  readonly auth: CurrentAuth
  /** The same, by a request: also one of the pages router, which is Node's. */
  readonly getAuth: GetAuth<HasHeaders | NodeRequest>
  /** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
  readonly requireMachine: (options?: RequireMachineOptions) => Guarded
  /** Lets these classes of token pass, and answers everybody else. */
  readonly requireAuth: (options: RequireAuthOptions) => Guarded
}

/**
 * An instance with settings of its own. They are checked by the first request, and not by the build of
 * Next, which loads each route without the settings of the server.
 */
export function createCountersign(options?: MiddlewareOptions): Countersign {
  let begin: ((request: HasHeaders) => RequestAuth) | undefined
  const begun = new WeakMap<object, RequestAuth>()
  const find = (key: object, request: HasHeaders): RequestAuth => {
    begin ??= createRequestAuth(options)
    const auth = begun.get(key) ?? begin(request)
    begun.set(key, auth)
    return auth
  }
  /**
   * By the headers that Next hands out, one object for a request: what a guard verified is known to
   * `auth`. To ask for them also keeps the answer out of Next's caches, and so from other callers.
   */
  const current = async (): Promise<RequestAuth> => {
    const found = await headers()
    return find(found, { headers: found })
  }
  /** A request that a handler made itself has no part in what its caller presented. */
  const findBy = async (request: HasHeaders | NodeRequest): Promise<RequestAuth> => {
    if (!(request instanceof Request)) return find(request, fromAny(request))
    const found = await headers()
    return presentsTheSame(found, request.headers)
      ? find(found, { headers: found })
      : find(request, request)
  }
  const guarding = (guard: Guard): Guarded => {
    const guarded =
      <Req extends HasHeaders | NodeRequest, Rest extends readonly unknown[]>(
        handler: (request: Req, ...rest: Rest) => unknown,
      ) =>
      async (request: Req, ...rest: Rest): Promise<unknown> => {
        const denial = await guard(await findBy(request))
        if (denial === null) return handler(request, ...rest)
        if (isOfTheWeb(request)) return toResponse(denial)
        // By the type of a guard it is there. Next complains of an API route that returns something.
        const response = rest[0] as NodeResponse
        response.writeHead(denial.status, { ...denial.headers }).end()
        return undefined
      }
    return guarded
  }
  return Object.freeze<Countersign>({
    auth: async (asked) => (await (await current()).authenticate(asked)).toAuth(),
    getAuth: async (request, asked) => (await (await findBy(request)).authenticate(asked)).toAuth(),
    requireMachine: (allowed) => guarding(createMachineGuard(allowed)),
    requireAuth: (allowed) => guarding(createAuthGuard(allowed)),
  })
}

/** As far as it is looked at. */
function presentsTheSame(one: HasHeaders['headers'], other: HasHeaders['headers']): boolean {
  return ['authorization', 'cookie'].every((name) => one.get(name) === other.get(name))
}

const byEnvironment: Countersign = createCountersign()

/** Who sends the request that is being answered, by the settings of the environment. */
export const auth: Countersign['auth'] = byEnvironment.auth
/** Who sends this request, by the settings of the environment. */
export const getAuth: Countersign['getAuth'] = byEnvironment.getAuth
/** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
export const requireMachine: Countersign['requireMachine'] = byEnvironment.requireMachine
/** Lets these classes of token pass, and answers everybody else. */
export const requireAuth: Countersign['requireAuth'] = byEnvironment.requireAuth
