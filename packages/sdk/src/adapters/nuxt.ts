import type { H3Event } from 'h3'
import type { MiddlewareOptions } from '../authenticate/environment.ts'
import {
  createAuthGuard,
  createMachineGuard,
  type Guard,
  type RequireAuthOptions,
  type RequireMachineOptions,
  toResponse,
} from '../authenticate/guards.ts'
import { fromAny } from '../authenticate/node-request.ts'
import {
  createGetAuth,
  createRequestAuthByEnvironment,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from '../authenticate/request-auth.ts'
import type { CurrentAuth } from './current-auth.ts'
import type { EventWithRequest } from './h3.ts'
import { type CacheableEvent, outsideOfCache } from './nitro-cache.ts'

/** `countersign/nuxt`: the server of Nuxt 3 and 4, which is Nitro's. */

declare module 'h3' {
  interface H3EventContext {
    /** Who sends the request. */
    auth: CurrentAuth
  }
}

/** As much of an event as is used. */
export interface NuxtEvent extends EventWithRequest {
  readonly context: CacheableEvent['context'] & {
    countersign?: RequestAuth
    auth?: CurrentAuth
    readonly cloudflare?: { readonly env?: unknown }
  }
}

/**
 * The default export of `server/middleware/countersign.ts`. It verifies nothing before a handler or a
 * guard asks. Settings that are not given are those of the platform or of `process.env`, and are read when
 * somebody asks: the build, which renders pages through this middleware, has none.
 */
export function countersignMiddleware(
  options?: MiddlewareOptions,
): (event: NuxtEvent) => undefined {
  const begin = createRequestAuthByEnvironment(options)
  return (event) => {
    event.context.countersign = outsideOfCache(event, () =>
      begin(fromAny(event.req), event.context.cloudflare?.env),
    )
    event.context.auth = async (asked) => getAuth(event, asked)
  }
}

/** Who sends a request: `event.context.auth`, as a function. */
export const getAuth: GetAuth<NuxtEvent> = createGetAuth(find)

/** Goes around an event handler. */
export type Guarded = <Event extends NuxtEvent = H3Event, Res = unknown>(
  handler: (event: Event) => Res | Promise<Res>,
) => (event: Event) => Promise<Res | Response>

/** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): Guarded {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): Guarded {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): Guarded {
  return (handler) => async (event) => {
    const denial = await guard(find(event))
    return denial === null ? handler(event) : toResponse(denial)
  }
}

function find({ context }: NuxtEvent): RequestAuth {
  const line = 'export default countersignMiddleware(), in server/middleware/countersign.ts'
  return requestAuthIn(context.countersign, line)
}
