import type { DatabaseSyncInstance } from '@photostructure/sqlite'

/** A database connection with the API of `node:sqlite`. */
export type Connection = DatabaseSyncInstance

/** What a statement may be given and may give. */
export type SqlValue = null | number | string | Uint8Array

/** A row as SQLite gives it. */
export type SqlRow = Record<string, SqlValue>

/** The first release line whose built-in module has all that is used here (22.16). */
const BUILT_IN_SINCE = [22, 16] as const

/**
 * Opens a database file with Node's own SQLite where it is complete, else with the package that has
 * the same API. `:memory:` opens one that ends with the connection.
 */
export async function connect(file: string): Promise<Connection> {
  const { DatabaseSync: Database } = await loadDriver()
  return new Database(file)
}

async function loadDriver(): Promise<{ DatabaseSync: new (file: string) => Connection }> {
  if (!hasBuiltIn()) return import('@photostructure/sqlite')
  const builtIn: unknown = process.getBuiltinModule('node:sqlite')
  return builtIn as { DatabaseSync: new (file: string) => Connection }
}

function hasBuiltIn(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > BUILT_IN_SINCE[0] || (major === BUILT_IN_SINCE[0] && minor >= BUILT_IN_SINCE[1])
}
