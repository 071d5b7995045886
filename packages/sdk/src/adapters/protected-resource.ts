import type { Denial } from '../authenticate/guards.ts'
import { checkUrl, invalidOption } from '../verify/options.ts'

/** A resource that says of itself how to get in: OAuth 2.0 Protected Resource Metadata (RFC 9728). */

export interface ResourceOptions {
  /**
   * Where clients reach the server: its canonical URI, such as `https://tools.example.com/mcp`. Access
   * tokens must name it in `aud`.
   */
  readonly resource: string
  /** Its name, for people. */
  readonly resourceName?: string | undefined
  /** Who issues tokens for it. Default: `issuer` of `oauth`, and the authority where machines may pass. */
  readonly authorizationServers?: readonly string[] | undefined
  /** The scopes that an access token must have, all of them. Default none. */
  readonly requiredScopes?: readonly string[]
  /** The scopes that there are, for the metadata. Default `requiredScopes`. */
  readonly scopesSupported?: readonly string[]
}

const OPTIONS: Readonly<Record<keyof ResourceOptions, true>> = {
  resource: true,
  resourceName: true,
  authorizationServers: true,
  requiredScopes: true,
  scopesSupported: true,
}

export const RESOURCE_OPTION_NAMES: readonly string[] = Object.keys(OPTIONS)

/** RFC 9728 §2. */
export interface ResourceMetadata {
  readonly resource: string
  readonly authorization_servers: readonly string[]
  readonly bearer_methods_supported: readonly ['header']
  readonly scopes_supported?: readonly string[]
  readonly resource_name?: string
}

export interface ProtectedResource {
  readonly resource: string
  readonly metadata: ResourceMetadata
  /** Where the metadata is found: the well-known path goes before that of the resource (§3.1). */
  readonly metadataUrl: string
  readonly metadataPath: string
  readonly requiredScopes: readonly string[]
  /** The denial, with what leads a client to the metadata (§5.1). */
  withChallenge(denial: Denial): Denial
}

const WELL_KNOWN = '/.well-known/oauth-protected-resource'

/** RFC 6749 §3.3: a quote or a backslash would end the quoted string of a challenge. */
const SCOPE = /^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/

/** @throws {CountersignError} `configuration-invalid`, naming the option. */
export function createProtectedResource(
  options: ResourceOptions,
  issuers: readonly string[],
): ProtectedResource {
  const resource = checkUrl('resource', options.resource)
  const { origin, pathname } = new URL(resource)
  const metadataPath = WELL_KNOWN + (pathname === '/' ? '' : pathname)
  const metadataUrl = origin + metadataPath
  const requiredScopes = checkScopes('requiredScopes', options)
  const scopes =
    'scopesSupported' in options ? checkScopes('scopesSupported', options) : requiredScopes
  const servers = checkServers(options.authorizationServers ?? issuers)
  const metadata: ResourceMetadata = Object.freeze({
    resource,
    authorization_servers: servers,
    bearer_methods_supported: ['header'] as const,
    ...(scopes.length > 0 && { scopes_supported: scopes }),
    ...(options.resourceName !== undefined && { resource_name: options.resourceName }),
  })
  const parameters = [
    ...(requiredScopes.length > 0 ? [`scope="${requiredScopes.join(' ')}"`] : []),
    `resource_metadata="${metadataUrl}"`,
  ].join(', ')

  return Object.freeze({
    resource,
    metadata,
    metadataUrl,
    metadataPath,
    requiredScopes,
    withChallenge({ status, headers }: Denial): Denial {
      const challenge = headers['www-authenticate']
      if (challenge === undefined) return { status, headers }
      const separator = challenge === 'Bearer' ? ' ' : ', '
      return { status, headers: { 'www-authenticate': challenge + separator + parameters } }
    },
  })
}

/** An answer that anyone may read, also a script of another origin: clients in browsers look for it. */
export interface PublicAnswer {
  readonly status: 200 | 204 | 405
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
}

const FOR_ALL = { 'access-control-allow-origin': '*' }
const METHODS = 'GET, HEAD, OPTIONS'

export function metadataAnswer(method: string, { metadata }: ProtectedResource): PublicAnswer {
  if (method === 'GET' || method === 'HEAD') {
    const headers = {
      ...FOR_ALL,
      'content-type': 'application/json',
      'cache-control': 'public, max-age=3600',
    }
    return { status: 200, headers, body: method === 'GET' ? JSON.stringify(metadata) : null }
  }
  if (method === 'OPTIONS') {
    const headers = {
      ...FOR_ALL,
      'access-control-allow-methods': METHODS,
      // Clients of this protocol send it with every request.
      'access-control-allow-headers': 'mcp-protocol-version',
    }
    return { status: 204, headers, body: null }
  }
  return { status: 405, headers: { ...FOR_ALL, allow: METHODS }, body: null }
}

/** What is not set, and should be, must not leave the door open. */
function checkScopes(
  name: 'requiredScopes' | 'scopesSupported',
  options: ResourceOptions,
): readonly string[] {
  if (!(name in options)) return []
  const scopes: unknown = options[name]
  const given: readonly unknown[] = Array.isArray(scopes) ? scopes : [null]
  if (given.every((scope) => typeof scope === 'string' && SCOPE.test(scope))) {
    return [...(given as readonly string[])]
  }
  throw invalidOption(`${name} to be scopes without white space, quotes and backslashes`)
}

function checkServers(servers: unknown): readonly string[] {
  const given: readonly unknown[] = Array.isArray(servers) ? servers : []
  if (given.length === 0) throw invalidOption('authorizationServers to be URLs, at least one')
  // As it is written: an issuer is compared as a text, a slash at its end included.
  for (const one of given) checkUrl('authorizationServers', one)
  return [...(given as readonly string[])]
}
