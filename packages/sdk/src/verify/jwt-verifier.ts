import { engine } from '#engine'
import type { JwtAlgorithm } from '../token/algorithms.ts'
import { decodeUtf8 } from '../token/codec.ts'
import { CountersignError } from '../token/errors.ts'
import type { JsonObject } from '../token/json.ts'
import { type Jws, type KnownHeader, parseJws } from '../token/jws.ts'
import { type HeaderRules, judgeHeader, type JudgedHeader } from '../token/jwt-header.ts'
import type { Engine } from './engine/engine.ts'
import type { VerificationKey } from './jwk.ts'
import type { KeySet } from './key-set.ts'
import { createVerifiedTokens, type VerifiedToken } from './verified-tokens.ts'

/** What makes the tokens of a class what they are. */
export interface JwtClass<Result> {
  readonly header: HeaderRules
  /**
   * Judged before the key is looked for, for which there may have to be a call.
   *
   * @throws {CountersignError} `token-class-mismatch`
   */
  judgeClass(payload: JsonObject): void
  /** Judges all claims, and gives what shares nothing with `payload`. @throws {CountersignError} */
  judge(payload: JsonObject, nowMs: number): Result
  /** Judges again what time may have changed since. @throws {CountersignError} */
  judgeAgain(payload: JsonObject, nowMs: number): void
  /** What shares nothing with `result`. */
  copy(result: Result): Result
}

/** What a verifier of one issuer and one class is made of; everything is checked already. */
export interface JwtVerifierParts<Result> {
  readonly keys: KeySet
  readonly jwtClass: JwtClass<Result>
  readonly algorithms: readonly JwtAlgorithm[]
  readonly maxTokenBytes: number
  /** How many verified tokens are remembered. */
  readonly cacheSize: number
  readonly now: () => number
}

/** At once where the platform can: a promise for what is there already costs more than the claims. */
type Awaitable<Value> = Value | Promise<Value>

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
  /** Verifies a token that `parse` took apart. */
  verifyParsed(token: string, jws: Jws): Awaitable<Result>
  warm(): Promise<void>
}

/** A header that was judged, of a token that was verified. */
interface JudgedKnownHeader extends KnownHeader, JudgedHeader {}

/** Headers that are remembered; a key set has one or two that are in use. */
const MAX_HEADERS = 8

/** One look at a token: bounds, form, class, key, signature, claims, in this order and each once. */
export function createJwtVerifier<Result>(
  parts: JwtVerifierParts<Result>,
  on: Engine = engine,
): JwtVerifier<Result> {
  const { keys, jwtClass, algorithms, maxTokenBytes, cacheSize, now } = parts
  const { codec } = on
  const verifiedTokens = createVerifiedTokens<Result>(on, cacheSize)
  const knownHeaders: JudgedKnownHeader[] = []

  const judgedHeader = (header: JsonObject): JudgedHeader =>
    knownHeaders.find((known) => known.header === header) ??
    judgeHeader(header, jwtClass.header, algorithms)

  /** Only of what was signed, so that nobody else can fill it. */
  const rememberHeader = (jws: Jws, judged: JudgedHeader): void => {
    if (knownHeaders.length >= MAX_HEADERS) return
    if (knownHeaders.some(({ header }) => header === jws.header)) return
    // Written anew: a part of the token's own text would keep all of it in memory.
    const text = decodeUtf8(jws.signingInput.subarray(0, jws.headerLength + 1)) ?? ''
    knownHeaders.push({ text, header: jws.header, ...judged })
  }

  const recalled = ({ key, payload, result }: VerifiedToken<Result>): Result | undefined => {
    const current = keys.find(key.kid)
    if (current === key) {
      jwtClass.judgeAgain(payload, now())
      return jwtClass.copy(result)
    }
    // It is gone, or changed, or has to be asked for: then all is done from the start.
    if (current instanceof Promise) current.catch(() => undefined)
    return undefined
  }

  const recall = (token: string): Awaitable<Result | undefined> => {
    const found = verifiedTokens.find(token)
    if (found === undefined) return undefined
    return found instanceof Promise
      ? found.then((one) => (one === undefined ? undefined : recalled(one)))
      : recalled(found)
  }

  const parse = (token: string, maxCharacters: number = maxTokenBytes): Jws =>
    parseJws(token, { codec, knownHeaders, maxCharacters })

  const verifyParsed = (token: string, jws: Jws): Awaitable<Result> => {
    if (token.length > maxTokenBytes) throw tooLong()
    const judged = judgedHeader(jws.header)
    jwtClass.judgeClass(jws.payload)
    const key = keys.find(judged.kid)
    return key instanceof Promise
      ? key.then((found) => verifyBy(found, token, jws, judged))
      : verifyBy(key, token, jws, judged)
  }

  const verifyBy = (
    key: VerificationKey,
    token: string,
    jws: Jws,
    judged: JudgedHeader,
  ): Awaitable<Result> => {
    const isSigned = checkSignature(jws, judged, key)
    return isSigned instanceof Promise
      ? isSigned.then((checked) => accept(checked, key, token, jws, judged))
      : accept(isSigned, key, token, jws, judged)
  }

  const accept = (
    isSigned: boolean,
    key: VerificationKey,
    token: string,
    jws: Jws,
    judged: JudgedHeader,
  ): Result => {
    if (!isSigned) throw new CountersignError('token-signature-invalid')
    rememberHeader(jws, judged)
    const result = jwtClass.judge(jws.payload, now())
    const { payload } = jws
    verifiedTokens.remember(token, () => ({ key, payload, result: jwtClass.copy(result) }))
    return result
  }

  return Object.freeze({
    recall,
    parse,
    verifyParsed,
    async verify(token: string): Promise<Result> {
      const known = typeof token === 'string' ? recall(token) : undefined
      const remembered = known instanceof Promise ? await known : known
      return remembered ?? verifyParsed(token, parse(token))
    },
    warm: () => keys.warm(),
  })
}

function tooLong(): CountersignError {
  return new CountersignError('token-malformed', { expected: 'a shorter token' })
}

function checkSignature(
  { signingInput, signature }: Jws,
  { algorithm }: JudgedHeader,
  key: VerificationKey,
): Awaitable<boolean> {
  // The key decides, and the header may only agree.
  if (algorithm !== key.algorithm) {
    throw new CountersignError('token-algorithm-not-allowed', { expected: `alg ${key.algorithm}` })
  }
  return signature.length === key.signatureLength && key.check(signingInput, signature)
}
