import type { Command, Outcome } from '../../domain/ports.ts'
import type {
  ApiKeyRecord,
  InstanceKeyRecord,
  M2MTokenRecord,
  MachineSecretRecord,
  ScopeRecord,
  SigningKeySet,
} from '../../domain/records.ts'
import type { Apply } from './commit-queue.ts'
import type { Statements } from './statements.ts'

type Handlers = {
  readonly [Type in Command['type']]: (command: Extract<Command, { type: Type }>) => Outcome
}

/** Applies commands inside a transaction that the caller holds. Checks come before changes. */
export function createApply(db: Statements): Apply {
  const handlers = createHandlers(db)
  return (command) => (handlers[command.type] as (command: Command) => Outcome)(command)
}

function createHandlers(db: Statements): Handlers {
  const has = (table: string, id: string): boolean =>
    db.get(`SELECT 1 FROM ${table} WHERE id = ?`, id) !== undefined

  return {
    'create-instance'({ instance, dataKeys, signingKeys, instanceKey }) {
      if (db.get('SELECT 1 FROM instance') !== undefined) return 'exists'
      db.run(
        'INSERT INTO instance VALUES (1, ?, ?, ?)',
        instance.id,
        instance.environment,
        instance.createdAt,
      )
      for (const key of dataKeys) {
        db.run(
          'INSERT INTO data_keys VALUES (?, ?, ?, ?, ?)',
          key.purpose,
          key.version,
          key.rootKeyId,
          key.wrapped,
          key.createdAt,
        )
      }
      replaceSigningKeys(db, signingKeys)
      insertInstanceKey(db, instanceKey)
      return 'done'
    },

    'replace-signing-keys': ({ set }) => (replaceSigningKeys(db, set) ? 'done' : 'stale'),

    'revoke-signing-key'({ set }) {
      if (!replaceSigningKeys(db, set)) return 'stale'
      // Here, in the same commit, goes: the tokens of `kid` are revoked at `at` with `reason`.
      return 'done'
    },

    'create-instance-key'({ instanceKey }) {
      insertInstanceKey(db, instanceKey)
      return 'done'
    },

    'revoke-instance-key'({ id, at }) {
      if (!has('instance_keys', id)) return 'missing'
      db.run('UPDATE instance_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?', at, id)
      return 'done'
    },

    'create-machine'({ machine, secret, scopes }) {
      const known = (id: string): boolean => id === machine.id || has('machines', id)
      if (!scopes.every((scope) => known(scope.toMachineId))) return 'missing'
      db.run(
        'INSERT INTO machines VALUES (?, ?, ?, ?, ?, ?, ?)',
        machine.id,
        machine.name,
        machine.defaultTokenTtlSeconds,
        machine.jwtAlgorithm,
        machine.policyVersion,
        machine.createdAt,
        machine.updatedAt,
      )
      insertMachineSecret(db, secret)
      for (const scope of scopes) insertScope(db, scope)
      return 'done'
    },

    'update-machine'({ id, at, name, defaultTokenTtlSeconds, jwtAlgorithm }) {
      const changed = db.run(
        `UPDATE machines SET updated_at = ?, name = coalesce(?, name),
          default_token_ttl_seconds = coalesce(?, default_token_ttl_seconds),
          jwt_algorithm = CASE WHEN ? THEN ? ELSE jwt_algorithm END
        WHERE id = ?`,
        at,
        name ?? null,
        defaultTokenTtlSeconds ?? null,
        jwtAlgorithm === undefined ? 0 : 1,
        jwtAlgorithm ?? null,
        id,
      )
      return changed === 1 ? 'done' : 'missing'
    },

    'delete-machine'({ id }) {
      // Its secrets and scopes go by cascade; whoever could call it decides anew.
      db.run(
        `UPDATE machines SET policy_version = policy_version + 1
        WHERE id IN (SELECT from_machine_id FROM scopes WHERE to_machine_id = ?)`,
        id,
      )
      return db.run('DELETE FROM machines WHERE id = ?', id) === 1 ? 'done' : 'missing'
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

    'create-scope'({ scope, limit }) {
      const { fromMachineId, toMachineId } = scope
      if (!has('machines', fromMachineId) || !has('machines', toMachineId)) return 'missing'
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

    'delete-scope'({ fromMachineId, toMachineId }) {
      const removed = db.run(
        'DELETE FROM scopes WHERE from_machine_id = ? AND to_machine_id = ?',
        fromMachineId,
        toMachineId,
      )
      if (removed === 0) return 'missing'
      bumpPolicy(db, fromMachineId)
      return 'done'
    },

    'create-m2m-token'({ token, policyVersion }) {
      const current = db.get('SELECT policy_version FROM machines WHERE id = ?', token.machineId)
      if (current?.['policy_version'] !== policyVersion) return 'stale'
      insertM2MToken(db, token)
      return 'done'
    },

    'revoke-m2m-token'({ id, at, reason }) {
      if (!has('m2m_tokens', id)) return 'missing'
      revoke(db, 'm2m_tokens', id, at, reason)
      return 'done'
    },

    'create-api-key'({ apiKey }) {
      insertApiKey(db, apiKey)
      return 'done'
    },

    'replace-api-key'({ before, after }) {
      const changed = db.run(
        `UPDATE api_keys SET subject = ?, scopes = ?, description = ?, claims = ?, expires_at = ?,
          mac = ?, updated_at = ?
        WHERE id = ? AND mac = ? AND updated_at = ?`,
        after.subject,
        JSON.stringify(after.scopes),
        after.description,
        after.claims,
        after.expiresAt,
        after.mac,
        after.updatedAt,
        before.id,
        before.mac,
        before.updatedAt,
      )
      return changed === 1 ? 'done' : 'stale'
    },

    'delete-api-key'({ id }) {
      return db.run('DELETE FROM api_keys WHERE id = ?', id) === 1 ? 'done' : 'missing'
    },

    'revoke-api-key'({ id, at, reason }) {
      if (!has('api_keys', id)) return 'missing'
      revoke(db, 'api_keys', id, at, reason)
      return 'done'
    },

    'record-use'({ m2mTokens, apiKeys }) {
      for (const [id, at] of m2mTokens) recordUse(db, 'm2m_tokens', id, at)
      for (const [id, at] of apiKeys) recordUse(db, 'api_keys', id, at)
      return 'done'
    },

    prune({ before, limit }) {
      const forgotten = db.run(
        `DELETE FROM m2m_tokens WHERE id IN
          (SELECT id FROM m2m_tokens WHERE expires_at < ? ORDER BY expires_at LIMIT ?)`,
        before,
        limit,
      )
      db.run('DELETE FROM machine_secrets WHERE expires_at < ?', before)
      return forgotten === limit ? 'full' : 'done'
    },
  }
}

/** The keys that are no longer named are forgotten. `false`: another process was first. */
function replaceSigningKeys(db: Statements, { version, keys }: SigningKeySet): boolean {
  const isNext = db.run('UPDATE signing_key_set SET version = ?1 WHERE version = ?1 - 1', version)
  if (isNext === 0) return false
  db.run('DELETE FROM signing_keys')
  for (const key of keys) {
    db.run(
      'INSERT INTO signing_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      key.kid,
      key.algorithm,
      JSON.stringify(key.publicJwk),
      key.handle,
      key.mac,
      key.createdAt,
      key.activeFrom,
      key.retiresAt,
      key.revokedAt,
      key.revocationReason,
    )
  }
  return true
}

function insertInstanceKey(db: Statements, key: InstanceKeyRecord): void {
  db.run(
    'INSERT INTO instance_keys VALUES (?, ?, ?, ?, ?)',
    key.id,
    key.mac,
    key.sealed,
    key.createdAt,
    key.revokedAt,
  )
}

function insertMachineSecret(db: Statements, secret: MachineSecretRecord): void {
  db.run(
    'INSERT INTO machine_secrets VALUES (?, ?, ?, ?, ?, ?)',
    secret.machineId,
    secret.version,
    secret.mac,
    secret.sealed,
    secret.createdAt,
    secret.expiresAt,
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

function insertM2MToken(db: Statements, token: M2MTokenRecord): void {
  db.run(
    'INSERT INTO m2m_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    token.id,
    token.machineId,
    token.scopes.join(' '),
    token.claims,
    token.expiresAt,
    token.mac,
    token.sealed,
    token.likeness,
    token.createdAt,
    token.updatedAt,
    token.revokedAt,
    token.revocationReason,
    token.lastUsedAt,
  )
}

function insertApiKey(db: Statements, key: ApiKeyRecord): void {
  db.run(
    'INSERT INTO api_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    key.id,
    key.type,
    key.name,
    key.description,
    key.subject,
    JSON.stringify(key.scopes),
    key.claims,
    key.createdBy,
    key.expiresAt,
    key.mac,
    key.digest,
    key.sealed,
    key.createdAt,
    key.updatedAt,
    key.revokedAt,
    key.revocationReason,
    key.lastUsedAt,
  )
}

function bumpPolicy(db: Statements, machineId: string): void {
  db.run('UPDATE machines SET policy_version = policy_version + 1 WHERE id = ?', machineId)
}

/** The first revocation stands. */
function revoke(
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

function recordUse(db: Statements, table: 'm2m_tokens' | 'api_keys', id: string, at: number): void {
  db.run(`UPDATE ${table} SET last_used_at = ? WHERE id = ?`, at, id)
}
