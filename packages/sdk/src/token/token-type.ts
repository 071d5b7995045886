import { decodeBase64url } from './base64url.ts'
import { decodeUtf8 } from './utf8.ts'
import { type JsonObject, parseJsonObject } from './json.ts'
import { type Jws, MAX_TOKEN_CHARACTERS } from './jws.ts'
import { namesMachine } from './m2m-claims.ts'

/**
 * Which class a token is of, by looking only. Nothing here verifies anything: these answers choose
 * who verifies, never whether.
 */

/** The classes, by their names on Clerk's wire. */
export const TokenType: {
  readonly SessionToken: 'session_token'
  readonly ApiKey: 'api_key'
  readonly M2MToken: 'm2m_token'
  readonly OAuthToken: 'oauth_token'
} = Object.freeze({
  SessionToken: 'session_token',
  ApiKey: 'api_key',
  M2MToken: 'm2m_token',
  OAuthToken: 'oauth_token',
})

/** Clerk's class tags of a session token (`cat`), which may have none: OIDC providers know no such tag. */
export const SESSION_CATEGORIES: readonly (string | undefined)[] = Object.freeze([
  undefined,
  'cl_B7d4PD111AAA',
  // To be taken as if it had none.
  'cl_I7d4PD111III',
])

/** The class of a token. */
export type TokenType = (typeof TokenType)[keyof typeof TokenType]

/** The classes that machines present. */
export type MachineTokenType = Exclude<TokenType, 'session_token'>

const PREFIXES = [
  ['mt_', TokenType.M2MToken],
  ['oat_', TokenType.OAuthToken],
  ['ak_', TokenType.ApiKey],
] as const

/** RFC 9068 §2.1; media types are compared without case (RFC 2045 §5.1). */
const OAUTH_TYPES = ['at+jwt', 'application/at+jwt']

/** Whether a text is three non-empty parts of base64url characters, as every JWT is. */
export function isJwtFormat(token: string): boolean {
  if (typeof token !== 'string' || token.length > MAX_TOKEN_CHARACTERS) return false
  const parts = token.split('.', 4)
  return parts.length === 3 && parts.every((part) => /^[\w-]+$/.test(part))
}

/** Whether a JWT says that it is a machine's: its subject is a machine id. */
export function isM2MJwt(token: string): boolean {
  return namesMachine(decodePart(token, 1) ?? {})
}

/** Whether a JWT says that it is an OAuth access token (RFC 9068 §2.1). */
export function isOAuthJwt(token: string): boolean {
  return isOAuthHeader(decodePart(token, 0) ?? {})
}

function isOAuthHeader({ typ }: JsonObject): boolean {
  return typeof typ === 'string' && OAUTH_TYPES.includes(typ.toLowerCase())
}

/** Whether a JWT is of a class that must never pass for a session. */
export function isMachineJwt(token: string): boolean {
  return isOAuthJwt(token) || isM2MJwt(token)
}

/** Whether a token has the prefix of an opaque machine token, OAuth token or API key. */
export function isMachineTokenByPrefix(token: string): boolean {
  return typeByPrefix(token) !== undefined
}

/** Whether a token is of a machine class, opaque or JWT. */
export function isMachineToken(token: string): boolean {
  return isMachineTokenByPrefix(token) || isMachineJwt(token)
}

/**
 * The class of a machine token.
 *
 * @throws {Error} when it is of none.
 */
export function getMachineTokenType(token: string): MachineTokenType {
  const type = typeByPrefix(token)
  if (type !== undefined) return type
  if (isM2MJwt(token)) return TokenType.M2MToken
  if (isOAuthJwt(token)) return TokenType.OAuthToken
  throw new Error('Unknown machine token type')
}

/**
 * The class that a JWT says it is of: a machine's by its subject, an access token by its type, and
 * whatever is neither may be a session. `null` when its tag says that it is none of these.
 */
export function typeOfJws({ header, payload }: Pick<Jws, 'header' | 'payload'>): TokenType | null {
  if (namesMachine(payload)) return TokenType.M2MToken
  if (isOAuthHeader(header)) return TokenType.OAuthToken
  return SESSION_CATEGORIES.some((one) => one === header['cat']) ? TokenType.SessionToken : null
}

/** Whether a class is among those accepted; `null`, the class of an invalid token, never is. */
export function isTokenTypeAccepted(
  tokenType: TokenType | null,
  acceptsToken: TokenType | readonly TokenType[] | 'any',
): boolean {
  if (tokenType === null) return false
  if (acceptsToken === 'any') return true
  return typeof acceptsToken === 'string'
    ? tokenType === acceptsToken
    : acceptsToken.includes(tokenType)
}

/** The class that a token's prefix tells; `undefined` for none of ours. */
export function typeByPrefix(token: string): MachineTokenType | undefined {
  if (typeof token !== 'string') return undefined
  return PREFIXES.find(([prefix]) => token.startsWith(prefix))?.[1]
}

function decodePart(token: string, index: 0 | 1): JsonObject | null {
  if (!isJwtFormat(token)) return null
  const bytes = decodeBase64url(token.split('.', 3)[index] ?? '')
  const text = bytes === null ? null : decodeUtf8(bytes)
  return text === null ? null : parseJsonObject(text)
}
