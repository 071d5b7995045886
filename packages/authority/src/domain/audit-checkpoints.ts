import { AUTHORITY } from './actors.ts'
import { FIRST_HASH } from './audit-chain.ts'
import { isOwnEntry, parseAuditEntry } from './audit.ts'
import type { AuditKeys } from './audit-key.ts'
import { type AuditPlace, createAuditVerifier } from './audit-verification.ts'
import type { Context } from './context.ts'
import type { Log } from './ports.ts'
import type { AuditCheckpointRecord } from './records.ts'

/** Signs what the audit log is, and forgets what need not be kept any more. */
export interface AuditCheckpoints {
  /** Makes the checkpoints that are due. */
  take(): Promise<void>
  /** Forgets what is older than it must be kept, up to a checkpoint; `true` when there may be more. */
  prune(): Promise<boolean>
}

/** New entries that are worth a checkpoint at once. */
export const CHECKPOINT_ENTRIES = 1_000

/** How long fewer of them wait. */
export const CHECKPOINT_MS = 60_000

/** Bounds how long one call keeps the event loop. */
const MAX_AT_ONCE = 20

/** How many entries one command forgets, if there is a checkpoint among them. */
const PRUNE_ENTRIES = 5_000

const DAY_MS = 86_400_000

type Parts = Pick<Context, 'store' | 'clock' | 'credentials' | 'audit'>

export function createAuditCheckpoints(
  context: Parts,
  options: { readonly keys: AuditKeys; readonly log: Log; readonly keepDays: number },
): AuditCheckpoints {
  const { store, clock } = context
  const { keys, log, keepDays } = options
  /** Of this process, which nobody can write but itself. */
  let remembered: AuditCheckpointRecord | null = null
  let alarmedAt = Number.NEGATIVE_INFINITY

  const alarm = (seq: number, message: string): void => {
    alarmedAt = clock.now()
    log.error('the audit log was altered', { seq, message })
  }

  /** The newest checkpoint; `null` when the one in the store is not to be believed. */
  const newest = async (): Promise<AuditPlace | null> => {
    const stored = await store.newestAuditCheckpoint()
    if (remembered !== null && (stored === null || stored.seq < remembered.seq)) {
      alarm(remembered.seq, `checkpoint ${remembered.seq} is gone`)
      return null
    }
    if (stored === null) return { seq: 0, hash: FIRST_HASH }
    if (!keys.isSigned(stored)) {
      alarm(stored.seq, `checkpoint ${stored.seq} is not signed by the audit key`)
      return null
    }
    remembered = stored
    return stored
  }

  /** Nothing is signed that does not follow from the checkpoint before, or that others wrote. */
  const checkedAfter = async (place: AuditPlace): Promise<AuditPlace | null> => {
    const isOwn = (record: Parameters<typeof isOwnEntry>[1]): boolean =>
      isOwnEntry(context.credentials, record)
    const verifier = createAuditVerifier({ isSigned: keys.isSigned, isOwn, after: place })
    for (const record of await store.auditLog(place.seq, CHECKPOINT_ENTRIES)) verifier.entry(record)
    const { problems, last } = verifier.end()
    for (const { seq, message } of problems) alarm(seq, message)
    return problems.length === 0 ? last : null
  }

  return Object.freeze({
    async take(): Promise<void> {
      // What is wrong stays wrong, and need not be told every second.
      if (Math.abs(clock.now() - alarmedAt) < CHECKPOINT_MS) return
      for (let times = 0; times < MAX_AT_ONCE; times++) {
        const before = await newest()
        if (before === null) return
        const [head] = await store.auditLogBefore(Number.MAX_SAFE_INTEGER, 1)
        const at = clock.now()
        const isDue = isCheckpointDue({
          newEntries: (head?.seq ?? 0) - before.seq,
          lastAt: remembered?.at ?? null,
          now: at,
        })
        if (!isDue) return
        const place = await checkedAfter(before)
        if (place === null || place.seq === before.seq) return
        // `exists`: another process was quicker, and the next round goes on from its checkpoint.
        const checkpoint = keys.sign({ seq: place.seq, hash: place.hash, at })
        const outcome = await store.write({ type: 'create-audit-checkpoint', checkpoint })
        if (outcome === 'stale') return
      }
    },

    async prune(): Promise<boolean> {
      if (keepDays === 0) return false
      const [first] = await store.auditLog(0, 1)
      if (first === undefined) return false
      const checkpoint = planPruning({
        first: { seq: first.seq, at: atOf(first.entry) },
        checkpoints: await store.auditCheckpoints(first.seq - 1, MAX_AT_ONCE),
        keepMs: keepDays * DAY_MS,
        now: clock.now(),
      })
      if (checkpoint === null) return false
      if (!keys.isSigned(checkpoint)) {
        alarm(checkpoint.seq, `checkpoint ${checkpoint.seq} is not signed by the audit key`)
        return false
      }
      const through = checkpoint.seq
      const hash = Buffer.from(checkpoint.hash).toString('base64url')
      const outcome = await store.write(
        { type: 'prune-audit-log', through },
        context.audit('audit_log.pruned', AUTHORITY, {
          target: null,
          details: { through, hash, entries: through - first.seq + 1 },
        }),
      )
      return outcome === 'done'
    },
  })
}

/** A clock that was set back makes it due at once. */
export function isCheckpointDue(state: {
  readonly newEntries: number
  readonly lastAt: number | null
  readonly now: number
}): boolean {
  const { newEntries, lastAt, now } = state
  if (newEntries <= 0) return false
  if (newEntries >= CHECKPOINT_ENTRIES || lastAt === null) return true
  return now - lastAt >= CHECKPOINT_MS || now < lastAt
}

/**
 * The checkpoint up to which to forget; `null` for none. What is pruned tells of itself in the log, so
 * nothing is until a day's worth has come together.
 */
export function planPruning(state: {
  readonly first: { readonly seq: number; readonly at: number }
  /** From the first entry on, oldest first. */
  readonly checkpoints: readonly AuditCheckpointRecord[]
  readonly keepMs: number
  readonly now: number
}): AuditCheckpointRecord | null {
  const { first, checkpoints, keepMs, now } = state
  if (now - first.at < keepMs + DAY_MS) return null
  const old = checkpoints.filter(({ at }) => now - at >= keepMs)
  const small = old.filter(({ seq }) => seq < first.seq + PRUNE_ENTRIES)
  return small.at(-1) ?? old[0] ?? null
}

/** An entry that cannot be read was altered, and must not go away. */
function atOf(entry: string): number {
  return parseAuditEntry(entry)?.at ?? Number.MAX_SAFE_INTEGER
}
