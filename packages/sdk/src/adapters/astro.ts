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
import type { CurrentAuth } from './current-auth.ts'

/** `countersign/astro`: endpoints and pages of Astro 5 and 7 that are rendered on demand. */

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- Astro has its users write its types so.
  namespace App {
    interface Locals {
      /** Who sends the request. */
      auth: CurrentAuth
      /** What `countersignMiddleware` left. */
      countersign?: RequestAuth
    }
  }
}

/** As much of Astro's context as is used. */
export interface ContextWithLocals {
  readonly request: HasHeaders
  readonly locals: App.Locals
  readonly isPrerendered?: boolean
}

/** Astro's `onRequest`, and whatever else is given to `sequence`. */
export type Middleware = (
  context: ContextWithLocals,
  next: () => Promise<Response>,
) => Promise<Response>

/**
 * `onRequest` of `src/middleware.ts`. It verifies nothing before a page, an endpoint or a guard asks.
 * Settings are read by the first request. A page that the build renders cannot ask.
 */
export function countersignMiddleware(options?: MiddlewareOptions): Middleware {
  let begin: ((request: HasHeaders) => RequestAuth) | undefined
  return async (context, next) => {
    // What the build renders is for everybody, and the build has no settings.
    if (context.isPrerendered !== true) {
      begin ??= createRequestAuth(options)
      context.locals.countersign = begin(context.request)
    }
    context.locals.auth = async (asked) => getAuth(context, asked)
    return next()
  }
}

/** Who sends a request: `locals.auth`, as a function. */
export const getAuth: GetAuth<ContextWithLocals> = createGetAuth(find)

/** Goes around an endpoint, or a middleware. */
export type Guarded = <Context extends ContextWithLocals, Rest extends readonly unknown[]>(
  handler: (context: Context, ...rest: Rest) => Response | Promise<Response>,
) => (context: Context, ...rest: Rest) => Promise<Response>

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
    async (context, ...rest) => {
      const denial = await guard(find(context))
      return denial === null ? handler(context, ...rest) : toResponse(denial)
    }
}

function find({ locals, isPrerendered }: ContextWithLocals): RequestAuth {
  const line =
    isPrerendered === true
      ? 'export const prerender = false, for the build knows no caller'
      : 'export const onRequest = countersignMiddleware(), in src/middleware.ts'
  return requestAuthIn(locals.countersign, line)
}
