import { closeSync, openSync } from 'node:fs'
import {
  type ApiKeyQuery,
  type AuditEntry,
  type Command,
  type M2MTokenQuery,
  type MachineQuery,
  MAX_COUNTED,
  type Page,
  type Store,
} from '../../domain/ports.ts'
import type { MachineRecord, OpaqueTokenRecord } from '../../domain/records.ts'
import { createBegin } from './commands/index.ts'
import { SEALED_COLUMNS } from './commands/keys.ts'
import { liveTokens } from './commands/m2m-tokens.ts'
import { createCommitQueue } from './commit-queue.ts'
import { connect, type SqlRow, type SqlValue } from './driver.ts'
import { createRememberedRows, type RememberedRows } from './remembered-rows.ts'
import * as rows from './rows.ts'
import { checkSchema, migrate } from './schema.ts'
import { createStatements, type Statements } from './statements.ts'

/** How long another process may hold the database; the event loop stands still for as long. */
const BUSY_TIMEOUT_MS = 250

/** Pages kept in memory; SQLite's own 2 MiB would be read anew for most lookups. */
const CACHE_KIB = 65_536

export interface SqliteStoreOptions {
  /** A path, or `:memory:`. */
  readonly file: string
  /** Whether to bring the schema up to date, or to refuse a database that is not. Default: refuse. */
  readonly migrate?: boolean
}

