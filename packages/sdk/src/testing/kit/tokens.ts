import { createClient } from '../../client/client.ts'
import { type CredentialKind, formatCredential, parseCredential } from '../../token/credential.ts'
import { parseId } from '../../token/ids.ts'
import type { JsonObject } from '../../token/json.ts'
import { parseJws } from '../../token/jws.ts'
import { checkDefect, type TokenDefects } from './defects.ts'
import { type Draft, forge, type ForgedDefect } from './forge.ts'
import type { TestConnection, TokenSources } from './token-sources.ts'
import type { TestMachine } from './test-authority.ts'

/** What is said of a token of any class. */
export interface TestTokenOptions<Defect> {
  /** Besides those that the class needs. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined
  readonly ttlSeconds?: number | undefined
  /** What is wrong with it. Default: nothing. */
  readonly defect?: Defect | undefined
}

export interface TestApiKeyOptions extends TestTokenOptions<TokenDefects['apiKey']> {
  /** The user, organization or machine that it belongs to. */
  readonly subject?: string | undefined
  readonly scopes?: readonly string[] | undefined
}

export interface TestOAuthOptions<Defect> {
  readonly subject?: string | undefined
  readonly clientId?: string | undefined
  readonly scopes?: readonly string[] | undefined
  readonly ttlSeconds?: number | undefined
  readonly defect?: Defect | undefined
}

export interface TestOAuthJwtOptions
  extends TestOAuthOptions<TokenDefects['oauthJwt']>, TestTokenOptions<TokenDefects['oauthJwt']> {}

export interface TestSessionOptions extends TestTokenOptions<TokenDefects['session']> {
  readonly userId?: string | undefined
}

/** Makes tokens of every class: good ones, and ones with exactly one defect. */
export interface TestTokens {
  /** An opaque machine token. */
  readonly m2m: (
    from: TestMachine,
    options?: TestTokenOptions<TokenDefects['m2m']>,
  ) => Promise<string>
  readonly m2mJwt: (
    from: TestMachine,
    options?: TestTokenOptions<TokenDefects['m2mJwt']>,
  ) => Promise<string>
  readonly apiKey: (options?: TestApiKeyOptions) => Promise<string>
  /** An opaque access token. */
  readonly oauth: (options?: TestOAuthOptions<TokenDefects['oauth']>) => Promise<string>
  readonly oauthJwt: (options?: TestOAuthJwtOptions) => Promise<string>
  readonly session: (options?: TestSessionOptions) => Promise<string>
  /**
   * Ends a machine token, an API key or an opaque access token. A verifier knows it of a JWT once its list
   * is older than 15 s: `clock.advance(15_000)`.
   */
  readonly revoke: (token: string) => Promise<void>
}

/** Whom tokens speak of unless told otherwise. */
const TEST_USER = `user_${'1'.repeat(27)}`
const TEST_CLIENT = 'client_test'

const HOUR_SECONDS = 3_600

