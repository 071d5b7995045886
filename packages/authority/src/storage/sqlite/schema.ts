import { Kysely, type Migration, Migrator, sql, SqliteDialect } from 'kysely'
import type { Connection, SqlValue } from './driver.ts'

/**
 * The schema, as migrations that are run explicitly and never edited once released. Ids sort by
 * time, so every table is written at its end.
 */
const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-machines-and-tokens': {
    async up(db) {
      for (const statement of FIRST) await sql.raw(statement).execute(db)
    },
  },
  '0002-revocation-and-audit': {
    async up(db) {
      for (const statement of SECOND) await sql.raw(statement).execute(db)
    },
  },
  '0003-signing-keys': {
    async up(db) {
      for (const statement of SIGNING_KEYS) await sql.raw(statement).execute(db)
    },
  },
  '0004-audit': {
    async up(db) {
      for (const statement of FOURTH) await sql.raw(statement).execute(db)
    },
  },
  '0005-secret-uses': {
    async up(db) {
      for (const statement of SECRET_USES) await sql.raw(statement).execute(db)
    },
  },
}

const FIRST = [
  `CREATE TABLE instance (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    id TEXT NOT NULL, environment TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE TABLE data_keys (
    purpose TEXT NOT NULL, version INTEGER NOT NULL, root_key_id TEXT NOT NULL,
    wrapped BLOB NOT NULL, created_at INTEGER NOT NULL,
    PRIMARY KEY (purpose, version)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY, algorithm TEXT NOT NULL, public_jwk TEXT NOT NULL,
    handle BLOB NOT NULL, mac BLOB NOT NULL, created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE instance_keys (
    id TEXT PRIMARY KEY, mac BLOB NOT NULL, sealed BLOB,
    created_at INTEGER NOT NULL, revoked_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE machines (
    id TEXT PRIMARY KEY, name TEXT NOT NULL, default_token_ttl_seconds INTEGER NOT NULL,
    jwt_algorithm TEXT, policy_version INTEGER NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE machine_secrets (
    machine_id TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    version INTEGER NOT NULL, mac BLOB NOT NULL, sealed BLOB,
    created_at INTEGER NOT NULL, expires_at INTEGER,
    PRIMARY KEY (machine_id, version)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE scopes (
    from_machine_id TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    to_machine_id TEXT NOT NULL REFERENCES machines (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL, mac BLOB NOT NULL,
    PRIMARY KEY (from_machine_id, to_machine_id)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX scopes_by_receiver ON scopes (to_machine_id)`,
  // No foreign key: the tokens of a deleted machine die with the join, and are pruned in their time.
  `CREATE TABLE m2m_tokens (
    id TEXT PRIMARY KEY, machine_id TEXT NOT NULL, scopes TEXT NOT NULL, claims TEXT,
    expires_at INTEGER NOT NULL, mac BLOB NOT NULL, sealed BLOB, likeness TEXT NOT NULL,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    revoked_at INTEGER, revocation_reason TEXT, last_used_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX m2m_tokens_by_machine ON m2m_tokens (machine_id, id)`,
  `CREATE INDEX m2m_tokens_by_likeness ON m2m_tokens (machine_id, likeness, expires_at)
    WHERE revoked_at IS NULL AND sealed IS NOT NULL`,
  `CREATE INDEX m2m_tokens_by_end ON m2m_tokens (expires_at)`,
  `CREATE TABLE api_keys (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, name TEXT NOT NULL, description TEXT,
    subject TEXT NOT NULL, scopes TEXT NOT NULL, claims TEXT, created_by TEXT,
    expires_at INTEGER, mac BLOB NOT NULL, digest TEXT NOT NULL, sealed BLOB,
    created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
    revoked_at INTEGER, revocation_reason TEXT, last_used_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX api_keys_by_subject ON api_keys (subject, id)`,
]

const SECOND = [
  `ALTER TABLE machines ADD COLUMN stateless INTEGER NOT NULL DEFAULT 0`,
  // A JWT is a token with a kid; what proves an opaque one is empty in it.
  `ALTER TABLE m2m_tokens ADD COLUMN secret_version INTEGER`,
  `ALTER TABLE m2m_tokens ADD COLUMN kid TEXT`,
  `ALTER TABLE m2m_tokens ADD COLUMN status_list_id TEXT`,
  `ALTER TABLE m2m_tokens ADD COLUMN status_index INTEGER`,
  `CREATE INDEX m2m_tokens_by_status ON m2m_tokens (status_list_id, status_index)
    WHERE revoked_at IS NOT NULL AND status_list_id IS NOT NULL`,
  `CREATE TABLE status_lists (
    id TEXT PRIMARY KEY, algorithm TEXT NOT NULL, size INTEGER NOT NULL,
    opened_at INTEGER NOT NULL, ends_at INTEGER NOT NULL, version INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE revocations (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, predicate TEXT NOT NULL, reason TEXT,
    count INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE audit_log (
    seq INTEGER PRIMARY KEY, entry TEXT NOT NULL, mac BLOB NOT NULL, hash BLOB NOT NULL
  ) STRICT`,
]

