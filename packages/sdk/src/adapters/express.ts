import type { MiddlewareOptions } from '../authenticate/environment.ts'
import {
  createAuthGuard,
  createMachineGuard,
  type Guard,
  type RequireAuthOptions,
  type RequireMachineOptions,
} from '../authenticate/guards.ts'
import { fromNode, type NodeRequest } from '../authenticate/node-request.ts'
import {
  createGetAuth,
  createRequestAuth,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from '../authenticate/request-auth.ts'

/** `countersign/express`: Express 5 and 4, and what else has their middleware. */

declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace -- so Express's types are extended
  namespace Express {
    interface Request {
      /** What `countersignMiddleware` of `countersign/express` left. */
      countersign?: RequestAuth
    }
  }
}

/** As much of Express's request as is used, so that its types are not needed. */
export interface ExpressRequest extends NodeRequest {
  countersign?: RequestAuth
}

export interface ExpressResponse {
  writeHead(status: number, headers: Record<string, string>): { end(): unknown }
}

export type ExpressHandler = (
  request: ExpressRequest,
  response: ExpressResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Goes before the routes. It verifies nothing before a handler or a guard asks.
 *
 * @throws {CountersignError} `configuration-invalid`
 */
export function countersignMiddleware(options?: MiddlewareOptions): ExpressHandler {
  const begin = createRequestAuth(options)
  return (request, _, next) => {
    request.countersign = begin(fromNode(request))
    next()
  }
}

/** Who sends a request. */
export const getAuth: GetAuth<ExpressRequest> = createGetAuth(find)

/** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): ExpressHandler {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): ExpressHandler {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): ExpressHandler {
  return (request, response, next) => {
    guard(find(request)).then((denial) => {
      if (denial === null) next()
      else response.writeHead(denial.status, { ...denial.headers }).end()
    }, next)
  }
}

function find({ countersign }: ExpressRequest): RequestAuth {
  return requestAuthIn(countersign, 'app.use(countersignMiddleware())')
}
