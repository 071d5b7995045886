import type { CountersignError } from './errors.ts'
import { refusal } from './errors.ts'
import type { JsonObject } from './json.ts'

/** The claims of RFC 7519 §4.1, which every class of token judges alike. */

/** RFC 7519 §4.1.1, by every character. @throws `token-issuer-mismatch` */
export function judgeIssuer({ iss }: JsonObject, issuer: string): void {
  if (iss !== issuer) {
    throw refusal('token-issuer-mismatch', `iss ${issuer}`)
  }
}

/**
 * RFC 7519 §4.1.3: one receiver, or an array of them.
 *
 * @param audience Of whom one must be named; `null` accepts every receiver, and none.
 * @throws {CountersignError} `token-claim-invalid`, `token-audience-mismatch`
 */
export function judgeAudience(
  { aud }: JsonObject,
  audience: readonly string[] | null,
): readonly string[] {
  if (aud === undefined && audience === null) return []
  const receivers: unknown = typeof aud === 'string' ? [aud] : aud
  if (!isArrayOfTexts(receivers)) throw wrongClaim('aud', 'a text or texts')
  if (audience === null || audience.some((one) => receivers.includes(one))) return receivers
  throw refusal(
    'token-audience-mismatch',
    `aud to name ${audience.join(' or ')}`,
    `${receivers.length} other receivers`,
  )
}

/**
 * `exp` and `iat` must be there, as must `nbf` unless told otherwise (RFC 7519 §4.1.4–4.1.6).
 *
 * @throws {CountersignError} `token-claim-invalid`, `token-expired`, `token-not-yet-valid`
 */
export function judgeTimes(
  payload: JsonObject,
  nowMs: number,
  toleranceSeconds: number,
  isNbfOptional: boolean,
): void {
  const now = nowMs / 1000
  const exp = numericDate(payload, 'exp')
  const iat = numericDate(payload, 'iat')
  const nbf = isNbfOptional && payload['nbf'] === undefined ? iat : numericDate(payload, 'nbf')
  // Asked so that a clock which does not tell the time (NaN) refuses.
  if (!(now < exp + toleranceSeconds)) {
    throw refusal('token-expired', 'exp ahead', `${Math.round(now - exp)} s ago`)
  }
  const begin = Math.max(nbf, iat)
  if (!(begin <= now + toleranceSeconds)) {
    throw refusal('token-not-yet-valid', 'nbf and iat past', `${Math.round(begin - now)} s ahead`)
  }
}

/** RFC 7800 §3.1: a bound token without its proof is a stolen one. @throws `token-claim-invalid` */
export function refuseBound(payload: JsonObject): void {
  if (!Object.hasOwn(payload, 'cnf')) return
  throw wrongClaim('cnf', 'absent')
}

/** A claim that is missing or of the wrong type. */
export function wrongClaim(name: string, expected: string): CountersignError {
  return refusal('token-claim-invalid', `${name} to be ${expected}`)
}

function isArrayOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((member) => typeof member === 'string')
}

/** RFC 7519 §2: a number; here one that a double holds exactly, or a fraction. */
function numericDate(payload: JsonObject, name: 'exp' | 'nbf' | 'iat'): number {
  const value = payload[name]
  if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value
  throw wrongClaim(name, 'a number')
}
