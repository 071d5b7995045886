import type { JsonObject } from '../../token/json.ts'

/** Opaque OAuth access tokens, and their verification on Clerk's wire: no authority issues them yet. */
export interface OAuthTokens {
  issue(token: NewOAuthToken): string
  /** Whether there was such a token. */
  revoke(token: string): boolean
  /** What the authority answers about a token; `null` for one that is not live here. */
  find(token: unknown, nowMs: number): JsonObject | null
}

export interface NewOAuthToken {
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly nowMs: number
  readonly expiresAtMs: number
}

export function createOAuthTokens(): OAuthTokens {
  const tokens = new Map<string, JsonObject & { readonly expiration: number }>()
  return Object.freeze({
    issue({ subject, clientId, scopes, nowMs, expiresAtMs }: NewOAuthToken) {
      const token = `oat_${globalThis.crypto.randomUUID().replaceAll('-', '')}`
      tokens.set(token, {
        object: 'clerk_idp_oauth_access_token',
        id: token,
        client_id: clientId,
        subject,
        scopes: [...scopes],
        revoked: false,
        revocation_reason: null,
        expired: false,
        expiration: expiresAtMs,
        created_at: nowMs,
        updated_at: nowMs,
      })
      return token
    },
    revoke: (token: string) => tokens.delete(token),
    find(token: unknown, nowMs: number) {
      const known = typeof token === 'string' ? tokens.get(token) : undefined
      return known !== undefined && nowMs < known.expiration ? known : null
    },
  })
}

const PATH = /^(\/v1)*\/oauth_applications\/access_tokens\/verify$/

/** Answers for the tokens, to whoever the engine lets in with the instance key; all else is the engine's. */
export async function answerWithOAuthTokens(
  request: Request,
  tokens: OAuthTokens,
  nowMs: number,
  engine: (request: Request) => Promise<Response>,
): Promise<Response> {
  if (request.method !== 'POST' || !PATH.test(new URL(request.url).pathname)) return engine(request)
  const authorization = request.headers.get('authorization') ?? ''
  const admitted = await engine(
    new Request(new URL('/machines?limit=1', request.url), { headers: { authorization } }),
  )
  if (!admitted.ok) return admitted
  const body = (await request
    .clone()
    .json()
    .catch(() => null)) as JsonObject | null
  const found = tokens.find(body?.['access_token'], nowMs)
  return found === null ? engine(request) : Response.json(found)
}
