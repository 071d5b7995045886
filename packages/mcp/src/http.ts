import {
  createMcpHandler,
  hostHeaderValidationResponse,
  localhostAllowedHostnames,
  originValidationResponse,
} from '@modelcontextprotocol/server'
import { getAuth, type McpServerOptions, protectMcpServer } from 'countersign/mcp-server'
import type { AgentTools } from './agent-tools.ts'
import { createMcpServer } from './server.ts'

export interface McpFetchOptions extends McpServerOptions {
  /** The hosts of web pages that may call. Default none: what a browser sends from a page is refused. */
  readonly allowedOrigins?: readonly string[]
  readonly onError?: ((error: unknown) => void) | undefined
}

/** More than any call of these tools needs. */
const MAX_BODY_BYTES = 65_536

/**
 * The tools over HTTP, behind `countersign/mcp-server`: every request needs a token that was issued for
 * this server. The machine, or the OAuth client, that presents it is the agent: it has a budget of its
 * own, and the audit log names it.
 *
 * @throws {CountersignError} `configuration-invalid`, naming the option.
 */
export function createMcpFetch(
  agentTools: AgentTools,
  options: McpFetchOptions,
): (request: Request) => Promise<Response> {
  const { allowedOrigins = [], onError, ...protection } = options
  const protect = protectMcpServer(protection)
  const { pathname, hostname } = new URL(protect.metadata.resource)
  const loopback = localhostAllowedHostnames()
  const hosts = loopback.includes(hostname) ? loopback : [hostname]
  const mcp = createMcpHandler(
    ({ authInfo }) => createMcpServer(agentTools, { agent: nameOf(authInfo), onError }),
    { maxRequestBodySize: MAX_BODY_BYTES },
  )
  const serve = protect.fetch((request, admitted) =>
    new URL(request.url).pathname === pathname
      ? mcp.fetch(request, admitted)
      : new Response(null, { status: 404 }),
  )
  return async (request) =>
    // A page that made its own name lead to this machine sends that name, and its origin.
    hostHeaderValidationResponse(request, hosts) ??
    originValidationResponse(request, [...allowedOrigins]) ??
    (await serve(request))
}

/** Who was let in: the machine, or the client and the user that it acts for. */
function nameOf(authInfo: Parameters<typeof getAuth>[0]): string {
  const auth = getAuth(authInfo)
  if (auth.tokenType === 'm2m_token') return auth.machineId
  return auth.userId === null ? auth.clientId : `${auth.clientId}/${auth.userId}`
}