/** Version 0 says that the keys are proved as they were before they had times (`domain/signing-keys.ts`). */
const SIGNING_KEYS = [
  'ALTER TABLE signing_keys ADD COLUMN active_from INTEGER',
  'ALTER TABLE signing_keys ADD COLUMN retires_at INTEGER',
  'ALTER TABLE signing_keys ADD COLUMN revoked_at INTEGER',
  'ALTER TABLE signing_keys ADD COLUMN revocation_reason TEXT',
  'UPDATE signing_keys SET active_from = created_at',
  `CREATE TABLE signing_key_set (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1), version INTEGER NOT NULL
  ) STRICT`,
  'INSERT INTO signing_key_set VALUES (1, 0)',
]

const FOURTH = [
  `CREATE TABLE audit_checkpoints (
    seq INTEGER PRIMARY KEY, hash BLOB NOT NULL, at INTEGER NOT NULL,
    key_version INTEGER NOT NULL, signature BLOB NOT NULL
  ) STRICT`,
  `CREATE TABLE webhooks (
    id TEXT PRIMARY KEY, url TEXT NOT NULL, actions TEXT NOT NULL, sealed BLOB NOT NULL,
    mac BLOB NOT NULL, created_at INTEGER NOT NULL, version INTEGER NOT NULL,
    cursor INTEGER NOT NULL, failures INTEGER NOT NULL, failing_since INTEGER,
    next_attempt_at INTEGER NOT NULL, disabled_at INTEGER, disabled_reason TEXT
  ) STRICT, WITHOUT ROWID`,
]

const SECRET_USES = [
  `ALTER TABLE machine_secrets ADD COLUMN last_used_at INTEGER`,
  `ALTER TABLE machine_secrets ADD COLUMN use_count INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE machine_secrets ADD COLUMN callers TEXT NOT NULL DEFAULT '[]'`,
]

/** Thrown when a database cannot be used as it is. */
export class SchemaError extends Error {
  readonly code: 'schema-newer' | 'schema-older'

  constructor(code: SchemaError['code'], message: string) {
    super(message)
    this.name = 'SchemaError'
    this.code = code
  }
}

/** Brings the schema up to date, wholly or not at all. @throws {SchemaError} `schema-newer` */
export async function migrate(connection: Connection): Promise<void> {
  connection.exec('BEGIN IMMEDIATE')
  try {
    refuseNewer(connection)
    await applyMigrations(connection)
    connection.exec('COMMIT')
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK')
    throw error
  }
}

async function applyMigrations(connection: Connection): Promise<void> {
  const migrator = new Migrator({
    db: kyselyOn(connection),
    provider: { getMigrations: () => Promise.resolve({ ...MIGRATIONS }) },
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error instanceof Error ? error : new Error('Migration failed.')
}

/**
 * Makes sure that the schema is the one this release was made for.
 *
 * @throws {SchemaError} `schema-newer`, `schema-older`
 */
export function checkSchema(connection: Connection): void {
  refuseNewer(connection)
  const applied = appliedMigrations(connection)
  if (Object.keys(MIGRATIONS).every((name) => applied.includes(name))) return
  throw new SchemaError(
    'schema-older',
    'The database has an older schema, or none. Run: countersign migrate',
  )
}

function refuseNewer(connection: Connection): void {
  const unknown = appliedMigrations(connection).filter((name) => !Object.hasOwn(MIGRATIONS, name))
  if (unknown.length === 0) return
  throw new SchemaError(
    'schema-newer',
    `The database was written by a newer release (${unknown.join(', ')}). Run that release.`,
  )
}

function appliedMigrations(connection: Connection): readonly string[] {
  const table: unknown = connection
    .prepare(`SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'kysely_migration'`)
    .get()
  if (table === undefined) return []
  const rows = connection.prepare('SELECT name FROM kysely_migration').all() as { name: string }[]
  return rows.map((row) => row.name)
}

/** Kysely speaks better-sqlite3's dialect of the same few calls. */
function kyselyOn(connection: Connection): Kysely<unknown> {
  return new Kysely({
    dialect: new SqliteDialect({
      database: {
        close: () => undefined,
        prepare(text: string) {
          const statement = connection.prepare(text)
          return {
            reader: statement.columns().length > 0,
            all: (values) => statement.all(...(values as SqlValue[])) as unknown[],
            run: (values) => statement.run(...(values as SqlValue[])),
            iterate: (values) =>
              statement.iterate(...(values as SqlValue[])) as IterableIterator<unknown>,
          }
        },
      },
    }),
  })
}
