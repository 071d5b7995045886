import type { Command } from '../../domain/ports.ts'
import type { Statements } from './statements.ts'

/** What nearly every request reads of machines and keys, remembered for as long as nobody can have changed it. */
export interface RememberedRows {
  /** What `read` gives, or gave before. That there is nothing is not remembered. */
  get<Found extends object | null>(key: string, read: () => Found): Found
  /** To be told of every change of this process, before it is committed. */
  noteChange(type: Command['type']): void
  forget(): void
}

/** All are forgotten when there are more. */
const MAX_ROWS = 10_000

/** After these every machine, secret, scope and instance key is as before; of any other change it is not assumed. */
const HARMLESS: ReadonlySet<Command['type']> = new Set([
  'create-m2m-token',
  'check-policy',
  'revoke-m2m-token',
  'open-status-list',
  'create-api-key',
  'replace-api-key',
  'delete-api-key',
  'revoke-api-key',
  'record-use',
  'record-event',
  'create-audit-checkpoint',
  'update-webhook',
])

export function createRememberedRows(db: Statements): RememberedRows {
  const remembered = new Map<string, object>()
  let rows = 0
  let version: unknown

  const forget = (): void => {
    remembered.clear()
    rows = 0
  }

  /**
   * SQLite changes `data_version` when somebody else has changed the database. Asked each time, since a row
   * that has just been read may be younger than one that is remembered, and decisions rest on both.
   */
  const forgetWhatOthersChanged = (): void => {
    const current = db.get('PRAGMA data_version')?.['data_version']
    if (current === undefined || current !== version) forget()
    version = current
  }

  return Object.freeze({
    get<Found extends object | null>(key: string, read: () => Found): Found {
      forgetWhatOthersChanged()
      const known = remembered.get(key) as Found | undefined
      if (known !== undefined) return known
      const found = read()
      if (found === null) return found
      const count = Array.isArray(found) ? found.length + 1 : 1
      if (rows + count > MAX_ROWS) forget()
      rows += count
      remembered.set(key, found)
      return found
    },
    noteChange(type: Command['type']): void {
      if (!HARMLESS.has(type)) forget()
    },
    forget,
  })
}