export function createTestTokens(sources: TokenSources): TestTokens {
  const { now, oauthTokens, sessions, accessJwts, stranger } = sources

  /** Lived for a minute, an hour ago. */
  const expired = (make: (ttlSeconds: number, then: TestConnection) => Promise<string>) =>
    sources.at(now() - HOUR_SECONDS * 1000, (then) => make(60, then))

  const createM2M = async (
    from: TestMachine,
    { claims, ttlSeconds }: TestTokenOptions<unknown>,
    more: { readonly tokenFormat?: 'jwt'; readonly scopes?: readonly string[] } = {},
    connection: TestConnection = sources.connection,
  ): Promise<string> => {
    const { machineSecretKey } = from
    const created = await createClient({ ...connection, machineSecretKey }).m2m.createToken({
      ...more,
      ...(claims !== undefined && { claims }),
      ...(ttlSeconds !== undefined && { secondsUntilExpiration: ttlSeconds }),
    })
    return created.token ?? ''
  }

  const createApiKey = async (
    options: TestApiKeyOptions,
    connection: TestConnection = sources.connection,
  ): Promise<string> => {
    const { subject = TEST_USER, scopes = [], claims, ttlSeconds = HOUR_SECONDS } = options
    const { secretKey } = sources
    const created = await createClient({ ...connection, secretKey }).apiKeys.create({
      name: 'test',
      subject,
      scopes,
      claims: claims ?? null,
      secondsUntilExpiration: ttlSeconds,
    })
    return created.secret ?? ''
  }

  const createOAuth = (options: TestOAuthOptions<unknown>, nowMs: number): string => {
    const { subject = TEST_USER, clientId = TEST_CLIENT, scopes = [] } = options
    const expiresAtMs = nowMs + (options.ttlSeconds ?? HOUR_SECONDS) * 1000
    return oauthTokens.issue({ subject, clientId, scopes, nowMs, expiresAtMs })
  }

  const revoke = async (token: string): Promise<void> => {
    if (oauthTokens.revoke(token)) return
    const credential = parseCredential(token)
    if (credential?.kind === 'api-key') {
      await sources.client.apiKeys.revoke({ apiKeyId: credential.id })
    } else {
      const id = credential?.id ?? String(parseJws(token).payload['jti'])
      await sources.client.m2m.revokeToken({ m2mTokenId: id })
    }
  }

  const revoked = async (token: string): Promise<string> => {
    await revoke(token)
    return token
  }

  /** Of a JWT of this authority, with one thing wrong. */
  const spoil = (token: string, defect: ForgedDefect): Promise<string> => {
    const { header, payload } = parseJws(token)
    return forge({ header: header as Draft['header'], payload }, sources.sign, now(), defect)
  }

  const times = (ttlSeconds: number = HOUR_SECONDS): JsonObject => {
    const iat = Math.floor(now() / 1000)
    return { iat, nbf: iat, exp: iat + Math.ceil(ttlSeconds) }
  }

  const oauthPayload = (options: TestOAuthJwtOptions): JsonObject => ({
    iss: sources.oauth.issuer,
    sub: options.subject ?? TEST_USER,
    aud: sources.oauth.audience,
    client_id: options.clientId ?? TEST_CLIENT,
    jti: `oat_${globalThis.crypto.randomUUID().replaceAll('-', '')}`,
    scope: (options.scopes ?? []).join(' '),
    ...times(options.ttlSeconds),
    ...options.claims,
  })

  const sessionPayload = (options: TestSessionOptions): JsonObject => ({
    iss: sources.session.issuer,
    sub: options.userId ?? TEST_USER,
    aud: sources.session.audience,
    azp: sources.session.authorizedParties[0],
    sid: `sess_${globalThis.crypto.randomUUID().replaceAll('-', '').slice(0, 27)}`,
    ...times(options.ttlSeconds),
    ...options.claims,
  })

  const session = async ({ defect, ...options }: TestSessionOptions = {}): Promise<string> => {
    checkDefect('session', defect)
    const issuer = await sessions()
    const payload = sessionPayload(options)
    if (defect === 'wrongClass') return issuer.issue({ typ: 'at+jwt', payload, nowMs: now() })
    return issuer.issue({ typ: 'JWT', payload, nowMs: now(), defect })
  }

  return Object.freeze({
    async m2m(from: TestMachine, options: TestTokenOptions<TokenDefects['m2m']> = {}) {
      const defect = checkDefect('m2m', options.defect)
      if (defect === 'wrongClass') return createOAuth({}, now())
      if (defect === 'wrongIssuer') return (await stranger()).m2m(options)
      if (defect === 'wrongAudience') return createM2M(from, options, { scopes: [] })
      if (defect === 'expired') {
        return expired((ttlSeconds, then) => createM2M(from, { ...options, ttlSeconds }, {}, then))
      }
      const token = await createM2M(from, options)
      if (defect === undefined) return token
      return defect === 'revoked' ? revoked(token) : misspell(token, defect)
    },

    async m2mJwt(from: TestMachine, options: TestTokenOptions<TokenDefects['m2mJwt']> = {}) {
      const defect = checkDefect('m2mJwt', options.defect)
      const token = await createM2M(from, options, { tokenFormat: 'jwt' })
      if (defect === undefined) return token
      if (defect === 'revoked') return revoked(token)
      if (defect !== 'wrongClass') return spoil(token, defect)
      // A session, as an issuer of everything would sign it.
      const { kid, alg } = parseJws(token).header as Draft['header']
      const payload = { ...sessionPayload({}), iss: sources.connection.apiUrl, aud: from.id }
      return forge({ header: { alg, typ: 'JWT', kid }, payload }, sources.sign, now())
    },

    async apiKey(options: TestApiKeyOptions = {}) {
      const defect = checkDefect('apiKey', options.defect)
      if (defect === 'wrongClass') return createOAuth({}, now())
      if (defect === 'wrongIssuer') return (await stranger()).apiKey(options)
      if (defect === 'expired') {
        return expired((ttlSeconds, then) => createApiKey({ ...options, ttlSeconds }, then))
      }
      const token = await createApiKey(options)
      if (defect === undefined) return token
      return defect === 'revoked' ? revoked(token) : misspell(token, defect)
    },

    async oauth(options: TestOAuthOptions<TokenDefects['oauth']> = {}) {
      const defect = checkDefect('oauth', options.defect)
      if (defect === 'wrongClass') return session()
      if (defect === 'expired') {
        return createOAuth({ ...options, ttlSeconds: 60 }, now() - HOUR_SECONDS * 1000)
      }
      const token = createOAuth(options, now())
      // What is forgotten was never issued here.
      return defect === undefined ? token : revoked(token)
    },

    async oauthJwt({ defect, ...options }: TestOAuthJwtOptions = {}) {
      checkDefect('oauthJwt', defect)
      const issuer = await accessJwts()
      const payload = oauthPayload(options)
      if (defect === 'wrongClass') return issuer.issue({ typ: 'JWT', payload, nowMs: now() })
      return issuer.issue({ typ: 'at+jwt', payload, nowMs: now(), defect })
    },

    session,
    revoke,
  })
}

const PREFIXES = { 'm2m-token': 'mt_', 'api-key': 'ak_' } as const
const ID_KINDS = { 'm2m-token': 'm2mToken', 'api-key': 'apiKey' } as const

/** A credential like another one, which the authority has not made. */
function misspell(token: string, how: 'badSignature' | 'unknownKey' | 'malformed'): string {
  if (how === 'malformed') return token.slice(0, -1) + (token.endsWith('0') ? '1' : '0')
  const { kind, keyVersion, id, secret, check } = parseCredential(token) as ReturnType<
    typeof parseCredential
  > & { readonly kind: CredentialKind & keyof typeof PREFIXES }
  return formatCredential(
    {
      kind,
      prefix: PREFIXES[kind],
      keyVersion: how === 'unknownKey' ? 0xffff : keyVersion,
      idBytes: parseId(ID_KINDS[kind], id),
      secret,
    },
    () => check.map((byte) => byte ^ 1),
  )
}
