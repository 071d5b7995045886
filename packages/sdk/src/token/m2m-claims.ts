import { refusal } from './errors.ts'
import { isMachineId } from './ids.ts'
import { isText, type JsonObject } from './json.ts'
import type { HeaderRules } from './jwt-header.ts'
import {
  judgeAudience,
  judgeIssuer,
  judgeTimes,
  refuseBound,
  wrongClaim,
} from './registered-claims.ts'

/** Clerk's class tag of a machine token (`cat` in the header). */
export const M2M_CATEGORY = 'cl_B7d4PD333AAA'

/** The header of a machine JWT. */
export const M2M_HEADER: HeaderRules = Object.freeze({
  typ: 'jwt',
  isTypOptional: true,
  cat: Object.freeze([M2M_CATEGORY]),
})

/** What a machine JWT must say to be accepted here. */
export interface M2MExpectations {
  readonly issuer: string
  /** Machines of which the token must be meant for one; `null` accepts every receiver. */
  readonly audience: readonly string[] | null
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

const MACHINE_PREFIX = 'mch_'

/**
 * Whether a payload says that it is a machine's. It decides who judges a token, never whether it is
 * good.
 */
export function namesMachine({ sub }: JsonObject): boolean {
  return typeof sub === 'string' && sub.startsWith(MACHINE_PREFIX)
}

/**
 * Judges the payload of a machine JWT whose signature is right (RFC 7519 §4.1), and gives it with
 * `aud` as an array.
 *
 * @param nowMs Epoch milliseconds.
 * @throws {CountersignError} with the code of the first thing that is wrong.
 */
export function judgeM2MClaims(
  payload: JsonObject,
  expected: M2MExpectations,
  nowMs: number,
): M2MClaims {
  const { sub, aud, jti } = payload
  judgeIssuer(payload, expected.issuer)
  if (typeof sub !== 'string' || !isMachineId(sub)) {
    throw refusal('token-subject-invalid', 'sub to be a machine id')
  }
  if (!isText(jti)) throw wrongClaim('jti', 'an id')
  refuseBound(payload)
  const receivers = judgeAudience(payload, expected.audience)
  judgeTimes(payload, nowMs, expected.clockToleranceSeconds, false)
  // Ours always name an array: the copy is for other people's tokens.
  return (aud === receivers ? payload : { ...payload, aud: receivers }) as M2MClaims
}
