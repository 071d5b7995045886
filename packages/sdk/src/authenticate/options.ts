import { CLIENT_OPTION_NAMES, type ClientOptions } from '../client/options.ts'
import { TokenType } from '../token/token-type.ts'
import {
  checkJwtOptions,
  JWT_OPTION_NAMES,
  type JwtOptions,
  keySetOf,
} from '../verify/jwt-settings.ts'
import { createJwtVerifier, type JwtVerifier } from '../verify/jwt-verifier.ts'
import { checkNames, checkTextsOrNull, invalidOption } from '../verify/options.ts'
import { type OAuthAccess, oauthClass } from './oauth-jwt.ts'
import { type SessionClaims, sessionClass } from './session-jwt.ts'

/** Who issues the sessions that are accepted: Clerk, or any OIDC provider. */
export interface SessionOptions extends JwtOptions {
  /** Of whom `aud` must name one; `null` for sessions that name nobody, as Clerk's. */
  readonly audience: string | readonly string[] | null
  /** Origins or clients of which `azp` must be one; `null` accepts every party. */
  readonly authorizedParties: readonly string[] | null
}

/** Who issues the OAuth access tokens in JWT form (RFC 9068) that are accepted. */
export interface OAuthOptions extends JwtOptions {
  /** Of whom `aud` must name one; `null` accepts every receiver. */
  readonly audience: string | readonly string[] | null
}

/** What a request is authenticated by. The options of the client are those of machine tokens. */
export interface AuthenticatorOptions extends ClientOptions {
  /** Without it no session is ever accepted. */
  readonly session?: SessionOptions | undefined
  /** Without it no access token in JWT form is accepted; opaque ones are asked about. */
  readonly oauth?: OAuthOptions | undefined
}

const OPTIONS: Readonly<Record<Exclude<keyof AuthenticatorOptions, keyof ClientOptions>, true>> = {
  oauth: true,
  session: true,
}

export const AUTHENTICATOR_OPTION_NAMES: readonly string[] = [
  ...CLIENT_OPTION_NAMES,
  ...Object.keys(OPTIONS),
]

const SESSION_OPTIONS: Readonly<Record<Exclude<keyof SessionOptions, keyof JwtOptions>, true>> = {
  audience: true,
  authorizedParties: true,
}

const OAUTH_OPTIONS: Readonly<Record<Exclude<keyof OAuthOptions, keyof JwtOptions>, true>> = {
  audience: true,
}

/** The classes of token to accept: one, several, or `any`. */
export type AcceptsToken = TokenType | readonly TokenType[] | 'any'

/** The classes that these are. */
export type AcceptedType<Accepts> = Accepts extends 'any'
  ? TokenType
  : Accepts extends TokenType
    ? Accepts
    : Accepts extends readonly (infer Type extends TokenType)[]
      ? Type
      : never

/** `null` for several classes: then it may be that of none of them a token was presented. */
export type AcceptedNone<Accepts> = Accepts extends string ? never : null

/** What an issuer has of the authority's options unless it has its own. */
export type Inherited = Pick<JwtOptions, 'fetch' | 'clock' | 'waitUntil'>

const ALL: readonly TokenType[] = Object.values(TokenType)

/** Made once: the names are looked up with every request. */
const ACCEPTED: ReadonlyMap<unknown, readonly TokenType[]> = new Map<unknown, readonly TokenType[]>(
  [['any', ALL], ...ALL.map((type) => [type, [type]] as const)],
)

/** @throws {CountersignError} `configuration-invalid` */
export function acceptedTypes(accepts: AcceptsToken): readonly TokenType[] {
  const named = ACCEPTED.get(accepts)
  if (named !== undefined) return named
  const types: readonly unknown[] = Array.isArray(accepts) ? accepts : [accepts]
  if (types.length > 0 && types.every((type) => ALL.includes(type as TokenType))) {
    return [...(types as readonly TokenType[])]
  }
  throw invalidOption(`acceptsToken to be any, or one or several of ${ALL.join(', ')}`)
}

/** What the issuer leaves open is the authority's. */
function inherit<Options extends Inherited>(
  name: string,
  own: Options,
  inherited: Inherited,
  names: object,
): Options {
  checkNames(name, own, [...JWT_OPTION_NAMES, ...Object.keys(names)])
  const { fetch = inherited.fetch, clock = inherited.clock } = own
  const { waitUntil = inherited.waitUntil } = own
  return { ...own, fetch, clock, waitUntil }
}

/** Sessions by their issuer's keys. @throws {CountersignError} `configuration-invalid` */
export function createSessionVerifier(
  session: SessionOptions,
  inherited: Inherited,
): JwtVerifier<SessionClaims> {
  const options = inherit('session', session, inherited, SESSION_OPTIONS)
  const settings = checkJwtOptions(options)
  const jwtClass = sessionClass({
    ...settings,
    audience: checkTextsOrNull('session.audience', session.audience),
    authorizedParties: checkTextsOrNull('session.authorizedParties', session.authorizedParties),
  })
  return createJwtVerifier({ ...settings, keys: keySetOf(settings), jwtClass })
}

/** Access tokens by their issuer's keys. @throws {CountersignError} `configuration-invalid` */
export function createOAuthVerifier(
  oauth: OAuthOptions,
  inherited: Inherited,
): JwtVerifier<OAuthAccess> {
  const options = inherit('oauth', oauth, inherited, OAUTH_OPTIONS)
  const settings = checkJwtOptions(options)
  const audience = checkTextsOrNull('oauth.audience', oauth.audience)
  const jwtClass = oauthClass({ ...settings, audience })
  return createJwtVerifier({ ...settings, keys: keySetOf(settings), jwtClass })
}
