import { AuthorityError } from '../../domain/errors.ts'
import type { Connection, SqlRow, SqlValue } from './driver.ts'

/**
 * Statements of one connection, each prepared once. What SQLite refuses is `storage_unavailable`,
 * with its own words as the cause.
 */
export interface Statements {
  get(text: string, ...values: SqlValue[]): SqlRow | undefined
  all(text: string, ...values: SqlValue[]): SqlRow[]
  /** How many rows changed. */
  run(text: string, ...values: SqlValue[]): number
}

export function createStatements(connection: Connection): Statements {
  const prepared = new Map<string, ReturnType<Connection['prepare']>>()
  const prepare = (text: string): ReturnType<Connection['prepare']> => {
    let statement = prepared.get(text)
    if (statement === undefined) {
      statement = connection.prepare(text)
      prepared.set(text, statement)
    }
    return statement
  }
  return Object.freeze({
    get: (text: string, ...values: SqlValue[]) =>
      orUnavailable(() => prepare(text).get(...values) as SqlRow | undefined),
    all: (text: string, ...values: SqlValue[]) =>
      orUnavailable(() => prepare(text).all(...values) as SqlRow[]),
    run: (text: string, ...values: SqlValue[]) =>
      orUnavailable(() => prepare(text).run(...values).changes),
  })
}

function orUnavailable<Result>(work: () => Result): Result {
  try {
    return work()
  } catch (error) {
    throw new AuthorityError('storage_unavailable', { cause: error })
  }
}
