import { AuthorityError } from '../../domain/errors.ts'
import type { Command, Outcome } from '../../domain/ports.ts'
import type { Connection } from './driver.ts'

/** Applies one command inside an open transaction. */
export type Apply = (command: Command) => Outcome

/** Carries commands that arrive together in one durable commit. */
export interface CommitQueue {
  write(command: Command): Promise<Outcome>
  /** Commits what is waiting. */
  drain(): void
}

interface Waiting {
  readonly command: Command
  readonly resolve: (outcome: Outcome) => void
  readonly reject: (error: unknown) => void
}

/** Bounds how long one commit keeps the event loop. */
const MAX_BATCH = 256

/** How many turns of the event loop a commit waits for neighbours that keep arriving. */
const MAX_TURNS = 4

export function createCommitQueue(connection: Connection, apply: Apply): CommitQueue {
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
    if (batch.length > 0) commitAll(connection, apply, batch)
  }

  return Object.freeze({
    write: (command: Command) =>
      new Promise<Outcome>((resolve, reject) => {
        waiting.push({ command, resolve, reject })
        schedule()
      }),
    drain(): void {
      while (waiting.length > 0) flush()
    },
  })
}

/** One commit for all; when that fails, one for each, so that nobody fails for a neighbour's fault. */
function commitAll(connection: Connection, apply: Apply, batch: readonly Waiting[]): void {
  let outcomes: readonly Outcome[]
  try {
    outcomes = inTransaction(connection, () => batch.map(({ command }) => apply(command)))
  } catch (error) {
    if (batch.length > 1) {
      for (const one of batch) commitAll(connection, apply, [one])
      return
    }
    batch[0]?.reject(new AuthorityError('storage_unavailable', { cause: error }))
    return
  }
  batch.forEach(({ resolve }, index) => {
    resolve(outcomes[index] as Outcome)
  })
}

function inTransaction<Result>(connection: Connection, work: () => Result): Result {
  connection.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    connection.exec('COMMIT')
    return result
  } catch (error) {
    // SQLite itself ends the transaction on some errors, such as a full disk.
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}
