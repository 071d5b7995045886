import type { ApiKey } from '../client/types.ts'
import type { M2MToken } from '../token/m2m-token.ts'
import type { TokenType } from '../token/token-type.ts'
import type { OAuthAccess } from './oauth-jwt.ts'
import type { SessionClaims } from './session-jwt.ts'
import { type SessionFields, sessionFields } from './session-fields.ts'

/**
 * Who calls, by class of token: the fields of `@clerk/backend`. Whether somebody is authenticated
 * decides whether they are there; without, each is `null`.
 */

/** What every class has. */
interface Common<Type extends TokenType> {
  readonly tokenType: Type
  readonly isAuthenticated: true
  /** The token itself, to be passed on. */
  readonly getToken: () => Promise<string>
  /** Whether a session has a role or a permission. For machines always `false`. */
  readonly has: (asked: Asked) => boolean
  /** For a log: no token, no claim, no key. */
  readonly debug: () => DebugData
}

interface Asked {
  readonly role?: string
  readonly permission?: string
}

export interface DebugData {
  readonly tokenType: TokenType | null
  readonly isAuthenticated: boolean
  readonly id?: string | null
}

export interface M2MAuth extends Common<'m2m_token'> {
  readonly id: string
  /** The machine that calls. */
  readonly subject: string
  readonly machineId: string
  readonly scopes: string[]
  readonly claims: Readonly<Record<string, unknown>> | null
}

export interface ApiKeyAuth extends Common<'api_key'> {
  readonly id: string
  readonly subject: string
  readonly name: string
  readonly scopes: string[]
  readonly claims: Readonly<Record<string, unknown>> | null
  /** The subject where it is a user. */
  readonly userId: string | null
  /** The subject where it is an organization. */
  readonly orgId: string | null
}

export interface OAuthAuth extends Common<'oauth_token'> {
  readonly id: string
  readonly subject: string
  /** `null` for a token that a client got for itself (RFC 9068 §5). */
  readonly userId: string | null
  readonly clientId: string
  readonly scopes: string[]
}

export interface SessionAuth extends Common<'session_token'>, SessionFields {
  readonly sessionClaims: SessionClaims
}

interface AuthByType {
  readonly m2m_token: M2MAuth
  readonly api_key: ApiKeyAuth
  readonly oauth_token: OAuthAuth
  readonly session_token: SessionAuth
}

/** Who calls, once one of these classes of token was accepted. */
export type SignedInAuth<Type extends TokenType> = Spread<AuthByType[Type]>

/**
 * Nobody, where a token of this class was asked for: the same fields, all `null`.
 *
 * @typeParam None `null` where several classes were asked for and none may have been presented.
 */
export type SignedOutAuth<Type extends TokenType, None extends null = null> = Spread<
  NobodyByType[Type] | ([None] extends [never] ? never : NobodyAtAll)
>

type NobodyByType = { readonly [Type in TokenType]: Nobody<AuthByType[Type]> }

type Nobody<Auth extends Common<TokenType>> = {
  readonly [Name in Exclude<keyof Auth, keyof Common<TokenType>>]: null
} & NobodyCommon<Auth['tokenType']>

interface NobodyCommon<Type> {
  readonly tokenType: Type
  readonly isAuthenticated: false
  readonly getToken: () => Promise<null>
  readonly has: () => false
  readonly debug: () => DebugData
}

/** Of several classes none was presented. */
type NobodyAtAll = NobodyCommon<null>

/** Anybody or nobody. `isAuthenticated` tells which, `tokenType` of which class. */
export type Auth<Type extends TokenType, None extends null = null> =
  SignedInAuth<Type> | SignedOutAuth<Type, None>

/**
 * A union from which a field of any member can be taken: what a member lacks is `undefined` in it.
 * So `const { userId, scopes } = auth` compiles for an array of classes.
 */
type Spread<Union, All = Union> = Union extends unknown
  ? Union & { readonly [Name in Exclude<KeysOf<All>, keyof Union>]?: undefined }
  : never

