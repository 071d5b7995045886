import {
  createMiddleware,
  getGlobalStartContext,
  type RequestMiddlewareAfterServer,
} from '@tanstack/react-start'
import { type MiddlewareOptions, withEnvironment } from '../authenticate/environment.ts'
import {
  createAuthGuard,
  createMachineGuard,
  type Guard,
  type RequireAuthOptions,
  type RequireMachineOptions,
  toResponse,
} from '../authenticate/guards.ts'
import {
  createGetAuth,
  createRequestAuth,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from '../authenticate/request-auth.ts'
import { createMemo } from '../verify/memo.ts'
import type { CurrentAuth } from './current-auth.ts'

/** `countersign/tanstack-react-start`: server routes, server functions and loaders of TanStack Start 1. */

/** What `countersignMiddleware` adds to the context of a request. */
export interface CountersignContext {
  readonly countersign: RequestAuth
}

/** One of `requestMiddleware` in `src/start.ts`, or of a route. */
export type Middleware<Context> = RequestMiddlewareAfterServer<object, undefined, Context>

/**
 * Goes before all others, in `src/start.ts`. It verifies nothing before a handler or a guard asks.
 * Settings are read by requests: the build has none. Functions among the options are to be made once,
 * outside of what `createStart` is given: each has an instance, with keys and lists, of its own.
 */
export function countersignMiddleware(
  options: MiddlewareOptions = {},
): Middleware<CountersignContext> {
  return createMiddleware().server(({ request, next }) => {
    // What is read of an environment can be compared; an environment itself cannot.
    const begin = requestAuthBy({ ...withEnvironment(options), env: {} })
    return next({ context: { countersign: begin(request) } })
  })
}

// Start calls what is given to `createStart` for each request, and so this middleware is made anew: the
// keys and lists of an instance must outlive it.
const requestAuthBy = createMemo((options: MiddlewareOptions) => createRequestAuth(options))

/** Who sends the request that is being answered, by the middleware in `src/start.ts`. */
export const auth: CurrentAuth = async (asked) => {
  // eslint-disable-next-line @typescript-eslint/no-confusing-void-expression -- Its type is that of an app without middleware.
  const context: unknown = getGlobalStartContext()
  return getAuth(context, asked)
}

/** The same by the context of a handler: that of the middleware which ran last. */
export const getAuth: GetAuth<unknown> = createGetAuth(find)

/** A middleware of a route. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): Middleware<undefined> {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): Middleware<undefined> {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): Middleware<undefined> {
  return createMiddleware().server(async ({ context, next }) => {
    const denial = await guard(find(context))
    return denial === null ? next() : toResponse(denial)
  })
}

function find(context: unknown): RequestAuth {
  const line = 'requestMiddleware: [countersignMiddleware()], in src/start.ts'
  return requestAuthIn((context as Partial<CountersignContext> | undefined)?.countersign, line)
}
