import { FIRST_HASH, nextHash } from '../../domain/audit-chain.ts'
import { withSecretUse } from '../../domain/secret-uses.ts'
import type { AuditEntry, Command, Outcome, Revocation, SealedTable } from '../../domain/ports.ts'
import type {
  ApiKeyRecord,
  DataKeyRecord,
  InstanceKeyRecord,
  M2MTokenRecord,
  MachineSecretRecord,
  ScopeRecord,
  SecretUse,
  SigningKeySet,
  TokenPredicate,
} from '../../domain/records.ts'
import type { Apply } from './commit-queue.ts'
import type { SqlValue } from './driver.ts'
import { toDataKey, toMachineSecret } from './rows.ts'
import type { Statements } from './statements.ts'

type Handlers = {
  readonly [Type in Command['type']]: (command: Extract<Command, { type: Type }>) => Outcome
}

/** Applies commands inside a transaction that the caller holds. Checks come before changes. */
export function createApply(db: Statements): Apply {
  const handlers = createHandlers(db)
  return ({ command, entry }) => {
    const outcome = (handlers[command.type] as (command: Command) => Outcome)(command)
    if (outcome === 'done' && entry !== undefined) appendToAuditLog(db, entry)
    return outcome
  }
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
      for (const key of dataKeys) insertDataKey(db, key)
      replaceSigningKeys(db, signingKeys)
      insertInstanceKey(db, instanceKey)
      return 'done'
    },

    'replace-signing-keys': ({ set }) => (replaceSigningKeys(db, set) ? 'done' : 'stale'),

    'revoke-signing-key'({ set, revocation }) {
      if (!replaceSigningKeys(db, set)) return 'stale'
      revokeTokens(db, revocation)
      return 'done'
    },

    'create-data-key'({ dataKey }) {
      const { purpose, version } = dataKey
      const text = 'SELECT 1 FROM data_keys WHERE purpose = ? AND version = ?'
      if (db.get(text, purpose, version) !== undefined) return 'exists'
      insertDataKey(db, dataKey)
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
      if (!has('machines', id)) return 'missing'
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

    'replace-data-keys'({ before, after }) {
      const current = db.all('SELECT * FROM data_keys').map(toDataKey)
      const isSame = ({ purpose, version, rootKeyId }: DataKeyRecord): boolean =>
        current.some(
          (one) =>
            one.purpose === purpose && one.version === version && one.rootKeyId === rootKeyId,
        )
      if (current.length !== before.length || !before.every(isSame)) return 'stale'
      db.run('DELETE FROM data_keys')
      for (const key of after) insertDataKey(db, key)
      return 'done'
    },

    reseal({ table, values }) {
      const { key, column } = SEALED_COLUMNS[table]
      const text = `UPDATE ${table} SET ${column} = ? WHERE ${key} AND ${column} = ?`
      for (const { id, version, sealed, resealed } of values) {
        const row = table === 'machine_secrets' ? [id, version] : [id]
        db.run(text, resealed, ...row, sealed)
      }
      return 'done'
    },

    'forget-data-keys'({ purpose, below, tables }) {
      const first = Uint8Array.of(below >>> 8, below & 0xff)
      for (const table of tables) {
        const { column } = SEALED_COLUMNS[table]
        const text = `SELECT 1 FROM ${table} WHERE length(${column}) > 0 AND substr(${column}, 1, 2) < ? LIMIT 1`
        if (db.get(text, first) !== undefined) return 'stale'
      }
      db.run('DELETE FROM data_keys WHERE purpose = ? AND version < ?', purpose, below)
      return 'done'
    },

    'create-m2m-token'({ token, policyVersion }) {
      if (policyVersionOf(db, token.machineId) !== policyVersion) return 'stale'
      if (token.format === 'jwt' && !maySign(db, token.kid)) return 'stale'
      insertM2MToken(db, token)
      return 'done'
    },

    'check-policy': ({ machineId, policyVersion, kid }) =>
      policyVersionOf(db, machineId) === policyVersion && maySign(db, kid) ? 'done' : 'stale',

    'revoke-m2m-token'({ id, at, reason }) {
      if (!has('m2m_tokens', id)) return 'missing'
      revoke(db, 'm2m_tokens', id, at, reason)
      db.run(
        `UPDATE status_lists SET version = version + 1
        WHERE id = (SELECT status_list_id FROM m2m_tokens WHERE id = ?)`,
        id,
      )
      return 'done'
    },

    'revoke-m2m-tokens'({ revocation }) {
      revokeTokens(db, revocation)
      return 'done'
    },

    'open-status-list'({ list }) {
      db.run(
        'INSERT INTO status_lists VALUES (?, ?, ?, ?, ?, ?)',
        list.id,
        list.algorithm,
        list.size,
        list.openedAt,
        list.endsAt,
        list.version,
      )
      return 'done'
    },

    'record-event': () => 'done',

    'create-audit-checkpoint'({ checkpoint }) {
      const { seq, hash, at, keyVersion, signature } = checkpoint
      if (hasCheckpoint(db, seq)) return 'exists'
      const entry = db.get('SELECT 1 FROM audit_log WHERE seq = ? AND hash = ?', seq, hash)
      if (entry === undefined) return 'stale'
      db.run(
        'INSERT INTO audit_checkpoints VALUES (?, ?, ?, ?, ?)',
        seq,
        hash,
        at,
        keyVersion,
        signature,
      )
      return 'done'
    },

    'create-webhook'({ webhook, limit }) {
      const count = db.get('SELECT count(*) AS total FROM webhooks')?.['total']
      if (Number(count) >= limit) return 'full'
      db.run(
        'INSERT INTO webhooks VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
        webhook.id,
        webhook.url,
        JSON.stringify(webhook.actions),
        webhook.sealed,
        webhook.mac,
        webhook.createdAt,
        webhook.version,
        webhook.cursor,
        webhook.failures,
        webhook.failingSince,
        webhook.nextAttemptAt,
        webhook.disabledAt,
        webhook.disabledReason,
      )
      return 'done'
    },

    'update-webhook'({ webhook }) {
      const changed = db.run(
        `UPDATE webhooks SET version = version + 1, cursor = ?, failures = ?, failing_since = ?,
          next_attempt_at = ?, disabled_at = ?, disabled_reason = ?
        WHERE id = ? AND version = ?`,
        webhook.cursor,
        webhook.failures,
        webhook.failingSince,
        webhook.nextAttemptAt,
        webhook.disabledAt,
        webhook.disabledReason,
        webhook.id,
        webhook.version,
      )
      return changed === 1 ? 'done' : 'stale'
    },

    'delete-webhook'({ id }) {
      return db.run('DELETE FROM webhooks WHERE id = ?', id) === 1 ? 'done' : 'missing'
    },

    'prune-audit-log'({ through }) {
      if (!hasCheckpoint(db, through)) return 'missing'
      if (db.run('DELETE FROM audit_log WHERE seq <= ?', through) === 0) return 'stale'
      db.run('DELETE FROM audit_checkpoints WHERE seq < ?', through)
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
      // The newest version stays, dead or not: the next one counts on from it.
      db.run(
        `DELETE FROM machine_secrets AS secret WHERE expires_at < ? AND EXISTS
          (SELECT 1 FROM machine_secrets AS newer
            WHERE newer.machine_id = secret.machine_id AND newer.version > secret.version)`,
        before,
      )
      db.run('DELETE FROM status_lists WHERE ends_at < ?', before)
      return forgotten === limit ? 'full' : 'done'
    },
  }
}

