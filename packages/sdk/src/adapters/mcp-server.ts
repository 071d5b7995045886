import type { IncomingMessage, ServerResponse } from 'node:http'
import type { M2MAuth, OAuthAuth } from '../authenticate/auth-object.ts'
import {
  type MiddlewareOptions,
  OPTION_NAMES,
  withEnvironment,
} from '../authenticate/environment.ts'
import { type Denial, denialOf, FORBIDDEN, machinesOf, toResponse } from '../authenticate/guards.ts'
import { fromNode } from '../authenticate/node-request.ts'
import type { OAuthOptions } from '../authenticate/options.ts'
import { bearerToken, type HasHeaders } from '../authenticate/presented-token.ts'
import { createRequestAuth } from '../authenticate/request-auth.ts'
import { isJsonObject } from '../token/json.ts'
import { TokenType, typeByPrefix } from '../token/token-type.ts'
import { checkNames, invalidOption } from '../verify/options.ts'
import {
  createProtectedResource,
  metadataAnswer,
  type ResourceMetadata,
  RESOURCE_OPTION_NAMES,
  type ResourceOptions,
} from './protected-resource.ts'

/**
 * `countersign/mcp-server`: protects a Model Context Protocol server over HTTP, as the authorization
 * chapter of its specification says. Where a token names this server it is let in; the token itself goes
 * no further.
 */

export interface McpServerOptions
  extends Omit<MiddlewareOptions, 'session' | 'oauth' | 'audience' | 'secretKey'>, ResourceOptions {
  /** The machines of which a token must be meant for one. Default: the machine of `machineSecretKey`. */
  readonly audience?: string | readonly string[] | undefined
  /** Who issues the OAuth access tokens (RFC 9068) that are accepted. Default none. */
  readonly oauth?: McpOAuthOptions | undefined
  /** The ids of the machines that may pass. Default every machine whose token is good here. */
  readonly from?: readonly string[]
}

/** `audience` is `resource` unless another is given; there is no leaving it out. */
export interface McpOAuthOptions extends Omit<OAuthOptions, 'audience'> {
  readonly audience?: string | readonly string[] | undefined
}

/** `AuthInfo` of the official SDK, versions 1 and 2. Its type wants a `token`: that is empty. */
export interface McpAuthInfo {
  token: ''
  /** The machine, or the OAuth client. */
  clientId: string
  /** Those of an access token; none for a machine, which the authority and `from` let in. */
  scopes: string[]
  resource: URL
  /** For challenges that tools make. */
  resourceMetadataUrl: string
  extra: Record<string, unknown>
}

/** Who calls a tool. There is no `getToken`: a server of this protocol must not pass a token on. */
export type McpAuth = Omit<M2MAuth, 'getToken'> | Omit<OAuthAuth, 'getToken'>

/** `fetch` of `createMcpHandler`, or whatever calls `handleRequest` of a transport. */
export type McpFetchHandler = (
  request: Request,
  options: { readonly authInfo: McpAuthInfo },
) => Response | Promise<Response>

/** A listener of Node, which finds `auth` where the transports of the SDK look for it. */
export type McpNodeHandler<Req, Res> = (
  req: Req & { auth?: McpAuthInfo | undefined },
  res: Res,
) => unknown

/** What stands before a server. */
export interface McpProtection {
  readonly metadata: ResourceMetadata
  readonly metadataUrl: string
  /** Goes around a handler of web requests. Also answers for the metadata. */
  fetch(handler: McpFetchHandler): (request: Request) => Promise<Response>
  /** Goes around a listener of Node, or a handler of Express. Also answers for the metadata. */
  node<Req extends IncomingMessage = IncomingMessage, Res extends ServerResponse = ServerResponse>(
    handler: McpNodeHandler<Req, Res>,
  ): (req: Req, res: Res) => unknown
}

/**
 * Machine tokens are accepted where this server has a machine of its own, which they must be meant for
 * (`machineSecretKey`, or `audience`), and access tokens where `oauth` says who issues them.
 *
 * ```ts
 * const protection = protectMcpServer({ resource: 'https://tools.example.com/mcp' })
 * export default { fetch: protection.fetch(mcp.fetch) }
 * ```
 *
 * @throws {CountersignError} `configuration-invalid`, naming the option and the variable.
 */
