import { CountersignError } from './errors.ts'
import { isId } from './ids.ts'
import type { JsonObject } from './json.ts'

/** Clerk's class tag of a machine token (`cat` in the header). */
export const M2M_CATEGORY = 'cl_B7d4PD333AAA'

/** What a machine JWT must say to be accepted here and now. */
export interface M2MExpectations {
  readonly issuer: string
  /** The machine that the token must be meant for; `null` accepts every receiver. */
  readonly audience: string | null
  /** Epoch milliseconds. */
  readonly nowMs: number
  readonly clockToleranceSeconds: number
}

/** The claims of a machine JWT once they are judged, besides the caller's own. */
export interface M2MClaims extends JsonObject {
  readonly iss: string
  readonly sub: string
  readonly aud: readonly string[]
  readonly exp: number
  readonly iat: number
  readonly nbf: number
  readonly jti: string
}

/**
 * Members of a header that refuse a token: those that bring a key along or say where one is to be
 * fetched (RFC 7515 §4.1.2–4.1.6), and those that change how the rest is to be read (`crit` RFC 7515
 * §4.1.11, of whose extensions none is understood here; `b64` RFC 7797 §7; `zip`, `enc` RFC 7516 §4.1).
 * Others that are not known are ignored, as RFC 7515 §4 demands.
 */
const REFUSED_MEMBERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'] as const

const MAX_KID_CHARACTERS = 128

const MACHINE_PREFIX = 'mch_'

/**
 * Whether a payload says that it is a machine's. It decides who judges a token, never whether it is
 * good.
 */
export function namesMachine(payload: JsonObject): boolean {
  const { sub } = payload
  return typeof sub === 'string' && sub.startsWith(MACHINE_PREFIX)
}

/**
 * Judges the header of a machine JWT and gives the key it names.
 *
 * @throws {CountersignError} `token-class-mismatch`, `token-malformed`
 */
export function judgeHeader(header: JsonObject): { readonly kid: string; readonly alg: string } {
  const { alg, typ, kid, cat } = header
  if (typ !== undefined && (typeof typ !== 'string' || !/^(application\/)?jwt$/i.test(typ))) {
    throw new CountersignError('token-class-mismatch', { expected: 'typ JWT' })
  }
  if (cat !== M2M_CATEGORY) {
    throw new CountersignError('token-class-mismatch', { expected: `cat ${M2M_CATEGORY}` })
  }
  for (const name of REFUSED_MEMBERS) {
    if (Object.hasOwn(header, name)) throw malformed(`a header without ${name}`)
  }
  if (typeof alg !== 'string') throw malformed('a header that names its algorithm')
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_CHARACTERS) {
    throw malformed('a header that names its key')
  }
  return { kid, alg }
}

/**
 * Judges the payload of a machine JWT whose signature is right (RFC 7519 §4.1), and gives it with
 * `aud` as an array.
 *
 * @throws {CountersignError} with the code of the first thing that is wrong.
 */
export function judgeClaims(payload: JsonObject, expected: M2MExpectations): M2MClaims {
  const { iss, sub, aud, jti } = payload
  if (iss !== expected.issuer) {
    throw new CountersignError('token-issuer-mismatch', { expected: `iss ${expected.issuer}` })
  }
  if (typeof sub !== 'string' || !isId('machine', sub)) {
    throw new CountersignError('token-subject-invalid', { expected: 'sub to be a machine id' })
  }
  if (typeof jti !== 'string' || jti === '') throw wrongClaim('jti', 'an id')
  if (Object.hasOwn(payload, 'cnf')) {
    // RFC 7800 §3.1: a bound token without its proof is a stolen one.
    throw wrongClaim('cnf', 'absent: this verifier takes no proof of possession')
  }
  const receivers = judgeAudience(aud, expected.audience)
  judgeTimes(payload, expected)
  // Ours always name an array: the copy is for other people's tokens.
  return (aud === receivers ? payload : { ...payload, aud: receivers }) as M2MClaims
}

/** RFC 7519 §4.1.3: one receiver, or an array of them. */
function judgeAudience(aud: unknown, audience: string | null): readonly string[] {
  if (aud === undefined && audience === null) return []
  const receivers: unknown = typeof aud === 'string' ? [aud] : aud
  if (!isArrayOfTexts(receivers)) throw wrongClaim('aud', 'an array of machine ids')
  if (audience === null || receivers.includes(audience)) return receivers
  throw new CountersignError('token-audience-mismatch', {
    expected: `aud to name ${audience}`,
    got: `${receivers.length} other receiver${receivers.length === 1 ? '' : 's'}`,
  })
}

function isArrayOfTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((member) => typeof member === 'string')
}

function judgeTimes(payload: JsonObject, expected: M2MExpectations): void {
  const now = expected.nowMs / 1000
  const tolerance = expected.clockToleranceSeconds
  const exp = numericDate(payload, 'exp')
  const nbf = numericDate(payload, 'nbf')
  const iat = numericDate(payload, 'iat')
  // Asked so that a clock which does not tell the time (NaN) refuses.
  if (!(now < exp + tolerance)) {
    throw new CountersignError('token-expired', {
      expected: 'an exp in the future',
      got: `${Math.round(now - exp)} s ago`,
    })
  }
  const begin = Math.max(nbf, iat)
  if (!(begin <= now + tolerance)) {
    throw new CountersignError('token-not-yet-valid', {
      expected: 'nbf and iat in the past',
      got: `${Math.round(begin - now)} s ahead`,
    })
  }
}

/** RFC 7519 §2: a number; here one that a double holds exactly, or a fraction. */
function numericDate(payload: JsonObject, name: 'exp' | 'nbf' | 'iat'): number {
  const value = payload[name]
  if (typeof value === 'number' && value >= 0 && value <= Number.MAX_SAFE_INTEGER) return value
  throw wrongClaim(name, 'a number of seconds')
}

function wrongClaim(name: string, expected: string): CountersignError {
  return new CountersignError('token-claim-invalid', { expected: `${name} to be ${expected}` })
}

function malformed(expected: string): CountersignError {
  return new CountersignError('token-malformed', { expected })
}
