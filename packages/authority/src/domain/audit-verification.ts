import { FIRST_HASH, nextHash } from './audit-chain.ts'
import type { IsSigned } from './audit-key.ts'
import type { AuditCheckpointRecord, AuditRecord } from './records.ts'

/**
 * Follows an audit log from its beginning to its end, and says of each entry and checkpoint that is
 * not as it was written which one and how. It is given both in the order of `seq`, a checkpoint after
 * the entry that it covers.
 */

/** What is wrong, and where. */
export interface AuditProblem {
  readonly seq: number
  readonly problem:
    'altered' | 'misplaced' | 'missing' | 'rewritten' | 'signature-wrong' | 'cut-off' | 'not-pruned'
  readonly message: string
}

/** What was found. */
export interface AuditFindings {
  /** The first {@link MAX_PROBLEMS}. */
  readonly problems: readonly AuditProblem[]
  readonly problemCount: number
  readonly entryCount: number
  readonly checkpointCount: number
  /** The checkpoint that the log begins after, when what was before is pruned; else 0. */
  readonly prunedThrough: number
  /** The last entry that a good checkpoint covers. */
  readonly coveredThrough: number
  /** Whether the log was seen to have, or not to have, the kept checkpoint; else it is older than the log. */
  readonly keptIsChecked: boolean
  /** Where the log ends. */
  readonly last: AuditPlace
}

/** A place in the chain. */
export interface AuditPlace {
  readonly seq: number
  readonly hash: Uint8Array
}

export interface AuditVerifier {
  entry(record: AuditRecord): void
  checkpoint(checkpoint: AuditCheckpointRecord): void
  end(): AuditFindings
}

export interface AuditVerifierOptions {
  readonly isSigned: IsSigned
  /** Whether the authority wrote the entry; `null` where the keys for that are not known. */
  readonly isOwn: ((record: AuditRecord) => boolean) | null
  /** Kept from an export: the log must still have it. */
  readonly kept?: AuditPlace | null
  /** Where to begin; default: at the beginning of the log. */
  readonly after?: AuditPlace
}

export const MAX_PROBLEMS = 100