type KeysOf<Union> = Union extends unknown ? keyof Union : never

/** Without `common`: this one is on the way of every request, and to spread costs more than the rest. */
export function m2mAuth({ id, subject, scopes, claims }: M2MToken, token: string): M2MAuth {
  return {
    tokenType: 'm2m_token',
    isAuthenticated: true,
    id,
    subject,
    machineId: subject,
    scopes,
    claims,
    getToken: () => Promise.resolve(token),
    has: () => false,
    debug: () => ({ tokenType: 'm2m_token', isAuthenticated: true, id }),
  }
}

export function apiKeyAuth(key: ApiKey, token: string): ApiKeyAuth {
  const { id, subject, name, scopes, claims } = key
  const userId = subject.startsWith('user_') ? subject : null
  const orgId = subject.startsWith('org_') ? subject : null
  return { ...common('api_key', token, id), id, subject, name, scopes, claims, userId, orgId }
}

export function oauthAuth(access: OAuthAccess, token: string): OAuthAuth {
  const { id, subject, clientId, scopes } = access
  // RFC 9068 §5: without a user the subject is the client itself, which must not pass for one.
  const userId = subject === clientId ? null : subject
  return { ...common('oauth_token', token, id), id, subject, userId, clientId, scopes }
}

export function sessionAuth(sessionClaims: SessionClaims, token: string): SessionAuth {
  const fields = sessionFields(sessionClaims)
  return {
    ...common('session_token', token, fields.sessionId),
    ...fields,
    sessionClaims,
    has: (asked) => hasAll(fields, asked),
  }
}

/** All that is asked must be had, and what is not known here is not. */
function hasAll({ orgId, orgRole, orgPermissions }: SessionFields, asked: Asked): boolean {
  const { role, permission, ...others } = asked
  if (orgId === null || (role === undefined && permission === undefined)) return false
  const names: readonly unknown[] = [role, permission]
  if (names.some((name) => name !== undefined && typeof name !== 'string')) return false
  if (Object.values(others).some((other) => other !== undefined)) return false
  if (role !== undefined && (orgRole === null || withOrg(orgRole) !== withOrg(role))) return false
  return permission === undefined || orgPermissions?.includes(withOrg(permission)) === true
}

/** Clerk takes `admin` for `org:admin`. */
function withOrg(name: string): string {
  return `org:${name.replace(/^(?:org:)+/, '')}`
}

function common<Type extends TokenType>(
  tokenType: Type,
  token: string,
  id: string | null,
): Common<Type> {
  return {
    tokenType,
    isAuthenticated: true,
    getToken: () => Promise.resolve(token),
    has: () => false,
    debug: () => ({ tokenType, isAuthenticated: true, id }),
  }
}

const FIELDS = {
  m2m_token: ['id', 'subject', 'machineId', 'scopes', 'claims'],
  api_key: ['id', 'subject', 'name', 'scopes', 'claims', 'userId', 'orgId'],
  oauth_token: ['id', 'subject', 'userId', 'clientId', 'scopes'],
  session_token: [
    'sessionClaims',
    'sessionId',
    'sessionStatus',
    'userId',
    'actor',
    'orgId',
    'orgRole',
    'orgSlug',
    'orgPermissions',
    'factorVerificationAge',
  ],
} as const satisfies { readonly [Type in TokenType]: readonly (keyof AuthByType[Type])[] }

/** The object for nobody; `null` is for several classes, of which none was presented. */
export function nobody<Type extends TokenType>(tokenType: Type | null): SignedOutAuth<Type> {
  const names: readonly string[] = tokenType === null ? [] : FIELDS[tokenType]
  const fields = Object.fromEntries(names.map((name) => [name, null]))
  const auth: NobodyCommon<Type | null> = {
    tokenType,
    isAuthenticated: false,
    getToken: () => Promise.resolve(null),
    has: () => false,
    debug: () => ({ tokenType, isAuthenticated: false }),
  }
  // Its fields are those that the table gives for the class.
  return { ...fields, ...auth } as unknown as SignedOutAuth<Type>
}
