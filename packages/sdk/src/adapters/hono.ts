import type { Context, MiddlewareHandler } from 'hono'
import type { MiddlewareOptions } from '../authenticate/environment.ts'
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
  createRequestAuthByEnvironment,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from '../authenticate/request-auth.ts'

/** `countersign/hono`: Hono 4, wherever it runs. */

declare module 'hono' {
  interface ContextVariableMap {
    /** What `countersignMiddleware` left. */
    countersign: RequestAuth | undefined
  }
}

/**
 * Goes before the routes. It verifies nothing before a handler or a guard asks. Settings that are not
 * given are those of `c.env` or of `process.env`, wherever the app runs, and are read by the first
 * request.
 */
export function countersignMiddleware(options?: MiddlewareOptions): MiddlewareHandler {
  const begin = createRequestAuthByEnvironment(options)
  return async (c, next) => {
    c.set('countersign', begin(c.req.raw, c.env))
    await next()
  }
}

/** Who sends a request. */
export const getAuth: GetAuth<Context> = createGetAuth(find)

/** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): MiddlewareHandler {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): MiddlewareHandler {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): MiddlewareHandler {
  return async (c, next) => {
    const denial = await guard(find(c))
    if (denial !== null) return toResponse(denial)
    await next()
    return undefined
  }
}

function find(c: Context): RequestAuth {
  return requestAuthIn(c.get('countersign'), 'app.use(countersignMiddleware())')
}
