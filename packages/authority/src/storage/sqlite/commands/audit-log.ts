import { FIRST_HASH, nextHash } from '../../../domain/audit-chain.ts'
import type { AuditEntry } from '../../../domain/ports.ts'
import type { Statements } from '../statements.ts'
import type { Handlers } from './handlers.ts'

/** The audit log, its checkpoints, and the webhooks that tell of it. */
export function auditLogHandlers(
  db: Statements,
): Handlers<
  | 'record-event'
  | 'create-audit-checkpoint'
  | 'prune-audit-log'
  | 'create-webhook'
  | 'update-webhook'
  | 'delete-webhook'
> {
  return {
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

    'prune-audit-log'({ through }) {
      if (!hasCheckpoint(db, through)) return 'missing'
      if (db.run('DELETE FROM audit_log WHERE seq <= ?', through) === 0) return 'stale'
      db.run('DELETE FROM audit_checkpoints WHERE seq < ?', through)
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
  }
}

/** Appends to the audit log inside one transaction: where it ends is read once. */
export function createAuditAppender(db: Statements): (entry: AuditEntry) => void {
  let end: { readonly seq: number; readonly hash: Uint8Array } | undefined
  return ({ text, mac }) => {
    const { seq: before, hash: hashBefore } = end ?? endOfAuditLog(db)
    const seq = before + 1
    const hash = nextHash(hashBefore, { seq, mac, entry: text })
    db.run('INSERT INTO audit_log VALUES (?, ?, ?, ?)', seq, text, mac, hash)
    end = { seq, hash }
  }
}

function endOfAuditLog(db: Statements): { readonly seq: number; readonly hash: Uint8Array } {
  // Of a log that was pruned to its end, the checkpoint it was pruned to is left.
  const last =
    db.get('SELECT seq, hash FROM audit_log ORDER BY seq DESC LIMIT 1') ??
    db.get('SELECT seq, hash FROM audit_checkpoints ORDER BY seq DESC LIMIT 1')
  return last === undefined
    ? { seq: 0, hash: FIRST_HASH }
    : { seq: last['seq'] as number, hash: last['hash'] as Uint8Array }
}

function hasCheckpoint(db: Statements, seq: number): boolean {
  return db.get('SELECT 1 FROM audit_checkpoints WHERE seq = ?', seq) !== undefined
}
