import type { JwtFacts } from './jwt.ts'
import type { M2MTokenRecord } from './records.ts'

/** A machine token in either format, without its text. Times are epoch milliseconds. */
export interface M2MToken {
  readonly id: string
  readonly machineId: string
  readonly format: 'opaque' | 'jwt'
  /** Whether there is a record of it: a stateless JWT leaves none. */
  readonly isKept: boolean
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
  return {
    id: row.id,
    format: row.format,
    isKept: true,
    machineId: row.machineId,
    scopes: row.scopes,
    claims: row.claims === null ? null : (JSON.parse(row.claims) as unknown),
    expiresAt: row.expiresAt,
    ...lifecycleOf(row),
  }
}

function lifecycleOf(row: M2MTokenRecord) {
  const { revokedAt, revocationReason, lastUsedAt, createdAt, updatedAt } = row
  return { revokedAt, revocationReason, lastUsedAt, createdAt, updatedAt }
}

/** A JWT is what it says; a record may say what became of it. */
export function m2mTokenFromJwt(facts: JwtFacts, row?: M2MTokenRecord): M2MToken {
  const token = {
    id: facts.id,
    format: 'jwt' as const,
    isKept: facts.status !== null,
    machineId: facts.machineId,
    scopes: facts.receiverIds,
    claims: facts.claims === null ? null : (JSON.parse(facts.claims) as unknown),
    expiresAt: facts.expiresAt * 1000,
  }
  if (row !== undefined) return { ...token, ...lifecycleOf(row) }
  const at = facts.issuedAt * 1000
  const unused = { revokedAt: null, revocationReason: null, lastUsedAt: null }
  return { ...token, ...unused, createdAt: at, updatedAt: at }
}
