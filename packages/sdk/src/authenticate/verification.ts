import { createApiKeysApi } from '../client/api-keys.ts'
import { createM2MVerification } from '../client/m2m-verification.ts'
import { createIdPOAuthAccessTokenApi } from '../client/oauth-access-tokens.ts'
import { checkOptions } from '../client/options.ts'
import { createSend } from '../client/transport.ts'
import { CountersignError, isCountersignError } from '../token/errors.ts'
import { type Jws, parseJws } from '../token/jws.ts'
import { TokenType, typeByPrefix, typeOfJws } from '../token/token-type.ts'
import type { JwtVerifier } from '../verify/jwt-verifier.ts'
import { type Awaitable, whenThere } from '../verify/verified-tokens.ts'
import { apiKeyAuth, m2mAuth, oauthAuth, sessionAuth, type SignedInAuth } from './auth-object.ts'
import {
  AUTHENTICATOR_OPTION_NAMES,
  type AuthenticatorOptions,
  createOAuthVerifier,
  createSessionVerifier,
} from './options.ts'

/** A token that was looked at: once, and nothing was verified. */
export interface Looked {
  /** What it says that it is; `null` when that is no class of ours. */
  readonly type: TokenType | null
  /** Where it is a JWT. */
  readonly jws: Jws | null
  /** Why it says nothing at all. */
  readonly error?: CountersignError
}

/** Of which class a token is, and who presents it, or why it is refused now. */
export type Recalled = { readonly type: TokenType } & (
  | { readonly auth: SignedInAuth<TokenType>; readonly error?: never }
  | { readonly error: CountersignError }
)

/** Every class of token with its own way of being verified. */
export interface Verification {
  /** What is known of a JWT that was verified before, or is like one; `null` when it is to be looked at. */
  recall(token: string, types: readonly TokenType[]): Awaitable<Recalled | null>
  /** Tells the class, without asking anybody. */
  look(token: string, types: readonly TokenType[]): Looked
  /** Who presents it. @throws and rejects {CountersignError} */
  verify(token: string, looked: Looked): Awaitable<SignedInAuth<TokenType>>
}

/** How JWTs of one class are verified. */
interface JwtWay {
  /** @throws and rejects {CountersignError} when it is known and refused. */
  recall(token: string): Awaitable<SignedInAuth<TokenType> | null>
  parse(token: string, maxCharacters: number): Jws
  verify(token: string, jws: Jws): Awaitable<SignedInAuth<TokenType>>
}

/** @throws {CountersignError} `configuration-invalid` */
export function createVerification(options: AuthenticatorOptions): Verification {
  const settings = checkOptions(options, AUTHENTICATOR_OPTION_NAMES)
  const { session, oauth, fetch, clock, waitUntil } = options
  const inherited = { fetch, clock, waitUntil }
  const send = createSend(settings)
  const m2m = createM2MVerification(settings, send)
  const apiKeys = createApiKeysApi(settings, send)
  const accessTokens = createIdPOAuthAccessTokenApi(settings, send)
  const sessions = session === undefined ? null : createSessionVerifier(session, inherited)
  const accessJwts = oauth === undefined ? null : createOAuthVerifier(oauth, inherited)

  const everyWay: readonly (readonly [TokenType, JwtWay])[] = [
    [TokenType.M2MToken, jwtWay(() => m2m.local({}), m2mAuth)],
    [TokenType.SessionToken, jwtWay(() => configured(sessions, 'session'), sessionAuth)],
    [TokenType.OAuthToken, jwtWay(() => configured(accessJwts, 'oauth'), oauthAuth)],
  ]
  const ways = new Map(everyWay)
  const maxCharacters = Math.max(
    settings.jwt.maxTokenBytes,
    session?.maxTokenBytes ?? 0,
    oauth?.maxTokenBytes ?? 0,
  )

  const verifyOpaque = async (
    token: string,
    type: TokenType | null,
  ): Promise<SignedInAuth<TokenType>> => {
    if (type === TokenType.M2MToken) return m2mAuth(await m2m.opaque({}, token), token)
    if (type === TokenType.ApiKey) return apiKeyAuth(await apiKeys.verify(token), token)
    return oauthAuth(await accessTokens.verify(token), token)
  }

  const recallFrom = (
    first: number,
    token: string,
    types: readonly TokenType[],
  ): Awaitable<Recalled | null> => {
    for (let index = first; index < everyWay.length; index++) {
      const [type, way] = everyWay[index] as (typeof everyWay)[number]
      if (!types.includes(type)) continue
      try {
        const auth = way.recall(token)
        if (auth instanceof Promise) return recallAfter(auth, index, token, types)
        if (auth !== null) return { type, auth }
      } catch (error) {
        return { type, error: asRefusal(error) }
      }
    }
    return null
  }

  const recallAfter = async (
    recalling: Promise<SignedInAuth<TokenType> | null>,
    index: number,
    token: string,
    types: readonly TokenType[],
  ): Promise<Recalled | null> => {
    const [type] = everyWay[index] as (typeof everyWay)[number]
    try {
      const auth = await recalling
      if (auth !== null) return { type, auth }
    } catch (error) {
      return { type, error: asRefusal(error) }
    }
    return recallFrom(index + 1, token, types)
  }

  return Object.freeze({
    recall: (token: string, types: readonly TokenType[]) => recallFrom(0, token, types),

    look(token: string, types: readonly TokenType[]): Looked {
      const type = typeByPrefix(token)
      if (type !== undefined) return { type, jws: null }
      try {
        const way = types.map((one) => ways.get(one)).find((one) => one !== undefined)
        const jws = way?.parse(token, maxCharacters) ?? parseJws(token, { maxCharacters })
        return { type: typeOfJws(jws), jws }
      } catch (error) {
        return { type: null, jws: null, error: asRefusal(error) }
      }
    },

    verify: (token: string, { type, jws }: Looked) =>
      jws === null || type === null
        ? verifyOpaque(token, type)
        : (ways.get(type)?.verify(token, jws) ?? Promise.reject(new TypeError(type))),
  })
}

function jwtWay<Result>(
  verifier: () => JwtVerifier<Result>,
  toAuth: (result: Result, token: string) => SignedInAuth<TokenType>,
): JwtWay {
  /** What is not configured verifies nothing, but what it would have verified is still told apart. */
  const verifierOrNull = (): JwtVerifier<Result> | null => {
    try {
      return verifier()
    } catch (error) {
      asRefusal(error)
      return null
    }
  }
  return {
    recall: (token) =>
      whenThere(verifierOrNull()?.recall(token), (result) =>
        result === undefined ? null : toAuth(result, token),
      ),
    parse: (token, maxCharacters) =>
      verifierOrNull()?.parse(token, maxCharacters) ?? parseJws(token, { maxCharacters }),
    verify: (token, jws) =>
      whenThere(verifier().verifyParsed(token, jws), (result) => toAuth(result, token)),
  }
}

/** @throws {CountersignError} `token-class-mismatch` */
function configured<Value>(value: Value | null, option: string): Value {
  if (value !== null) return value
  throw new CountersignError('token-class-mismatch', {
    expected: `a token of another class: no ${option} options are given`,
  })
}

/** What is none of ours is a defect, and goes on. */
function asRefusal(error: unknown): CountersignError {
  if (isCountersignError(error)) return error
  throw error
}
