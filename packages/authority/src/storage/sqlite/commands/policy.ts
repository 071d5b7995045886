import type { Statements } from '../statements.ts'

/**
 * Whether what was decided about a token may still be done: its machine may do what it might then, and the
 * key that signs it, where one does, is not revoked. Another process may have changed either.
 */
export function stillRight(machineId: string, policyVersion: string, kid: string): string {
  return `(SELECT policy_version FROM machines WHERE id = ${machineId}) = ${policyVersion}
    AND (${kid} IS NULL OR EXISTS
      (SELECT 1 FROM signing_keys WHERE kid = ${kid} AND revoked_at IS NULL))`
}

export function bumpPolicy(db: Statements, machineId: string): void {
  db.run('UPDATE machines SET policy_version = policy_version + 1 WHERE id = ?', machineId)
}
