import type { AuditCheckpoints } from '../domain/audit-checkpoints.ts'
import type { Clock, Store } from '../domain/ports.ts'
import type { KeyRing } from '../domain/key-ring.ts'
import type { RootKeyRotation } from '../domain/root-key-rotation.ts'
import type { SecretUses } from '../domain/secret-uses.ts'
import type { StatusEvents } from '../domain/status-events.ts'
import type { WebhookDeliveries } from '../domain/webhook-deliveries.ts'
import type { Uses } from '../domain/uses.ts'

/** How long an expired token stays listed. */
const KEEP_EXPIRED_MS = 86_400_000

const FLUSH_EVERY_MS = 5_000
const PRUNE_EVERY_MS = 60_000
const FORGET_EVERY_MS = 60_000
const PRUNE_AUDIT_EVERY_MS = 3_600_000

/** Bounds how long one prune keeps the store. */
const PRUNE_AT_ONCE = 2_000

/**
 * What is due at each call: verifiers are told of changed lists, notes of use are written, the audit log
 * is signed and delivered, what ended a day ago or need not be kept any more is forgotten, and keys roll.
 * The keys come last: a database in which they were altered is still written to and pruned.
 */
export function createTick(parts: {
  readonly store: Store
  readonly clock: Clock
  readonly uses: Uses
  readonly secretUses: SecretUses
  readonly statusEvents: StatusEvents
  readonly rootKeyRotation: Pick<RootKeyRotation, 'settled' | 'forget'>
  readonly keyRing: Pick<KeyRing, 'tick'>
  readonly auditCheckpoints: AuditCheckpoints
  readonly webhookDeliveries: WebhookDeliveries
}): () => Promise<void> {
  const { store, clock, uses, secretUses, statusEvents, rootKeyRotation, keyRing } = parts
  const { auditCheckpoints, webhookDeliveries } = parts
  const flushDue = createDue(FLUSH_EVERY_MS)
  const forgetDue = createDue(FORGET_EVERY_MS)
  const pruneDue = createDue(PRUNE_EVERY_MS)
  const pruneAuditDue = createDue(PRUNE_AUDIT_EVERY_MS)
  let moreToPrune = false
  let moreAuditToPrune = false
  return async () => {
    const now = clock.now()
    await statusEvents.publish()
    if (flushDue(now)) {
      await uses.flush()
      await secretUses.flush()
    }
    if (pruneDue(now) || moreToPrune) {
      const before = now - KEEP_EXPIRED_MS
      const outcome = await store.write({ type: 'prune', before, limit: PRUNE_AT_ONCE })
      moreToPrune = outcome === 'full'
    }
    await auditCheckpoints.take()
    await webhookDeliveries.start()
    if (pruneAuditDue(now) || moreAuditToPrune) moreAuditToPrune = await auditCheckpoints.prune()
    // Learns new data keys, without which the keys below do not open.
    await rootKeyRotation.settled()
    if (forgetDue(now)) await rootKeyRotation.forget()
    await keyRing.tick()
  }
}

/** Tells whether it is time again; a clock that was set back makes it time at once. */
function createDue(everyMs: number): (now: number) => boolean {
  let last = Number.NEGATIVE_INFINITY
  return (now) => {
    if (now - last < everyMs && now >= last) return false
    last = now
    return true
  }
}
