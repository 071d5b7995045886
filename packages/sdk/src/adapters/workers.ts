import type { MiddlewareOptions } from '../authenticate/environment.ts'
import {
  createAuthGuard,
  createMachineGuard,
  type Guard,
  type RequireAuthOptions,
  type RequireMachineOptions,
  toResponse,
} from '../authenticate/guards.ts'
import type { HasHeaders } from '../authenticate/presented-token.ts'
import {
  createGetAuth,
  createRequestAuthByEnvironment,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from '../authenticate/request-auth.ts'

/** `countersign/workers`: handlers from a `Request` to a `Response`, on Workers, Deno and Bun. */

/** As much of a request as is used, and what `withCountersign` leaves on it. */
export interface RequestWithAuth extends HasHeaders {
  countersign?: RequestAuth
}

/** `fetch` of a worker, with whatever its platform gives besides the request. */
export type FetchHandler<Req, Rest extends readonly unknown[], Res> = (
  request: Req,
  ...rest: Rest
) => Res | Promise<Res>

/**
 * Goes around the `fetch` of a worker. It verifies nothing before the handler or a guard asks. Settings
 * that are not given are those of `env`, the second argument, or of `process.env`, and are read by the
 * first request.
 */
export function withCountersign<
  Req extends HasHeaders = Request,
  Rest extends readonly unknown[] = [],
  Res = Response,
>(
  handler: FetchHandler<Req & RequestWithAuth, Rest, Res>,
  options?: MiddlewareOptions,
): FetchHandler<Req, Rest, Res> {
  const begin = createRequestAuthByEnvironment(options)
  return (request: Req & RequestWithAuth, ...rest) => {
    request.countersign = begin(request, rest[0])
    return handler(request, ...rest)
  }
}

/** Who sends a request: the one that the handler was given, not a copy of it. */
export const getAuth: GetAuth<RequestWithAuth> = createGetAuth(find)

/** Goes around a handler. */
export type Guarded = <
  Req extends RequestWithAuth = Request,
  Rest extends readonly unknown[] = [],
  Res = Response,
>(
  handler: FetchHandler<Req, Rest, Res>,
) => FetchHandler<Req, Rest, Res | Response>

/** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): Guarded {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): Guarded {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): Guarded {
  return (handler) =>
    async (request, ...rest) => {
      const denial = await guard(find(request))
      return denial === null ? handler(request, ...rest) : toResponse(denial)
    }
}

function find({ countersign }: RequestWithAuth): RequestAuth {
  return requestAuthIn(countersign, 'export default { fetch: withCountersign(handler) }')
}