export function protectMcpServer(given: McpServerOptions): McpProtection {
  checkNames('options', given, [...OPTION_NAMES, ...RESOURCE_OPTION_NAMES, 'from'])
  const { from, oauth, ...others } = given
  const accessTokens = oauth && { ...oauth, audience: audienceOf(oauth, given.resource) }
  const own = Object.entries(others).filter(([name]) => OPTION_NAMES.includes(name))
  const options = withEnvironment({
    ...Object.fromEntries(own),
    session: undefined,
    oauth: accessTokens,
  })
  const acceptsToken = acceptedBy(options)
  const acceptsMachines = acceptsToken.includes(TokenType.M2MToken)
  // Nobody knows who is meant by one that is not set.
  const machines = 'from' in given ? machinesOf('protectMcpServer', from) : null
  const resource = createProtectedResource(given, [
    ...(oauth === undefined ? [] : [oauth.issuer]),
    ...(acceptsMachines ? [options.issuer ?? options.apiUrl] : []),
  ])
  const begin = createRequestAuth({ ...options, env: {} })

  const admit = async (request: HasHeaders): Promise<McpAuthInfo | Denial> => {
    if (isOpaqueAccessToken(request)) return resource.withChallenge(INVALID)
    const state = await begin(request).authenticate({ acceptsToken })
    if (!state.isAuthenticated) return resource.withChallenge(denialOf(state))
    const { getToken: _, ...auth } = state.toAuth() as M2MAuth | OAuthAuth
    const mayPass =
      auth.tokenType === 'm2m_token'
        ? machines === null || machines.has(auth.machineId)
        : resource.requiredScopes.every((scope) => auth.scopes.includes(scope))
    if (!mayPass) return resource.withChallenge(FORBIDDEN)
    return {
      token: '',
      clientId: auth.tokenType === 'm2m_token' ? auth.machineId : auth.clientId,
      scopes: auth.tokenType === 'm2m_token' ? [] : [...auth.scopes],
      resource: new URL(resource.resource),
      resourceMetadataUrl: resource.metadataUrl,
      extra: { [EXTRA]: auth },
    }
  }

  return Object.freeze({
    metadata: resource.metadata,
    metadataUrl: resource.metadataUrl,

    fetch: (handler: McpFetchHandler) => async (request: Request) => {
      if (new URL(request.url).pathname === resource.metadataPath) {
        const { status, headers, body } = metadataAnswer(request.method, resource)
        return new Response(body, { status, headers })
      }
      const admitted = await admit(request)
      if ('status' in admitted) return toResponse(admitted)
      return handler(withoutToken(request), { authInfo: admitted })
    },

    // One of each kind of request serves all: which it is, only the handler knows.
    node: ((handler: McpNodeHandler<IncomingMessage, ServerResponse>) =>
      async (req: NodeRequestToAdmit, res: ServerResponse) => {
        const [path] = (req.originalUrl ?? req.url ?? '').split('?')
        if (path === resource.metadataPath) {
          const { status, headers, body } = metadataAnswer(req.method ?? '', resource)
          return res.writeHead(status, { ...headers }).end(body ?? undefined)
        }
        const admitted = await admit(fromNode(req))
        if ('status' in admitted) {
          return res.writeHead(admitted.status, { ...admitted.headers }).end()
        }
        forgetToken(req)
        req.auth = admitted
        return handler(req, res)
      }) as McpProtection['node'],
  })
}

/**
 * Who calls a tool, of the `authInfo` that its handler is given: `context.http?.authInfo` in version 2 of
 * the SDK, `extra.authInfo` in version 1.
 *
 * @throws {CountersignError} `configuration-invalid` where none of ours is.
 */
export function getAuth(authInfo: { readonly extra?: object | undefined } | undefined): McpAuth {
  const auth = (authInfo?.extra as Readonly<Record<string, unknown>> | undefined)?.[EXTRA]
  if (isJsonObject(auth)) return auth as unknown as McpAuth
  throw invalidOption('the server to stand behind protectMcpServer: protection.fetch(mcp.fetch)')
}

interface NodeRequestToAdmit extends IncomingMessage {
  /** Where a framework mounts a handler it cuts the path, and keeps the whole one here. */
  readonly originalUrl?: string | undefined
  auth?: McpAuthInfo | undefined
}

/** The member of `extra` that holds who calls. */
const EXTRA = 'countersign'

const INVALID: Denial = Object.freeze({
  status: 401,
  headers: Object.freeze({ 'www-authenticate': 'Bearer error="invalid_token"' }),
})

/** "MCP servers MUST validate that access tokens were issued specifically for them as the intended audience." */
function audienceOf({ audience }: McpOAuthOptions, resource: string): string | readonly string[] {
  const given: unknown = audience
  if (given === null) throw invalidOption('oauth.audience to name this server: null is not allowed')
  return audience ?? resource
}

type Accepted = typeof TokenType.M2MToken | typeof TokenType.OAuthToken

/** With the instance's key alone a token would be good whomever it is meant for. */
function acceptedBy(options: ReturnType<typeof withEnvironment>): readonly Accepted[] {
  const { machineSecretKey, audience, oauth } = options
  if (audience === null) throw invalidOption('audience to name this server: null is not allowed')
  const accepted = [
    ...(machineSecretKey || audience !== undefined ? [TokenType.M2MToken] : []),
    ...(oauth === undefined ? [] : [TokenType.OAuthToken]),
  ]
  if (accepted.length > 0) return accepted
  throw invalidOption(
    'machineSecretKey, or COUNTERSIGN_MACHINE_SECRET_KEY in the environment: the machine that this ' +
      'server is; or oauth',
  )
}

/** Nobody could say whom it is meant for. */
function isOpaqueAccessToken(request: HasHeaders): boolean {
  const presented = bearerToken(request)
  return typeof presented !== 'string' && typeByPrefix(presented.token) === TokenType.OAuthToken
}

/** What a tool is not given it cannot pass on. */
function withoutToken(request: Request): Request {
  const headers = new Headers(request.headers)
  headers.delete('authorization')
  return new Request(request, { headers })
}

function forgetToken(req: Pick<IncomingMessage, 'headers' | 'rawHeaders'>): void {
  delete req.headers.authorization
  const { rawHeaders } = req
  req.rawHeaders = rawHeaders.filter((_, index) => {
    const name = rawHeaders[index - (index % 2)]
    return name?.toLowerCase() !== 'authorization'
  })
}
