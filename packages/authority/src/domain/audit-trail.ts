import { type AuditStatement, parseAuditEntry } from './audit.ts'
import type { AuditKeys, AuditPublicKey } from './audit-key.ts'
import type { Store } from './ports.ts'
import type { AuditCheckpointRecord, AuditRecord } from './records.ts'

/** Which entries; what is absent does not narrow. */
export interface AuditQuery {
  readonly order: 'oldest-first' | 'newest-first'
  /** Where to begin: after this entry, or before it when the newest come first; `null` for the end. */
  readonly from: number | null
  readonly limit: number
  readonly action?: string | undefined
  readonly target?: string | undefined
  /** The id of a machine or an instance key, a kind of actor, or `agent:` and a claimed name. */
  readonly actor?: string | undefined
  /** Epoch milliseconds. */
  readonly since?: number | undefined
  readonly until?: number | undefined
}

/** An entry, and what it says; `null` when that cannot be read, since it was altered. */
export interface AuditLine extends AuditRecord {
  readonly statement: AuditStatement | null
}

export interface AuditPage {
  readonly lines: readonly AuditLine[]
  /** The `from` that goes on from here; `null` at the end. A page may be empty and not the last. */
  readonly next: number | null
}

/** The audit log, to be read. */
export interface AuditTrail {
  readonly instanceId: string
  readonly publicKeys: readonly AuditPublicKey[]
  find(query: AuditQuery): Promise<AuditPage>
  checkpoints(after: number, limit: number): Promise<readonly AuditCheckpointRecord[]>
}

const PORTION = 500

/** Bounds how long one question keeps the event loop: whoever asks for rare entries asks on. */
const MAX_PORTIONS = 10

export function createAuditTrail(
  instanceId: string,
  store: Pick<Store, 'auditLog' | 'auditLogBefore' | 'auditCheckpoints'>,
  keys: AuditKeys,
): AuditTrail {
  const read = (order: AuditQuery['order'], from: number | null) =>
    order === 'oldest-first'
      ? store.auditLog(from ?? 0, PORTION)
      : store.auditLogBefore(from ?? Number.MAX_SAFE_INTEGER, PORTION)

  return Object.freeze({
    instanceId,
    publicKeys: keys.publicKeys,

    async find(query: AuditQuery): Promise<AuditPage> {
      const lines: AuditLine[] = []
      let { from } = query
      for (let portion = 0; portion < MAX_PORTIONS; portion++) {
        const records = await read(query.order, from)
        for (const record of records) {
          from = record.seq
          const statement = parseAuditEntry(record.entry)
          if (fits(query, statement)) lines.push({ ...record, statement })
          if (lines.length === query.limit) return { lines, next: from }
        }
        if (records.length < PORTION) return { lines, next: null }
      }
      return { lines, next: from }
    },

    checkpoints: (after: number, limit: number) => store.auditCheckpoints(after, limit),
  })
}

/** What cannot be read fits every question: it must not be overlooked. */
function fits(query: AuditQuery, statement: AuditStatement | null): boolean {
  if (statement === null) return true
  const { action, target, actor, since, until } = query
  return (
    (action === undefined || statement.action === action) &&
    (target === undefined || statement.target === target) &&
    (actor === undefined || actorsOf(statement).includes(actor)) &&
    (since === undefined || statement.at >= since) &&
    (until === undefined || statement.at < until)
  )
}

function actorsOf({ by }: AuditStatement): readonly unknown[] {
  const proved = [by['kind'], by['machineId'], by['instanceKeyId']]
  const agent = by['claimedAgent']
  // With a prefix: who claims to be `operator` must not be found where the operator is looked for.
  return typeof agent === 'string' ? [...proved, `agent:${agent}`] : proved
}