/** The sealed column of each table, and what finds a row. */
export const SEALED_COLUMNS: Readonly<
  Record<SealedTable, { readonly key: string; readonly column: string; readonly id: string }>
> = {
  instance_keys: { key: 'id = ?', column: 'sealed', id: 'id' },
  machine_secrets: { key: 'machine_id = ? AND version = ?', column: 'sealed', id: 'machine_id' },
  m2m_tokens: { key: 'id = ?', column: 'sealed', id: 'id' },
  api_keys: { key: 'id = ?', column: 'sealed', id: 'id' },
  webhooks: { key: 'id = ?', column: 'sealed', id: 'id' },
  signing_keys: { key: 'kid = ?', column: 'handle', id: 'kid' },
}

function insertDataKey(db: Statements, key: DataKeyRecord): void {
  db.run(
    'INSERT INTO data_keys VALUES (?, ?, ?, ?, ?)',
    key.purpose,
    key.version,
    key.rootKeyId,
    key.wrapped,
    key.createdAt,
  )
}

/**
 * The keys that are no longer named are forgotten. A handle that was sealed anew meanwhile stays; one that
 * was wiped does not. `false`: another process was first.
 */
function replaceSigningKeys(db: Statements, { version, keys }: SigningKeySet): boolean {
  const isNext = db.run('UPDATE signing_key_set SET version = ?1 WHERE version = ?1 - 1', version)
  if (isNext === 0) return false
  const handles = new Map(
    db
      .all('SELECT kid, handle FROM signing_keys')
      .map((row) => [row['kid'] as string, row['handle'] as Uint8Array]),
  )
  db.run('DELETE FROM signing_keys')
  for (const key of keys) {
    db.run(
      'INSERT INTO signing_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      key.kid,
      key.algorithm,
      JSON.stringify(key.publicJwk),
      key.handle.length === 0 ? key.handle : (handles.get(key.kid) ?? key.handle),
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

function hasCheckpoint(db: Statements, seq: number): boolean {
  return db.get('SELECT 1 FROM audit_checkpoints WHERE seq = ?', seq) !== undefined
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

const NOTHING = new Uint8Array(0)

function insertM2MToken(db: Statements, token: M2MTokenRecord): void {
  const isJwt = token.format === 'jwt'
  db.run(
    'INSERT INTO m2m_tokens VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
    token.id,
    token.machineId,
    token.scopes.join(' '),
    token.claims,
    token.expiresAt,
    isJwt ? NOTHING : token.mac,
    isJwt ? null : token.sealed,
    isJwt ? '' : token.likeness,
    token.createdAt,
    token.updatedAt,
    token.revokedAt,
    token.revocationReason,
    token.lastUsedAt,
    token.secretVersion,
    isJwt ? token.kid : null,
    isJwt ? token.statusListId : null,
    isJwt ? token.statusIndex : null,
  )
}

/** What a predicate says of a row, for tokens that are neither revoked nor expired. */
export function liveTokens(
  predicate: TokenPredicate,
  now: number,
): { readonly condition: string; readonly values: readonly SqlValue[] } {
  const { machineId, secretVersion, issuedBefore, kid, receiverId } = predicate
  const narrowings: readonly (readonly [string, SqlValue | undefined])[] = [
    ['machine_id = ?', machineId],
    ['secret_version = ?', secretVersion],
    ['created_at < ?', issuedBefore],
    ['kid = ?', kid],
    [`instr(' ' || scopes || ' ', ' ' || ? || ' ') > 0`, receiverId],
  ]
  const given = narrowings.filter((one): one is [string, SqlValue] => one[1] !== undefined)
  return {
    condition: ['revoked_at IS NULL', 'expires_at > ?', ...given.map(([text]) => text)].join(
      ' AND ',
    ),
    values: [now, ...given.map(([, value]) => value)],
  }
}

function revokeTokens(db: Statements, { id, at, predicate, reason }: Revocation): void {
  const live = liveTokens(predicate, at)
  const count = db.run(
    `UPDATE m2m_tokens SET revoked_at = ?, updated_at = ?, revocation_reason = ?
    WHERE ${live.condition}`,
    at,
    at,
    reason,
    ...live.values,
  )
  db.run('UPDATE status_lists SET version = version + 1')
  // A token that is being made meanwhile was decided on before this: it is decided on anew.
  if (predicate.machineId === undefined)
    db.run('UPDATE machines SET policy_version = policy_version + 1')
  else bumpPolicy(db, predicate.machineId)
  db.run(
    'INSERT INTO revocations VALUES (?, ?, ?, ?, ?)',
    id,
    at,
    JSON.stringify(predicate),
    reason,
    count,
  )
}

function appendToAuditLog(db: Statements, { text, mac }: AuditEntry): void {
  // Of a log that was pruned to its end, the checkpoint it was pruned to is left.
  const last =
    db.get('SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1') ??
    db.get('SELECT seq, hash FROM audit_checkpoints ORDER BY seq DESC LIMIT 1')
  const seq = Number(last?.['seq'] ?? 0) + 1
  const before = (last?.['hash'] as Uint8Array | undefined) ?? FIRST_HASH
  const hash = nextHash(before, { seq, mac, entry: text })
  db.run('INSERT INTO audit_log VALUES (?, ?, ?, ?)', seq, text, mac, hash)
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

/** Whether a token by this key may be given out: another process may have revoked it. */
function maySign(db: Statements, kid: string): boolean {
  const text = 'SELECT 1 FROM signing_keys WHERE kid = ? AND revoked_at IS NULL'
  return db.get(text, kid) !== undefined
}

function policyVersionOf(db: Statements, machineId: string): unknown {
  return db.get('SELECT policy_version FROM machines WHERE id = ?', machineId)?.['policy_version']
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
