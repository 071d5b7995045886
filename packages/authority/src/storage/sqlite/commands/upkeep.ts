import type { Statements } from '../statements.ts'
import type { Handlers } from './handlers.ts'

/** What the authority does by itself. */
export function upkeepHandlers(db: Statements): Handlers<'record-use' | 'prune'> {
  return {
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

function recordUse(db: Statements, table: 'm2m_tokens' | 'api_keys', id: string, at: number): void {
  db.run(`UPDATE ${table} SET last_used_at = ? WHERE id = ?`, at, id)
}