/**
 * A store in one SQLite file. A change is durable when it is answered: write-ahead log, and a sync
 * of it for every commit.
 *
 * @throws {SchemaError} `schema-newer`, or `schema-older` unless it may migrate.
 */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  if (options.file !== ':memory:') createPrivately(options.file)
  const connection = await connect(options.file)
  try {
    connection.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`)
    connection.exec('PRAGMA journal_mode = WAL')
    connection.exec('PRAGMA synchronous = FULL')
    connection.exec('PRAGMA foreign_keys = ON')
    connection.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    if (options.migrate === true) await migrate(connection)
    checkSchema(connection)
  } catch (error) {
    connection.close()
    throw error
  }
  const db = createStatements(connection)
  const remembered = createRememberedRows(db)
  const begin = createBegin(db)
  const queue = createCommitQueue(connection, () => {
    const apply = begin()
    return (change) => {
      remembered.noteChange(change.command.type)
      return apply(change)
    }
  })
  return Object.freeze({
    ...createReads(db, remembered),
    write: (command: Command, entry?: AuditEntry) => queue.write({ command, entry }),
    close(): Promise<void> {
      queue.drain()
      remembered.forget()
      if (connection.isOpen) connection.close()
      return Promise.resolve()
    },
  })
}

/** A new file is for its owner alone; the files that SQLite puts beside it get the same mode. */
function createPrivately(file: string): void {
  closeSync(openSync(file, 'a', 0o600))
}

/** Reads are synchronous underneath; a failure becomes a rejection all the same. */
function createReads(db: Statements, remembered: RememberedRows): Omit<Store, 'write' | 'close'> {
  const find = <Item>(
    toRecord: (row: SqlRow) => Item,
    text: string,
    ...values: SqlValue[]
  ): Item | null => {
    const row = db.get(text, ...values)
    return row === undefined ? null : toRecord(row)
  }

  const one = async <Item>(
    toRecord: (row: SqlRow) => Item,
    text: string,
    ...values: SqlValue[]
  ): Promise<Item | null> => find(toRecord, text, ...values)

  const many = async <Item>(
    toRecord: (row: SqlRow) => Item,
    text: string,
    ...values: SqlValue[]
  ): Promise<Item[]> => db.all(text, ...values).map(toRecord)

  /** The very record of before, unless it may have changed since. */
  const again = async <Found extends object | null>(
    key: string,
    read: () => Found,
  ): Promise<Found> => remembered.get(key, read)

  const page = async <Item>(
    toRecord: (row: SqlRow) => Item,
    from: string,
    order: string,
    values: readonly SqlValue[],
    { limit, offset }: { readonly limit: number; readonly offset: number },
  ): Promise<Page<Item>> => {
    const counted = `SELECT 1 FROM ${from} LIMIT ${MAX_COUNTED}`
    const count = await Promise.resolve(
      db.get(`SELECT count(*) AS total FROM (${counted})`, ...values),
    )
    const text = `SELECT * FROM ${from} ORDER BY ${order} LIMIT ? OFFSET ?`
    return {
      rows: await many(toRecord, text, ...values, limit, offset),
      totalCount: Number(count?.['total']),
    }
  }

  return {
    instance: () => one(rows.toInstance, 'SELECT * FROM instance'),
    dataKeys: () => many(rows.toDataKey, 'SELECT * FROM data_keys ORDER BY purpose, version'),
    async signingKeys() {
      // One statement, so that the version is that of these very keys.
      const text = 'SELECT * FROM signing_key_set LEFT JOIN signing_keys ON true ORDER BY kid'
      return rows.toSigningKeySet(await Promise.resolve(db.all(text)))
    },
    async signingKeysVersion() {
      const row = await Promise.resolve(db.get('SELECT version FROM signing_key_set'))
      return row?.['version'] as number
    },

    sealedValues(table, after, limit) {
      const { column, id } = SEALED_COLUMNS[table]
      const isSecret = table === 'machine_secrets'
      // All versions of a machine's secret together, or a page could end between two.
      const rowsOf = isSecret
        ? `(SELECT DISTINCT ${id} AS last FROM ${table} WHERE ${id} > ?1
        ORDER BY ${id} LIMIT ?2)`
        : null
      const text =
        rowsOf === null
          ? `SELECT ${id} AS id, 0 AS version, ${column} AS sealed FROM ${table}
            WHERE ${id} > ?1 AND length(${column}) > 0 ORDER BY ${id} LIMIT ?2`
          : `SELECT ${id} AS id, version, ${column} AS sealed FROM ${table}
            WHERE ${id} IN ${rowsOf} AND ${column} IS NOT NULL ORDER BY ${id}, version`
      return many(rows.toSealedValue, text, after, limit)
    },

    instanceKey: (id) =>
      again(`instance key ${id}`, () =>
        find(rows.toInstanceKey, 'SELECT * FROM instance_keys WHERE id = ?', id),
      ),
    instanceKeys: () => many(rows.toInstanceKey, 'SELECT * FROM instance_keys ORDER BY id'),

    machine: (id) =>
      again(`machine ${id}`, () => find(rows.toMachine, 'SELECT * FROM machines WHERE id = ?', id)),

    machines(query: MachineQuery) {
      const direction = query.descending ? 'DESC' : 'ASC'
      return page(
        rows.toMachine,
        `machines WHERE ?1 = '' OR id = ?1 OR instr(lower(name), lower(?1)) > 0`,
        `${query.orderBy} ${direction}, id ${direction}`,
        [query.text],
        query,
      )
    },

    scopes: (fromMachineId) =>
      again(`scopes of ${fromMachineId}`, () =>
        db
          .all(
            'SELECT * FROM scopes WHERE from_machine_id = ? ORDER BY created_at, to_machine_id',
            fromMachineId,
          )
          .map(rows.toScope),
      ),

    receivers: (machineIds) => Promise.resolve(receivers(db, machineIds)),

    machineSecret: (machineId, version) =>
      again(`secret ${version} of ${machineId}`, () =>
        find(
          rows.toMachineSecret,
          'SELECT * FROM machine_secrets WHERE machine_id = ? AND version = ?',
          machineId,
          version,
        ),
      ),

    machineSecrets: (machineId) =>
      many(
        rows.toMachineSecret,
        'SELECT * FROM machine_secrets WHERE machine_id = ? ORDER BY version DESC',
        machineId,
      ),

    currentMachineSecret: (machineId) =>
      one(
        rows.toMachineSecret,
        'SELECT * FROM machine_secrets WHERE machine_id = ? ORDER BY version DESC LIMIT 1',
        machineId,
      ),

    m2mToken: (id) =>
      one(
        rows.toM2MToken,
        `SELECT * FROM m2m_tokens AS token WHERE id = ?
          AND EXISTS (SELECT 1 FROM machines WHERE machines.id = token.machine_id)`,
        id,
      ),

    m2mTokens(query: M2MTokenQuery) {
      return page(
        rows.toM2MToken,
        `m2m_tokens WHERE machine_id = ?1 AND (?2 = 'all' OR (kid IS NULL) = (?2 = 'opaque'))
          AND (?3 OR revoked_at IS NULL) AND (?4 OR expires_at > ?5)`,
        'id DESC',
        [
          query.machineId,
          query.format,
          Number(query.includeRevoked),
          Number(query.includeExpired),
          query.now,
        ],
        query,
      )
    },

    async countM2MTokens(predicate, now) {
      const live = liveTokens(predicate, now)
      const text = `SELECT count(*) AS total FROM m2m_tokens WHERE ${live.condition}`
      const row = await Promise.resolve(db.get(text, ...live.values))
      return Number(row?.['total'])
    },

    reusableM2MToken: (machineId, likeness, endsAfter) =>
      one(
        (row) => rows.toM2MToken(row) as OpaqueTokenRecord,
        `SELECT * FROM m2m_tokens
        WHERE machine_id = ? AND likeness = ? AND expires_at >= ?
          AND revoked_at IS NULL AND sealed IS NOT NULL
        ORDER BY expires_at DESC LIMIT 1`,
        machineId,
        likeness,
        endsAfter,
      ),

    apiKey: (id) => one(rows.toApiKey, 'SELECT * FROM api_keys WHERE id = ?', id),

    apiKeys(query: ApiKeyQuery) {
      return page(
        rows.toApiKey,
        `api_keys WHERE subject = ?1 AND type = ?2
          AND (?3 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?4)))
          AND (?5 = '' OR id = ?5 OR instr(lower(name), lower(?5)) > 0)`,
        'id DESC',
        [query.subject, query.type, Number(query.includeInvalid), query.now, query.text],
        query,
      )
    },

    statusLists: () => many(rows.toStatusList, 'SELECT * FROM status_lists ORDER BY opened_at, id'),
    statusList: (id) => one(rows.toStatusList, 'SELECT * FROM status_lists WHERE id = ?', id),

    revokedIndexes: (statusListId) =>
      many(
        (row) => row['status_index'] as number,
        `SELECT status_index FROM m2m_tokens
        WHERE status_list_id = ? AND revoked_at IS NOT NULL`,
        statusListId,
      ),

    revocation: (id) => one(rows.toRevocation, 'SELECT * FROM revocations WHERE id = ?', id),

    auditLog: (after, limit) =>
      many(
        rows.toAudit,
        'SELECT * FROM audit_log WHERE seq > ? ORDER BY seq LIMIT ?',
        after,
        limit,
      ),

    auditLogBefore: (before, limit) =>
      many(
        rows.toAudit,
        'SELECT * FROM audit_log WHERE seq < ? ORDER BY seq DESC LIMIT ?',
        before,
        limit,
      ),

    auditCheckpoints: (after, limit) =>
      many(
        rows.toAuditCheckpoint,
        'SELECT * FROM audit_checkpoints WHERE seq > ? ORDER BY seq LIMIT ?',
        after,
        limit,
      ),

    newestAuditCheckpoint: () =>
      one(rows.toAuditCheckpoint, 'SELECT * FROM audit_checkpoints ORDER BY seq DESC LIMIT 1'),

    webhooks: () => many(rows.toWebhook, 'SELECT * FROM webhooks ORDER BY id'),
    webhook: (id) => one(rows.toWebhook, 'SELECT * FROM webhooks WHERE id = ?', id),

    async ping() {
      await Promise.resolve(db.get('SELECT 1'))
    },
  }
}

function receivers(
  db: Statements,
  machineIds: readonly string[],
): ReadonlyMap<string, readonly MachineRecord[]> {
  return new Map(
    machineIds.map((id) => [
      id,
      db
        .all(
          `SELECT machines.* FROM scopes JOIN machines ON machines.id = scopes.to_machine_id
          WHERE scopes.from_machine_id = ? ORDER BY scopes.created_at, scopes.to_machine_id`,
          id,
        )
        .map(rows.toMachine),
    ]),
  )
}
