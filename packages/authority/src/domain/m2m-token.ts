import type { JwtFacts } from './jwt.ts'
import type { M2MTokenRecord } from './records.ts'

/** A machine token in either format, without its text. Times are epoch milliseconds. */
export interface M2MToken {
  readonly id: string
  readonly machineId: string
  readonly scopes: readonly string[]
  readonly claims: unknown
  readonly expiresAt: number
  readonly revokedAt: number | null
  readonly revocationReason: string | null
  readonly lastUsedAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
}

/** What a record says of its token, without what proves it. */
export function m2mTokenFromRecord(row: M2MTokenRecord): M2MToken {
  const { mac: _mac, sealed: _sealed, likeness: _likeness, claims, ...token } = row
  return { ...token, claims: claims === null ? null : (JSON.parse(claims) as unknown) }
}

/** A JWT is what it says; no record of it is kept. */
export function m2mTokenFromJwt(facts: JwtFacts): M2MToken {
  return {
    id: facts.id,
    machineId: facts.machineId,
    scopes: facts.receiverIds,
    claims: facts.claims === null ? null : (JSON.parse(facts.claims) as unknown),
    expiresAt: facts.expiresAt * 1000,
    revokedAt: null,
    revocationReason: null,
    lastUsedAt: null,
    createdAt: facts.issuedAt * 1000,
    updatedAt: facts.issuedAt * 1000,
  }
}
