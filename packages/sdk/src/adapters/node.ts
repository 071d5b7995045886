import type { IncomingMessage, ServerResponse } from 'node:http'
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

/** `countersign/node`: the plain servers of `node:http`, `node:https` and `node:http2`. */

/** As much of a request as is used, and what `withCountersign` leaves on it. */
export interface RequestWithAuth extends NodeRequest {
  countersign?: RequestAuth
}

export interface NodeResponse {
  writeHead(status: number, headers: Record<string, string>): { end(): unknown }
}

/** A listener for requests: of `IncomingMessage` and `ServerResponse`, or their likes of HTTP/2. */
export type NodeHandler<Request, Response> = (request: Request, response: Response) => unknown

/**
 * Goes around the listener of a server. It verifies nothing before the listener or a guard asks.
 *
 * @throws {CountersignError} `configuration-invalid`
 */
export function withCountersign<
  Request extends NodeRequest = IncomingMessage,
  Response = ServerResponse,
>(
  handler: NodeHandler<Request & RequestWithAuth, Response>,
  options?: MiddlewareOptions,
): NodeHandler<Request, Response> {
  const begin = createRequestAuth(options)
  return (request: Request & RequestWithAuth, response) => {
    request.countersign = begin(fromNode(request))
    return handler(request, response)
  }
}

/** Who sends a request. */
export const getAuth: GetAuth<RequestWithAuth> = createGetAuth(find)

/** Goes around a handler. */
export type Guarded = <
  Request extends RequestWithAuth = IncomingMessage,
  Response extends NodeResponse = ServerResponse,
>(
  handler: NodeHandler<Request, Response>,
) => NodeHandler<Request, Response>

/** Lets machines pass, and answers everybody else. @throws {CountersignError} `configuration-invalid` */
export function requireMachine(options?: RequireMachineOptions): Guarded {
  return guarding(createMachineGuard(options))
}

/** Lets these classes of token pass, and answers everybody else. */
export function requireAuth(options: RequireAuthOptions): Guarded {
  return guarding(createAuthGuard(options))
}

function guarding(guard: Guard): Guarded {
  return (handler) => async (request, response) => {
    const denial = await guard(find(request))
    if (denial === null) return handler(request, response)
    return response.writeHead(denial.status, { ...denial.headers }).end()
  }
}

function find({ countersign }: RequestWithAuth): RequestAuth {
  return requestAuthIn(countersign, 'createServer(withCountersign(handler))')
}
