import { withSecretUse } from '../../../domain/secret-uses.ts'
import type { MachineSecretRecord, ScopeRecord, SecretUse } from '../../../domain/records.ts'
import { toMachineSecret } from '../rows.ts'
import type { Statements } from '../statements.ts'
import { exists, type Handlers } from './handlers.ts'
import { revokeTokens } from './m2m-tokens.ts'
import { bumpPolicy } from './policy.ts'

/** Machines, their secrets and their scopes. */
export function machineHandlers(
  db: Statements,
): Handlers<
  | 'create-machine'
  | 'update-machine'
  | 'delete-machine'
  | 'rotate-machine-secret'
  | 'end-machine-secrets'
  | 'record-secret-uses'
  | 'create-scope'
  | 'delete-scope'
> {
  return {
    'create-machine'({ machine, secret, scopes }) {
      const known = (id: string): boolean => id === machine.id || exists(db, 'machines', id)
      if (!scopes.every((scope) => known(scope.toMachineId))) return 'missing'
      db.run(
        'INSERT INTO machines VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
        machine.id,
        machine.name,
        machine.defaultTokenTtlSeconds,
        machine.jwtAlgorithm,
        machine.policyVersion,
        machine.createdAt,
        machine.updatedAt,
        Number(machine.stateless),
      )
      insertMachineSecret(db, secret)
      for (const scope of scopes) insertScope(db, scope)
      return 'done'
    },

    'update-machine'({ id, at, name, defaultTokenTtlSeconds, jwtAlgorithm, stateless }) {
      const changed = db.run(
        `UPDATE machines SET updated_at = ?, name = coalesce(?, name),
          default_token_ttl_seconds = coalesce(?, default_token_ttl_seconds),
          jwt_algorithm = CASE WHEN ? THEN ? ELSE jwt_algorithm END,
          stateless = coalesce(?, stateless)
        WHERE id = ?`,
        at,
        name ?? null,
        defaultTokenTtlSeconds ?? null,
        jwtAlgorithm === undefined ? 0 : 1,
        jwtAlgorithm ?? null,
        stateless === undefined ? null : Number(stateless),
        id,
      )
      return changed === 1 ? 'done' : 'missing'
    },

    'delete-machine'({ id, revocation }) {
      if (!exists(db, 'machines', id)) return 'missing'
      revokeTokens(db, revocation)
      // Its secrets and scopes go by cascade; whoever could call it decides anew.
      db.run(
        `UPDATE machines SET policy_version = policy_version + 1
        WHERE id IN (SELECT from_machine_id FROM scopes WHERE to_machine_id = ?)`,
        id,
      )
      db.run('DELETE FROM machines WHERE id = ?', id)
      return 'done'
    },

    'rotate-machine-secret'({ secret, previousExpiresAt }) {
      const newest = db.get(
        'SELECT max(version) AS version FROM machine_secrets WHERE machine_id = ?',
        secret.machineId,
      )?.['version']
      if (typeof newest !== 'number') return 'missing'
      if (newest !== secret.version - 1) return 'stale'
      db.run(
        `UPDATE machine_secrets SET expires_at = min(coalesce(expires_at, ?1), ?1)
        WHERE machine_id = ?2`,
        previousExpiresAt,
        secret.machineId,
      )
      insertMachineSecret(db, secret)
      return 'done'
    },

    'end-machine-secrets'({ machineId, versions }) {
      const text = 'UPDATE machine_secrets SET expires_at = 0 WHERE machine_id = ? AND version = ?'
      const ended = versions.map((version) => db.run(text, machineId, version))
      return ended.some((count) => count > 0) ? 'done' : 'missing'
    },

    'record-secret-uses'({ uses }) {
      for (const use of uses) recordSecretUse(db, use)
      return 'done'
    },

    'create-scope'({ scope, limit }) {
      const { fromMachineId, toMachineId } = scope
      if (!exists(db, 'machines', fromMachineId) || !exists(db, 'machines', toMachineId))
        return 'missing'
      const receivers = db.all(
        'SELECT to_machine_id AS id FROM scopes WHERE from_machine_id = ?',
        fromMachineId,
      )
      if (receivers.some((row) => row['id'] === toMachineId)) return 'exists'
      if (receivers.length >= limit) return 'full'
      insertScope(db, scope)
      bumpPolicy(db, fromMachineId)
      return 'done'
    },

    'delete-scope'({ fromMachineId, toMachineId, revocation }) {
      const removed = db.run(
        'DELETE FROM scopes WHERE from_machine_id = ? AND to_machine_id = ?',
        fromMachineId,
        toMachineId,
      )
      if (removed === 0) return 'missing'
      bumpPolicy(db, fromMachineId)
      if (revocation !== null) revokeTokens(db, revocation)
      return 'done'
    },
  }
}

function insertMachineSecret(db: Statements, secret: MachineSecretRecord): void {
  db.run(
    'INSERT INTO machine_secrets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)',
    secret.machineId,
    secret.version,
    secret.mac,
    secret.sealed,
    secret.createdAt,
    secret.expiresAt,
    secret.lastUsedAt,
    secret.useCount,
    JSON.stringify(secret.callers),
  )
}

function recordSecretUse(db: Statements, use: SecretUse): void {
  const row = db.get(
    'SELECT * FROM machine_secrets WHERE machine_id = ? AND version = ?',
    use.machineId,
    use.version,
  )
  if (row === undefined) return
  const { lastUsedAt, useCount, callers } = withSecretUse(toMachineSecret(row), use)
  db.run(
    `UPDATE machine_secrets SET last_used_at = ?, use_count = ?, callers = ?
    WHERE machine_id = ? AND version = ?`,
    lastUsedAt,
    useCount,
    JSON.stringify(callers),
    use.machineId,
    use.version,
  )
}

function insertScope(db: Statements, scope: ScopeRecord): void {
  db.run(
    'INSERT INTO scopes VALUES (?, ?, ?, ?)',
    scope.fromMachineId,
    scope.toMachineId,
    scope.createdAt,
    scope.mac,
  )
}
