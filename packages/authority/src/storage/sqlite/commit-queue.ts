import { AuthorityError } from '../../domain/errors.ts'
import type { AuditEntry, Command, Outcome } from '../../domain/ports.ts'
import type { Connection } from './driver.ts'

/** A command, and what the audit log says of it. */
export interface Change {
  readonly command: Command
  readonly entry: AuditEntry | undefined
}

/** Applies one change inside an open transaction. */
export type Apply = (change: Change) => Outcome

/** Gives what applies the changes of the transaction that has just been opened. */
export type Begin = () => Apply

/** Carries changes that arrive together in one durable commit. */
export interface CommitQueue {
  write(change: Change): Promise<Outcome>
  /** Commits what is waiting. */
  drain(): void
}

interface Waiting {
  readonly change: Change
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/** Bounds how long one commit keeps the event loop. */
const MAX_BATCH = 256

/** Beyond this many waiting commands, further ones are refused at once. */
const MAX_WAITING = 10_000

/** How many turns of the event loop a commit waits for neighbours that keep arriving. */
const MAX_TURNS = 4

export function createCommitQueue(connection: Connection, begin: Begin): CommitQueue {
  let waiting: Waiting[] = []
  let scheduled = false

  const schedule = (): void => {
    if (scheduled) return
    scheduled = true
    setImmediate(look, 0, 1)
  }

  // A sync costs as much for one as for many: wait a turn more while the queue is growing.
  const look = (seen: number, turn: number): void => {
    const { length } = waiting
    if (length > seen && length < MAX_BATCH && turn < MAX_TURNS) {
      setImmediate(look, length, turn + 1)
    } else {
      flush()
    }
  }

  const flush = (): void => {
    scheduled = false
    const batch = waiting.slice(0, MAX_BATCH)
    waiting = waiting.slice(MAX_BATCH)
    if (waiting.length > 0) schedule()
    if (batch.length > 0) commitAll(connection, begin, batch)
  }

  return Object.freeze({
    write: (change: Change) =>
      new Promise<Outcome>((resolve, reject) => {
        if (waiting.length >= MAX_WAITING) throw new AuthorityError('storage_unavailable')
        waiting.push({ change, resolve, reject })
        schedule()
      }),
    drain(): void {
      while (waiting.length > 0) flush()
    },
  })
}

/**
 * One commit for all. When a command cannot be applied, each gets a commit of its own, so that nobody
 * fails for a neighbour's fault; when the database is locked or full, all fail, at once: to try each
 * would hold the event loop as many times as long.
 */
function commitAll(connection: Connection, begin: Begin, batch: readonly Waiting[]): void {
  const result = inTransaction(connection, () => {
    const apply = begin()
    return batch.map(({ change }) => apply(change))
  })
  if ('outcomes' in result) {
    batch.forEach(({ resolve }, index) => {
      resolve(result.outcomes[index] as Outcome)
    })
  } else if (result.failed === 'apply' && batch.length > 1) {
    for (const one of batch) commitAll(connection, begin, [one])
  } else {
    const error = new AuthorityError('storage_unavailable', { cause: result.error })
    for (const { reject } of batch) reject(error)
  }
}

type Result =
  | { readonly outcomes: readonly Outcome[] }
  | { readonly failed: 'apply' | 'commit'; readonly error: unknown }

function inTransaction(connection: Connection, work: () => readonly Outcome[]): Result {
  let step: 'apply' | 'commit' = 'commit'
  try {
    connection.exec('BEGIN IMMEDIATE')
    step = 'apply'
    const outcomes = work()
    step = 'commit'
    connection.exec('COMMIT')
    return { outcomes }
  } catch (error) {
    // SQLite itself ends the transaction on some errors, such as a full disk.
    if (connection.isOpen && connection.isTransaction) connection.exec('ROLLBACK')
    return { failed: step, error }
  }
}
