import type { SealedTable } from '../../../domain/ports.ts'
import type { DataKeyRecord, InstanceKeyRecord, SigningKeySet } from '../../../domain/records.ts'
import { toDataKey } from '../rows.ts'
import type { Statements } from '../statements.ts'
import { exists, type Handlers } from './handlers.ts'
import { revokeTokens } from './m2m-tokens.ts'

/** The instance and the keys that it seals, signs and is called with. */
export function keyHandlers(
  db: Statements,
): Handlers<
  | 'create-instance'
  | 'replace-signing-keys'
  | 'revoke-signing-key'
  | 'create-data-key'
  | 'create-instance-key'
  | 'revoke-instance-key'
  | 'replace-data-keys'
  | 'reseal'
  | 'forget-data-keys'
> {
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
      if (!exists(db, 'instance_keys', id)) return 'missing'
      db.run('UPDATE instance_keys SET revoked_at = coalesce(revoked_at, ?) WHERE id = ?', at, id)
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
