import { CountersignError } from '../token/errors.ts'
import type { JsonObject } from '../token/json.ts'
import type { HeaderRules } from '../token/jwt-header.ts'
import { namesMachine } from '../token/m2m-claims.ts'
import {
  judgeAudience,
  judgeIssuer,
  judgeTimes,
  refuseBound,
  wrongClaim,
} from '../token/registered-claims.ts'
import type { JwtClass } from '../verify/jwt-verifier.ts'

/** What an access token must say (RFC 9068 §4). */
export interface OAuthExpectations {
  readonly issuer: string
  readonly audience: readonly string[] | null
  readonly clockToleranceSeconds: number
}

/** What is used of an access token. */
export interface OAuthAccess {
  readonly id: string
  readonly subject: string
  readonly clientId: string
  readonly scopes: string[]
}

const HEADER: HeaderRules = Object.freeze({
  typ: 'at+jwt',
  isTypOptional: false,
  cat: [undefined],
})

export function oauthClass(expected: OAuthExpectations): JwtClass<JsonObject, OAuthAccess> {
  return {
    header: HEADER,
    judgeClass(payload) {
      if (!namesMachine(payload)) return
      throw new CountersignError('token-class-mismatch', { expected: 'sub not to name a machine' })
    },
    judge(payload, nowMs) {
      judgeOAuthClaims(payload, expected, nowMs)
      return payload
    },
    judgeAgain(claims, nowMs) {
      judgeTimes(claims, nowMs, expected.clockToleranceSeconds, true)
    },
    resultOf: accessOf,
  }
}

function judgeOAuthClaims(payload: JsonObject, expected: OAuthExpectations, nowMs: number): void {
  judgeIssuer(payload, expected.issuer)
  const { sub, jti, client_id: clientId } = payload
  if (typeof sub !== 'string' || sub === '') {
    throw new CountersignError('token-subject-invalid', { expected: 'sub to name somebody' })
  }
  if (typeof jti !== 'string' || jti === '') throw wrongClaim('jti', 'an id')
  if (typeof clientId !== 'string' || clientId === '') throw wrongClaim('client_id', 'a client')
  refuseBound(payload)
  judgeAudience(payload, expected.audience)
  judgeTimes(payload, nowMs, expected.clockToleranceSeconds, true)
  if (Object.hasOwn(payload, 'status')) {
    throw new CountersignError('status-unavailable', { expected: 'an access token without status' })
  }
}

/** Of claims that were judged. */
function accessOf(claims: JsonObject): OAuthAccess {
  const { jti, sub, client_id: clientId } = claims as Readonly<Record<string, string>>
  return { id: jti ?? '', subject: sub ?? '', clientId: clientId ?? '', scopes: scopesOf(claims) }
}

/** Clerk's `scp` is an array, and wins; RFC 9068 §2.2.3 has `scope` with blanks between. */
function scopesOf({ scp, scope }: JsonObject): string[] {
  if (Array.isArray(scp)) return scp.filter((one) => typeof one === 'string')
  return typeof scope === 'string' ? scope.split(' ').filter((one) => one !== '') : []
}
