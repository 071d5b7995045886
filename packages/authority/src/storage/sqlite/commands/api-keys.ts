import type { ApiKeyRecord } from '../../../domain/records.ts'
import type { Statements } from '../statements.ts'
import { exists, type Handlers, revoke } from './handlers.ts'

/** API keys. */
export function apiKeyHandlers(
  db: Statements,
): Handlers<'create-api-key' | 'replace-api-key' | 'revoke-api-key' | 'delete-api-key'> {
  return {
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

    'revoke-api-key'({ id, at, reason }) {
      if (!exists(db, 'api_keys', id)) return 'missing'
      revoke(db, 'api_keys', id, at, reason)
      return 'done'
    },

    'delete-api-key'({ id }) {
      return db.run('DELETE FROM api_keys WHERE id = ?', id) === 1 ? 'done' : 'missing'
    },
  }
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
