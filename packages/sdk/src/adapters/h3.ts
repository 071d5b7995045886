import type {} from 'h3'
import type { MiddlewareOptions } from '../authenticate/environment.ts'
import {
  createAuthGuard,
  createMachineGuard,
  type Guard,
  type RequireAuthOptions,
  type RequireMachineOptions,
  toResponse,
} from '../authenticate/guards.ts'
import { fromAny, type NodeRequest } from '../authenticate/node-request.ts'
import type { HasHeaders } from '../authenticate/presented-token.ts'
import {
  createGetAuth,
  createRequestAuth,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from '../authenticate/request-auth.ts'
import { type CacheableEvent, outsideOfCache } from './nitro-cache.ts'

/** `countersign/h3`: h3 2, and h3 1 as Nitro 2 and Nuxt have it. */

declare module 'h3' {
  interface H3EventContext {
    /** What `countersignMiddleware` left. */
    countersign?: RequestAuth
  }
}

/** As much of an event as is used: its request is the web's in h3 2, and Node's in h3 1. */
export interface EventWithRequest {
  readonly req: HasHeaders | NodeRequest
  readonly context: CacheableEvent['context'] & { countersign?: RequestAuth }
}

/**
 * Goes before the routes. It verifies nothing before a handler or a guard asks.
 *
 * @throws {CountersignError} `configuration-invalid`
 */
export function countersignMiddleware(
  options?: MiddlewareOptions,
): (event: EventWithRequest) => undefined {
  const begin = createRequestAuth(options)
  return (event) => {
    event.context.countersign = outsideOfCache(event, () => begin(fromAny(event.req)))
  }
}

/** Who sends a request. */
export const getAuth: GetAuth<EventWithRequest> = createGetAuth(find)

/** A middleware of an app or a route: gives the answer, or `undefined` to go on. */
export type EventGuard = (event: EventWithRequest) => Promise<Response | undefined>

/** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): EventGuard {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): EventGuard {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): EventGuard {
  return async (event) => {
    const denial = await guard(find(event))
    return denial === null ? undefined : toResponse(denial)
  }
}

function find({ context }: EventWithRequest): RequestAuth {
  return requestAuthIn(context.countersign, 'app.use(countersignMiddleware())')
}
