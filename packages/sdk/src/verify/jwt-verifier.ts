import { engine } from '#engine'
import type { JwtAlgorithm } from '../token/algorithms.ts'
import { decodeUtf8 } from '../token/utf8.ts'
import { refusal } from '../token/errors.ts'
import type { JsonObject } from '../token/json.ts'
import { type Jws, type KnownHeader, parseJws } from '../token/jws.ts'
import { type HeaderRules, judgeHeader, type JudgedHeader } from '../token/jwt-header.ts'
import type { Engine } from './engine/engine.ts'
import type { VerificationKey } from './jwk.ts'
import type { KeySet } from './key-set.ts'
import {
  type Awaitable,
  createVerifiedTokens,
  type VerifiedToken,
  whenThere,
} from './verified-tokens.ts'

/** What makes the tokens of a class what they are. */
export interface JwtClass<Claims, Result> {
  readonly header: HeaderRules
  /**
   * Judged before the key is looked for, for which there may have to be a call.
   *
   * @throws {CountersignError} `token-class-mismatch`
   */
  judgeClass(payload: JsonObject): void
  /** Judges all claims, once. @throws {CountersignError} */
  judge(payload: JsonObject, nowMs: number): Claims
  /** Judges again what time may have changed since. @throws {CountersignError} */
  judgeAgain(claims: Claims, nowMs: number): void
  /**
   * Judges what has to be looked up elsewhere, if it is to be: after all else, and each time.
   *
   * @throws {CountersignError}
   */
  checkStatus?(claims: Claims): Awaitable<void>
  /** What the caller gets: it shares nothing with the claims, which others will read. */
  resultOf(claims: Claims, nowMs: number): Result
}

/** What a verifier of one issuer and one class is made of; everything is checked already. */
export interface JwtVerifierParts<Claims, Result> {
  readonly keys: KeySet
  readonly jwtClass: JwtClass<Claims, Result>
  readonly algorithms: readonly JwtAlgorithm[]
  readonly maxTokenBytes: number
  /** How many verified tokens are remembered. */
  readonly cacheSize: number
  readonly now: () => number
}

/** Verifies JWTs of one issuer and one class. */
export interface JwtVerifier<Result> {
  /** @throws {CountersignError} with a `token-…` code, or `keys-unavailable`. */
  verify(token: string): Promise<Result>
  /** The result for a token that is remembered, judged anew; `undefined` for any other. */
  recall(token: string): Awaitable<Result | undefined>
  /**
   * @param maxCharacters Where tokens of other classes may be longer.
   * @throws {CountersignError} `token-malformed`
   */
  parse(token: string, maxCharacters?: number): Jws
  /** Verifies a token that `parse` took apart. @throws and rejects as `verify`. */
  verifyParsed(token: string, jws: Jws): Awaitable<Result>
  warm(): Promise<void>
}

/** A header that was judged, of a token that was verified. */
interface JudgedKnownHeader extends KnownHeader, JudgedHeader {}

/** Headers that are remembered; a key set has one or two that are in use. */
const MAX_HEADERS = 8

/** One look at a token: bounds, form, class, key, signature, claims, in this order and each once. */
export function createJwtVerifier<Claims, Result>(
  parts: JwtVerifierParts<Claims, Result>,
  on: Engine = engine,
): JwtVerifier<Result> {
  const { keys, jwtClass, algorithms, maxTokenBytes, cacheSize, now } = parts
  const { codec } = on
  const verifiedTokens = createVerifiedTokens<Claims>(on, cacheSize)
  const knownHeaders: JudgedKnownHeader[] = []

  const judgedHeader = (header: JsonObject): JudgedHeader =>
    knownHeaders.find((known) => known.header === header) ??
    judgeHeader(header, jwtClass.header, algorithms)

  /** Only of what was signed, so that nobody else can fill it. */
  const rememberHeader = (jws: Jws, judged: JudgedHeader): void => {
    const isKnown = knownHeaders.some(({ header }) => header === jws.header)
    if (isKnown || knownHeaders.length >= MAX_HEADERS) return
    // Written anew: a part of the token's own text would keep all of it in memory.
    const text = decodeUtf8(jws.signingInput.subarray(0, jws.headerLength + 1)) ?? ''
    knownHeaders.push({ text, header: jws.header, ...judged })
  }

  const recalled = (found: VerifiedToken<Claims> | undefined): Awaitable<Result | undefined> => {
    if (found === undefined) return undefined
    const { key, claims } = found
    const current = keys.find(key.kid)
    if (current === key) {
      const nowMs = now()
      jwtClass.judgeAgain(claims, nowMs)
      return whenThere(jwtClass.checkStatus?.(claims), () => jwtClass.resultOf(claims, nowMs))
    }
    // It is gone, or changed, or has to be asked for: then all is done from the start.
    if (current instanceof Promise) current.catch(() => undefined)
    return undefined
  }

  const recall = (token: string): Awaitable<Result | undefined> =>
    whenThere(verifiedTokens.find(token), recalled)

  const parse = (token: string, maxCharacters: number = maxTokenBytes): Jws =>
    parseJws(token, { codec, knownHeaders, maxCharacters })

  const verifyParsed = (token: string, jws: Jws): Awaitable<Result> => {
    if (token.length > maxTokenBytes) throw refusal('token-malformed', 'a shorter token')
    const judged = judgedHeader(jws.header)
    jwtClass.judgeClass(jws.payload)
    return whenThere(keys.find(judged.kid), (key) => verifyBy(key, token, jws, judged))
  }

  const verifyBy = (
    key: VerificationKey,
    token: string,
    jws: Jws,
    judged: JudgedHeader,
  ): Awaitable<Result> =>
    whenThere(checkSignature(jws, judged, key), (isRight) => {
      if (!isRight) throw refusal('token-signature-invalid')
      rememberHeader(jws, judged)
      const nowMs = now()
      const claims = jwtClass.judge(jws.payload, nowMs)
      return whenThere(jwtClass.checkStatus?.(claims), () => {
        verifiedTokens.remember(token, { key, claims })
        return jwtClass.resultOf(claims, nowMs)
      })
    })

  return {
    recall,
    parse,
    verifyParsed,
    async verify(token: string): Promise<Result> {
      const known = typeof token === 'string' ? recall(token) : undefined
      const remembered = known instanceof Promise ? await known : known
      return remembered ?? verifyParsed(token, parse(token))
    },
    warm: () => keys.warm(),
  }
}

function checkSignature(
  { signingInput, signature }: Jws,
  { algorithm }: JudgedHeader,
  key: VerificationKey,
): Awaitable<boolean> {
  // The key decides, and the header may only agree.
  if (algorithm !== key.algorithm) {
    throw refusal('token-algorithm-not-allowed', `alg ${key.algorithm}`)
  }
  return signature.length === key.signatureLength && key.check(signingInput, signature)
}
