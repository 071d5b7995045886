import type { Command, Outcome } from '../../../domain/ports.ts'
import type { Statements } from '../statements.ts'

/** Carries out commands of these types inside a transaction that the caller holds. */
export type Handlers<Type extends Command['type'] = Command['type']> = {
  readonly [Each in Type]: (command: Extract<Command, { type: Each }>) => Outcome
}

export function exists(db: Statements, table: string, id: string): boolean {
  return db.get(`SELECT 1 FROM ${table} WHERE id = ?`, id) !== undefined
}

/** The first revocation stands. */
export function revoke(
  db: Statements,
  table: 'm2m_tokens' | 'api_keys',
  id: string,
  at: number,
  reason: string | null,
): void {
  db.run(
    `UPDATE ${table} SET revoked_at = ?, updated_at = ?, revocation_reason = ?
    WHERE id = ? AND revoked_at IS NULL`,
    at,
    at,
    reason,
    id,
  )
}
