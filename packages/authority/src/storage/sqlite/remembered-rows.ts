import type { Command } from '../../domain/ports.ts'
import type { Statements } from './statements.ts'

/** What nearly every request reads of machines and keys, remembered for as long as nobody can have changed it. */
export interface RememberedRows {
  /** What `read` gives, or gave before. What is not there is not remembered. */
  get<Found extends object | null>(key: string, read: () => Found): Found
  /** To be told of every change of this process, before it is committed. */
  noteChange(type: Command['type']): void
  forget(): void
}

/** All are forgotten when there are more. */
const MAX_REMEMBERED = 10_000

/** The changes, and the only ones, after which every machine, secret, scope and instance key is as before. */
const HARMLESS: ReadonlySet<Command['type']> = new Set([
  'create-m2m-token',
  'check-policy',
  'revoke-m2m-token',
  'open-status-list',
  'record-use',
  'record-event',
  'create-audit-checkpoint',
  'update-webhook',
])

export function createRememberedRows(db: Statements): RememberedRows {
  const remembered = new Map<string, object>()
  let version: unknown
  let isChecked = false

  /** SQLite changes `data_version` when somebody else has changed the database. */
  const forgetWhatOthersChanged = (): void => {
    // One look for all that is read before anything else can happen: nobody can have heard of a change
    // and told us since.
    if (isChecked) return
    const current = db.get('PRAGMA data_version')?.['data_version']
    isChecked = true
    process.nextTick(() => {
      isChecked = false
    })
    if (current !== version) remembered.clear()
    version = current
  }

  return Object.freeze({
    get<Found extends object | null>(key: string, read: () => Found): Found {
      forgetWhatOthersChanged()
      const known = remembered.get(key) as Found | undefined
      if (known !== undefined) return known
      const found = read()
      if (found === null) return found
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      remembered.set(key, found)
      return found
    },
    noteChange(type: Command['type']): void {
      if (!HARMLESS.has(type)) remembered.clear()
    },
    forget(): void {
      remembered.clear()
    },
  })
}
