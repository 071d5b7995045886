import { engine } from '#engine'
import type { JwtAlgorithm } from '../token/algorithms.ts'
import { malformed, refusal } from '../token/errors.ts'
import type { JsonObject } from '../token/json.ts'
import { type Jws, parseJws } from '../token/jws.ts'
import { type HeaderRules, judgeHeader } from '../token/jwt-header.ts'
import type { Engine, Judge } from './engine/engine.ts'
import type { VerificationKey } from './jwk.ts'
import type { KeySet } from './key-set.ts'
import { type Awaitable, type VerifiedToken, whenThere } from './verified-tokens.ts'

/** What makes the tokens of a class what they are. */
export interface JwtClass<Claims, Result> {
  readonly header: HeaderRules
  /**
   * Judged before the key is looked for, for which there may have to be a call.
   *
   * @throws {CountersignError} `token-class-mismatch`
   */
  judgeClass(payload: JsonObject): void
  readonly judge: Judge<Claims>
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
  readonly verify: (token: string) => Promise<Result>
  /** The result for a token that is remembered, or familiar, judged anew; `undefined` for any other. */
  recall(token: string): Awaitable<Result | undefined>
  /**
   * @param maxCharacters Where tokens of other classes may be longer.
   * @throws {CountersignError} `token-malformed`
   */
  parse(token: string, maxCharacters?: number): Jws
  /** Verifies a token that `parse` took apart. @throws and rejects as `verify`. */
  verifyParsed(token: string, jws: Jws): Awaitable<Result>
  readonly warm: () => Promise<void>
}

/** One look at a token: bounds, form, class, key, signature, claims, in this order and each once. */
export function createJwtVerifier<Claims extends object, Result>(
  parts: JwtVerifierParts<Claims, Result>,
  on: Engine = engine,
): JwtVerifier<Result> {
  const { keys, jwtClass, algorithms, maxTokenBytes, now } = parts
  const { codec } = on
  const verifiedTokens = on.createVerifiedTokens(parts)

  /** Whether a key that verified a token is still there; if not, all is done from the start. */
  const isCurrent = (key: VerificationKey): boolean => {
    const current = keys.find(key.kid)
    if (current instanceof Promise) current.catch(() => undefined)
    return current === key
  }

  const resultFor = (claims: Claims, nowMs: number): Awaitable<Result> => {
    const status = jwtClass.checkStatus?.(claims)
    // Apart: for a closure that is never made there would be room to make all the same.
    return status === undefined
      ? jwtClass.resultOf(claims, nowMs)
      : resultAfter(status, claims, nowMs)
  }

  const resultAfter = (status: Promise<void>, claims: Claims, nowMs: number): Promise<Result> =>
    status.then(() => jwtClass.resultOf(claims, nowMs))

  const remembered = (found?: VerifiedToken<Claims>): Awaitable<Result | undefined> => {
    if (found === undefined || !isCurrent(found.key)) return undefined
    const nowMs = now()
    jwtClass.judgeAgain(found.claims, nowMs)
    return resultFor(found.claims, nowMs)
  }

  const recall = (token: string): Awaitable<Result | undefined> =>
    whenThere(verifiedTokens.find(token, isCurrent), remembered)

  const parse = (token: string, maxCharacters: number = maxTokenBytes): Jws =>
    parseJws(token, { codec, maxCharacters })

  const verifyParsed = (token: string, jws: Jws): Awaitable<Result> => {
    if (token.length > maxTokenBytes) throw malformed('a shorter token')
    const { kid, algorithm } = judgeHeader(jws.header, jwtClass.header, algorithms)
    jwtClass.judgeClass(jws.payload)
    return whenThere(keys.find(kid), (key) => {
      // The key decides, and the header may only agree.
      if (algorithm === key.algorithm) return verifyBy(key, token, jws)
      throw refusal('token-algorithm-not-allowed', `alg ${key.algorithm}`)
    })
  }

  const verifyBy = (
    key: VerificationKey,
    token: string,
    { payload, signingInput, signature }: Jws,
  ): Awaitable<Result> => {
    const isRight = signature.length === key.signatureLength && key.check(signingInput, signature)
    return whenThere(isRight, (right) => {
      if (!right) throw refusal('token-signature-invalid')
      const nowMs = now()
      const claims = jwtClass.judge(payload, nowMs)
      verifiedTokens.remember(token, { key, claims }, nowMs)
      return resultFor(claims, nowMs)
    })
  }

  return {
    recall,
    parse,
    verifyParsed,
    async verify(token: string): Promise<Result> {
      const known = typeof token === 'string' ? recall(token) : undefined
      const remembered = known instanceof Promise ? await known : known
      return remembered ?? verifyParsed(token, parse(token))
    },
    warm: keys.warm,
  }
}
