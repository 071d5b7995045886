import { AuthorityError } from '../../domain/errors.ts'
import {
  type ApiKeyQuery,
  type AuditEntry,
  type Command,
  type M2MTokenQuery,
  type MachineQuery,
  type Outcome,
  type Page,
  type PageQuery,
  type Store,
  MAX_COUNTED,
} from '../../domain/ports.ts'
import type {
  ApiKeyRecord,
  JwtRecord,
  M2MTokenRecord,
  MachineRecord,
  OpaqueTokenRecord,
  ScopeRecord,
} from '../../domain/records.ts'
import {
  appendToAuditLog,
  createMemoryHandlers,
  isLiveFor,
  sealedValuesOf,
} from './memory-commands.ts'
import { emptyTables, machineSecretsOf, secretKeyOf, type Tables } from './tables.ts'

/** A store that ends with its process: for tests, and for an authority inside one. */
export function createMemoryStore(): Store {
  const tables = emptyTables()
  const handlers = createMemoryHandlers(tables)
  let open = true
  const whileOpen = (): void => {
    if (!open) throw new AuthorityError('storage_unavailable')
  }
  return Object.freeze({
    ...createReads(tables),
    write: (command: Command, entry?: AuditEntry) =>
      Promise.resolve().then(() => {
        whileOpen()
        const outcome = (handlers[command.type] as (command: Command) => Outcome)(command)
        if (outcome === 'done' && entry !== undefined) appendToAuditLog(tables, entry)
        return outcome
      }),
    ping: () => Promise.resolve().then(whileOpen),
    close(): Promise<void> {
      open = false
      return Promise.resolve()
    },
  })
}

function createReads(tables: Tables): Omit<Store, 'write' | 'ping' | 'close'> {
  return {
    instance: () => Promise.resolve(tables.instance),
    dataKeys: () => Promise.resolve([...tables.dataKeys]),
    signingKeys: () => Promise.resolve(tables.signingKeys),
    signingKeysVersion: () => Promise.resolve(tables.signingKeys.version),
    sealedValues(table, after, limit) {
      const values = sealedValuesOf(tables, table).filter(({ id }) => id > after)
      const last = [...new Set(values.map(({ id }) => id))].slice(0, limit).at(-1) ?? ''
      return Promise.resolve(values.filter(({ id }) => id <= last))
    },

    instanceKey: (id) => Promise.resolve(tables.instanceKeys.get(id) ?? null),
    instanceKeys: () => Promise.resolve([...tables.instanceKeys.values()]),

    machine: (id) => Promise.resolve(tables.machines.get(id) ?? null),
    machines: (query) => Promise.resolve(findMachines(tables, query)),
    scopes: (fromMachineId) => Promise.resolve(scopesOf(tables, fromMachineId)),
    receivers: (machineIds) =>
      Promise.resolve(new Map(machineIds.map((id) => [id, receiversOf(tables, id)]))),

    machineSecret: (machineId, version) =>
      Promise.resolve(tables.machineSecrets.get(secretKeyOf(machineId, version)) ?? null),
    machineSecrets: (machineId) => Promise.resolve(machineSecretsOf(tables, machineId)),
    currentMachineSecret: (machineId) =>
      Promise.resolve(machineSecretsOf(tables, machineId)[0] ?? null),

    m2mToken(id) {
      const token = tables.m2mTokens.get(id)
      const known = token !== undefined && tables.machines.has(token.machineId)
      return Promise.resolve(known ? token : null)
    },
    m2mTokens: (query) => Promise.resolve(findM2MTokens(tables, query)),
    reusableM2MToken(machineId, likeness, endsAfter) {
      const candidates = [...tables.m2mTokens.values()].filter(
        (token): token is OpaqueTokenRecord =>
          token.format === 'opaque' &&
          token.machineId === machineId &&
          token.likeness === likeness &&
          token.expiresAt >= endsAfter &&
          token.revokedAt === null &&
          token.sealed !== null,
      )
      return Promise.resolve(candidates.toSorted((a, b) => b.expiresAt - a.expiresAt)[0] ?? null)
    },

    countM2MTokens: (predicate, now) =>
      Promise.resolve(
        [...tables.m2mTokens.values()].filter((one) => isLiveFor(predicate, now, one)).length,
      ),

    statusLists: () => Promise.resolve([...tables.statusLists.values()]),
    statusList: (id) => Promise.resolve(tables.statusLists.get(id) ?? null),
    revokedIndexes(statusListId) {
      const tokens = [...tables.m2mTokens.values()].filter(
        (token) => token.format === 'jwt' && token.statusListId === statusListId,
      )
      return Promise.resolve(
        (tokens as JwtRecord[])
          .filter((one) => one.revokedAt !== null)
          .map((one) => one.statusIndex),
      )
    },
    revocation: (id) => Promise.resolve(tables.revocations.get(id) ?? null),
    auditLog(after, limit) {
      const start = after + 1 - (tables.auditLog[0]?.seq ?? 1)
      return Promise.resolve(tables.auditLog.slice(Math.max(start, 0)).slice(0, limit))
    },
    auditLogBefore: (before, limit) =>
      Promise.resolve(
        tables.auditLog
          .filter((one) => one.seq < before)
          .slice(-limit)
          .reverse(),
      ),
    auditCheckpoints: (after, limit) =>
      Promise.resolve(tables.auditCheckpoints.filter((one) => one.seq > after).slice(0, limit)),
    webhooks: () => Promise.resolve([...tables.webhooks.values()]),
    webhook: (id) => Promise.resolve(tables.webhooks.get(id) ?? null),
    newestAuditCheckpoint: () => Promise.resolve(tables.auditCheckpoints.at(-1) ?? null),

    apiKey: (id) => Promise.resolve(tables.apiKeys.get(id) ?? null),
    apiKeys: (query) => Promise.resolve(findApiKeys(tables, query)),
  }
}

