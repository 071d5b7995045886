import { CountersignError } from '../token/errors.ts'
import { copyJson, type JsonObject } from '../token/json.ts'
import type { HeaderRules } from '../token/jwt-header.ts'
import { namesMachine } from '../token/m2m-claims.ts'
import {
  judgeAudience,
  judgeIssuer,
  judgeTimes,
  refuseBound,
  wrongClaim,
} from '../token/registered-claims.ts'
import { SESSION_CATEGORIES } from '../token/token-type.ts'
import type { JwtClass } from '../verify/jwt-verifier.ts'

/** What a session token must say: Clerk's, or the ID token of any OIDC provider. */
export interface SessionExpectations {
  readonly issuer: string
  readonly audience: readonly string[] | null
  /** Who may have started the session (`azp`); `null` accepts everyone. */
  readonly authorizedParties: readonly string[] | null
  readonly clockToleranceSeconds: number
}

/** The claims of a session once they are judged. */
export interface SessionClaims extends JsonObject {
  readonly iss: string
  readonly sub: string
  readonly exp: number
  readonly iat: number
}

const HEADER: HeaderRules = Object.freeze({
  typ: 'jwt',
  isTypOptional: true,
  // A template's token is not a session's, whoever signed both.
  cat: SESSION_CATEGORIES,
})

export function sessionClass(
  expected: SessionExpectations,
): JwtClass<SessionClaims, SessionClaims> {
  return {
    header: HEADER,
    judgeClass(payload) {
      if (!namesMachine(payload)) return
      throw new CountersignError('token-class-mismatch', { expected: 'sub not to name a machine' })
    },
    judge(payload, nowMs) {
      judgeSessionClaims(payload, expected, nowMs)
      return payload as SessionClaims
    },
    judgeAgain(claims, nowMs) {
      judgeTimes(claims, nowMs, expected.clockToleranceSeconds, true)
    },
    resultOf: (claims) => copyJson(claims) as SessionClaims,
  }
}

function judgeSessionClaims(
  payload: JsonObject,
  expected: SessionExpectations,
  nowMs: number,
): void {
  judgeIssuer(payload, expected.issuer)
  const { sub, sts } = payload
  if (typeof sub !== 'string' || sub === '') {
    throw new CountersignError('token-subject-invalid', { expected: 'sub to be a user id' })
  }
  // OpenID Connect Back-Channel Logout §2.4: it ends a session, and is none.
  if (Object.hasOwn(payload, 'events')) {
    throw new CountersignError('token-class-mismatch', { expected: 'no events' })
  }
  refuseBound(payload)
  judgeAudience(payload, expected.audience)
  judgeParty(payload, expected.authorizedParties)
  judgeTimes(payload, nowMs, expected.clockToleranceSeconds, true)
  // A token that is revoked by a status list belongs to those who look there.
  if (Object.hasOwn(payload, 'status')) {
    throw new CountersignError('status-unavailable', { expected: 'a session token without status' })
  }
  // At Clerk a session is pending while its user still has to do something before it may begin.
  if (sts !== undefined && sts !== 'active') throw wrongClaim('sts', 'active')
}

/** OpenID Connect Core §2: the party to which the token was issued. */
function judgeParty({ azp }: JsonObject, parties: readonly string[] | null): void {
  if (parties === null || parties.some((party) => party === azp)) return
  throw new CountersignError('token-party-mismatch', {
    expected: `azp to be ${parties.join(' or ')}`,
    got: azp === undefined ? 'none' : 'another',
  })
}
