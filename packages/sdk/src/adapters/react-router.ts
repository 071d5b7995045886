import { createContext, type RouterContextProvider } from 'react-router'
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
  createRequestAuth,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from '../authenticate/request-auth.ts'

/** `countersign/react-router`: React Router 8 in framework mode, and 7 with `future.v8_middleware`. */

/** What `countersignMiddleware` left in the context of a request. */
export const countersignContext: ReturnType<typeof createContext<RequestAuth | null>> =
  createContext<RequestAuth | null>(null)

/** As much of the arguments of a loader, an action or a middleware as is used. */
export interface ArgsWithContext {
  readonly request: HasHeaders
  readonly context: Readonly<RouterContextProvider>
}

/** One of `middleware` of a route. */
export type Middleware = (args: ArgsWithContext, next: () => Promise<Response>) => Promise<Response>

/**
 * Goes before all others, in `app/root.tsx`. It verifies nothing before a loader, an action or a guard
 * asks. Settings are read by the first request: the build has none.
 */
export function countersignMiddleware(options?: MiddlewareOptions): Middleware {
  let begin: ((request: HasHeaders) => RequestAuth) | undefined
  return async ({ request, context }, next) => {
    begin ??= createRequestAuth(options)
    context.set(countersignContext, begin(request))
    return next()
  }
}

/** Who sends a request, by the arguments of a loader or an action. */
export const getAuth: GetAuth<Pick<ArgsWithContext, 'context'>> = createGetAuth(find)

/** A middleware of a route. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): Middleware {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): Middleware {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): Middleware {
  return async (args, next) => {
    const denial = await guard(find(args))
    return denial === null ? next() : toResponse(denial)
  }
}

function find({ context }: Pick<ArgsWithContext, 'context'>): RequestAuth {
  const line = 'export const middleware = [countersignMiddleware()], in app/root.tsx'
  return requestAuthIn(context.get(countersignContext) ?? undefined, line)
}