function findMachines(tables: Tables, query: MachineQuery): Page<MachineRecord> {
  const field = query.orderBy === 'name' ? 'name' : 'createdAt'
  const sign = query.descending ? -1 : 1
  const found = [...tables.machines.values()]
    .filter((machine) => matches(query.text, machine.id, machine.name))
    .sort((a, b) => sign * (compare(a[field], b[field]) || compare(a.id, b.id)))
  return pageOf(found, query)
}

function findM2MTokens(tables: Tables, query: M2MTokenQuery): Page<M2MTokenRecord> {
  const found = [...tables.m2mTokens.values()]
    .filter(
      (token) =>
        token.machineId === query.machineId &&
        (query.format === 'all' || token.format === query.format) &&
        (query.includeRevoked || token.revokedAt === null) &&
        (query.includeExpired || token.expiresAt > query.now),
    )
    .sort((a, b) => compare(b.id, a.id))
  return pageOf(found, query)
}

function findApiKeys(tables: Tables, query: ApiKeyQuery): Page<ApiKeyRecord> {
  const found = [...tables.apiKeys.values()]
    .filter(
      (key) =>
        key.subject === query.subject &&
        key.type === query.type &&
        matches(query.text, key.id, key.name) &&
        (query.includeInvalid ||
          (key.revokedAt === null && (key.expiresAt === null || key.expiresAt > query.now))),
    )
    .sort((a, b) => compare(b.id, a.id))
  return pageOf(found, query)
}

function scopesOf(tables: Tables, machineId: string): readonly ScopeRecord[] {
  return [...tables.scopes.values()]
    .filter((scope) => scope.fromMachineId === machineId)
    .sort((a, b) => compare(a.createdAt, b.createdAt) || compare(a.toMachineId, b.toMachineId))
}

function receiversOf(tables: Tables, machineId: string): readonly MachineRecord[] {
  return scopesOf(tables, machineId).map(
    (scope) => tables.machines.get(scope.toMachineId) as MachineRecord,
  )
}

function pageOf<Row>(found: readonly Row[], { limit, offset }: PageQuery): Page<Row> {
  return {
    rows: found.slice(offset, offset + limit),
    totalCount: Math.min(found.length, MAX_COUNTED),
  }
}

function matches(text: string, id: string, name: string): boolean {
  return text === '' || id === text || name.toLowerCase().includes(text.toLowerCase())
}

function compare<Value extends string | number>(a: Value, b: Value): number {
  return a < b ? -1 : a > b ? 1 : 0
}
