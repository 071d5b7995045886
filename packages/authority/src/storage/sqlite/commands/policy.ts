import type { Statements } from '../statements.ts'

/** The version of what a machine may do: a token that was decided on by another one is not made. */
export function policyVersionOf(db: Statements, machineId: string): unknown {
  return db.get('SELECT policy_version FROM machines WHERE id = ?', machineId)?.['policy_version']
}

export function bumpPolicy(db: Statements, machineId: string): void {
  db.run('UPDATE machines SET policy_version = policy_version + 1 WHERE id = ?', machineId)
}