export function createAuditVerifier(options: AuditVerifierOptions): AuditVerifier {
  const { isSigned, isOwn, kept = null } = options
  const problems: AuditProblem[] = []
  let problemCount = 0
  let entryCount = 0
  let checkpointCount = 0
  let started = options.after !== undefined
  let last: AuditPlace = options.after ?? { seq: 0, hash: FIRST_HASH }
  /** What the chain should be here, where that is not what the row says. */
  let computed: Uint8Array | null = null
  let base = 0
  let coveredThrough = last.seq
  let saidPruned = 0
  let keptIsChecked = false
  /** A checkpoint of what was not seen. */
  let beyond = 0

  const tell = (seq: number, problem: AuditProblem['problem'], message: string): void => {
    problemCount++
    if (problems.length < MAX_PROBLEMS) problems.push({ seq, problem, message })
  }

  const isHere = (hash: Uint8Array): boolean =>
    equal(hash, last.hash) || (computed !== null && equal(hash, computed))

  /** Whether `seq` comes next; tells what is missing before it. */
  const isNext = (seq: number): boolean => {
    const expected = last.seq + 1
    if (seq === expected) return true
    if (seq < expected) {
      tell(seq, 'misplaced', `entry ${seq} stands again, or out of order, after entry ${last.seq}`)
    } else {
      const what =
        expected === seq - 1 ? `entry ${expected} is` : `entries ${expected} to ${seq - 1} are`
      const why =
        started || last.seq > 0 ? '' : ', and no checkpoint says that the log begins later'
      tell(expected, 'missing', `${what} missing${why}`)
    }
    return false
  }

  const checkKept = (): void => {
    if (kept?.seq !== last.seq || keptIsChecked) return
    keptIsChecked = true
    if (isHere(kept.hash)) return
    tell(
      kept.seq,
      'rewritten',
      `the chain up to entry ${kept.seq} is not the one of the kept checkpoint`,
    )
  }

  return Object.freeze({
    entry(record: AuditRecord): void {
      const { seq } = record
      entryCount++
      beyond = 0
      const follows = isNext(seq)
      started = true
      const own = isOwn === null ? null : isOwn(record)
      if (own === false) {
        tell(
          seq,
          'altered',
          `entry ${seq}: its text or its mac was altered, or this authority never wrote it`,
        )
      }
      const { hash, fits } = follow([last.hash, computed], record)
      if (!fits && follows && own !== false) {
        const what = own === null ? 'its text, mac or hash was altered' : 'its hash was altered'
        tell(
          seq,
          'altered',
          `entry ${seq} does not follow from what is before it: ${what}, or it was moved`,
        )
      }
      if (seq > last.seq) {
        computed = fits ? null : hash
        last = { seq, hash: record.hash }
      }
      if (record.entry.includes(PRUNED)) saidPruned = prunedThroughOf(record) ?? saidPruned
      checkKept()
    },

    checkpoint(checkpoint: AuditCheckpointRecord): void {
      const { seq, hash } = checkpoint
      checkpointCount++
      const signed = isSigned(checkpoint)
      if (!signed) tell(seq, 'signature-wrong', `checkpoint ${seq} is not signed by the audit key`)
      if (!started && signed) {
        // What was before is gone; that it was pruned, an entry after it must say.
        started = true
        base = seq
        last = { seq, hash }
        coveredThrough = seq
        checkKept()
      } else if (seq > last.seq) {
        // What it covers is missing before the next entry, or there is none and the end is cut off.
        beyond = seq
      } else if (seq < last.seq) {
        if (seq > base) tell(seq, 'misplaced', `checkpoint ${seq} stands after entry ${last.seq}`)
      } else if (!isHere(hash)) {
        tell(
          seq,
          'rewritten',
          `the chain up to entry ${seq} is not the one that checkpoint ${seq} signed`,
        )
      } else if (signed) {
        coveredThrough = seq
      }
    },

    end(): AuditFindings {
      if (base > 0 && saidPruned !== base) {
        tell(
          base,
          'not-pruned',
          `entries up to ${base} are gone, and no entry says that they were pruned`,
        )
      }
      if (beyond > 0) {
        tell(
          last.seq + 1,
          'cut-off',
          `the log ends with entry ${last.seq}, and checkpoint ${beyond} covers more: it was cut off`,
        )
      }
      if (kept !== null && kept.seq > last.seq) {
        keptIsChecked = true
        tell(
          last.seq + 1,
          'cut-off',
          `the log ends with entry ${last.seq}, before entry ${kept.seq} of the kept checkpoint: it was cut off`,
        )
      }
      return {
        problems,
        problemCount,
        entryCount,
        checkpointCount,
        prunedThrough: base,
        coveredThrough,
        keptIsChecked,
        last,
      }
    },
  })
}

/** The hash of a record after any of these, and whether it is what the record says. */
function follow(
  before: readonly (Uint8Array | null)[],
  record: AuditRecord,
): { readonly hash: Uint8Array; readonly fits: boolean } {
  let first: Uint8Array | null = null
  for (const hash of before) {
    if (hash === null) continue
    const next = nextHash(hash, record)
    if (equal(next, record.hash)) return { hash: next, fits: true }
    first ??= next
  }
  return { hash: first ?? FIRST_HASH, fits: false }
}

const PRUNED = '"audit_log.pruned"'

function prunedThroughOf({ entry }: AuditRecord): number | null {
  try {
    const { action, details } = JSON.parse(entry) as {
      readonly action?: unknown
      readonly details?: { readonly through?: unknown }
    }
    const through = details?.through
    return action === 'audit_log.pruned' && typeof through === 'number' ? through : null
  } catch {
    return null
  }
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}
