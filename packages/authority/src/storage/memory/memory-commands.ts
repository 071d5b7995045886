import { FIRST_HASH, nextHash } from '../../domain/audit-chain.ts'
import { withSecretUse } from '../../domain/secret-uses.ts'
import type {
  AuditEntry,
  Command,
  Outcome,
  Revocation,
  SealedTable,
  SealedValue,
} from '../../domain/ports.ts'
import type {
  DataKeyRecord,
  M2MTokenRecord,
  SigningKeySet,
  TokenPredicate,
} from '../../domain/records.ts'
import { machineSecretsOf, scopeKeyOf, secretKeyOf, type Tables } from './tables.ts'

type Handlers = {
  readonly [Type in Command['type']]: (command: Extract<Command, { type: Type }>) => Outcome
}

/** Applies commands to the tables; the contract suite holds it to what SQLite does. */
export function createMemoryHandlers(tables: Tables): Handlers {
  const { instanceKeys, machines, machineSecrets, scopes, m2mTokens, apiKeys, statusLists } = tables

  return {
    'create-instance'({ instance, dataKeys, signingKeys, instanceKey }) {
      if (tables.instance !== null) return 'exists'
      tables.instance = instance
      tables.dataKeys.push(...dataKeys)
      tables.signingKeys = signingKeys
      instanceKeys.set(instanceKey.id, instanceKey)
      return 'done'
    },

    'replace-data-keys'({ before, after }) {
      const isSame = ({ purpose, version, rootKeyId }: DataKeyRecord): boolean =>
        tables.dataKeys.some(
          (one) =>
            one.purpose === purpose && one.version === version && one.rootKeyId === rootKeyId,
        )
      if (tables.dataKeys.length !== before.length || !before.every(isSame)) return 'stale'
      tables.dataKeys.splice(0, Infinity, ...after)
      return 'done'
    },

    reseal({ table, values }) {
      for (const { id, version, sealed, resealed } of values) {
        const isBefore = (now: Uint8Array | null): boolean =>
          now !== null && Buffer.compare(now, sealed) === 0
        if (table === 'signing_keys') {
          const keys = tables.signingKeys.keys.map((key) =>
            key.kid === id && isBefore(key.handle) ? { ...key, handle: resealed } : key,
          )
          tables.signingKeys = { ...tables.signingKeys, keys }
          continue
        }
        const rows = sealedRows(tables, table)
        const key = table === 'machine_secrets' ? secretKeyOf(id, version) : id
        const row = rows.get(key)
        if (row !== undefined && isBefore(row.sealed)) rows.set(key, { ...row, sealed: resealed })
      }
      return 'done'
    },

    'forget-data-keys'({ purpose, below, tables: names }) {
      const isOld = ({ sealed }: SealedValue): boolean =>
        (((sealed[0] ?? 0) << 8) | (sealed[1] ?? 0)) < below
      if (names.some((table) => sealedValuesOf(tables, table).some(isOld))) return 'stale'
      const kept = tables.dataKeys.filter((key) => key.purpose !== purpose || key.version >= below)
      tables.dataKeys.splice(0, Infinity, ...kept)
      return 'done'
    },

    'replace-signing-keys': ({ set }) => (replaceSigningKeys(tables, set) ? 'done' : 'stale'),

    'revoke-signing-key'({ set, revocation }) {
      if (!replaceSigningKeys(tables, set)) return 'stale'
      revokeTokens(tables, revocation)
      return 'done'
    },

    'create-data-key'({ dataKey }) {
      const { purpose, version } = dataKey
      const same = tables.dataKeys.some((one) => one.purpose === purpose && one.version === version)
      if (same) return 'exists'
      tables.dataKeys.push(dataKey)
      return 'done'
    },

    'create-instance-key'({ instanceKey }) {
      instanceKeys.set(instanceKey.id, instanceKey)
      return 'done'
    },

    'revoke-instance-key'({ id, at }) {
      return change(instanceKeys, id, (key) => ({ ...key, revokedAt: key.revokedAt ?? at }))
    },

    'create-machine'({ machine, secret, scopes: granted }) {
      const known = (id: string): boolean => id === machine.id || machines.has(id)
      if (!granted.every((scope) => known(scope.toMachineId))) return 'missing'
      machines.set(machine.id, machine)
      machineSecrets.set(secretKeyOf(machine.id, secret.version), secret)
      for (const scope of granted) scopes.set(scopeKeyOf(machine.id, scope.toMachineId), scope)
      return 'done'
    },

    'update-machine'({ id, at, name, defaultTokenTtlSeconds, jwtAlgorithm, stateless }) {
      return change(machines, id, (machine) => ({
        ...machine,
        updatedAt: at,
        name: name ?? machine.name,
        defaultTokenTtlSeconds: defaultTokenTtlSeconds ?? machine.defaultTokenTtlSeconds,
        jwtAlgorithm: jwtAlgorithm === undefined ? machine.jwtAlgorithm : jwtAlgorithm,
        stateless: stateless ?? machine.stateless,
      }))
    },

    'delete-machine'({ id, revocation }) {
      if (!machines.has(id)) return 'missing'
      revokeTokens(tables, revocation)
      machines.delete(id)
      for (const [key, secret] of machineSecrets) {
        if (secret.machineId === id) machineSecrets.delete(key)
      }
      for (const [key, scope] of scopes) {
        if (scope.fromMachineId !== id && scope.toMachineId !== id) continue
        scopes.delete(key)
        bumpPolicy(tables, scope.fromMachineId)
      }
      return 'done'
    },

    'rotate-machine-secret'({ secret, previousExpiresAt }) {
      const older = [...machineSecrets].filter(([, one]) => one.machineId === secret.machineId)
      if (older.length === 0) return 'missing'
      const newest = Math.max(...older.map(([, one]) => one.version))
      if (newest !== secret.version - 1) return 'stale'
      for (const [key, one] of older) {
        const expiresAt = Math.min(one.expiresAt ?? previousExpiresAt, previousExpiresAt)
        machineSecrets.set(key, { ...one, expiresAt })
      }
      machineSecrets.set(secretKeyOf(secret.machineId, secret.version), secret)
      return 'done'
    },

    'end-machine-secrets'({ machineId, versions }) {
      const ended = versions.map((version) =>
        change(machineSecrets, secretKeyOf(machineId, version), (one) => ({
          ...one,
          expiresAt: 0,
        })),
      )
      return ended.includes('done') ? 'done' : 'missing'
    },

    'record-secret-uses'({ uses }) {
      for (const use of uses) {
        change(machineSecrets, secretKeyOf(use.machineId, use.version), (one) => ({
          ...one,
          ...withSecretUse(one, use),
        }))
      }
      return 'done'
    },

    'create-scope'({ scope, limit }) {
      const { fromMachineId, toMachineId } = scope
      if (!machines.has(fromMachineId) || !machines.has(toMachineId)) return 'missing'
      if (scopes.has(scopeKeyOf(fromMachineId, toMachineId))) return 'exists'
      const used = [...scopes.values()].filter((one) => one.fromMachineId === fromMachineId)
      if (used.length >= limit) return 'full'
      scopes.set(scopeKeyOf(fromMachineId, toMachineId), scope)
      bumpPolicy(tables, fromMachineId)
      return 'done'
    },

    'delete-scope'({ fromMachineId, toMachineId, revocation }) {
      if (!scopes.delete(scopeKeyOf(fromMachineId, toMachineId))) return 'missing'
      bumpPolicy(tables, fromMachineId)
      if (revocation !== null) revokeTokens(tables, revocation)
      return 'done'
    },

    'create-m2m-token'({ token, policyVersion }) {
      if (machines.get(token.machineId)?.policyVersion !== policyVersion) return 'stale'
      if (token.format === 'jwt' && !maySign(tables, token.kid)) return 'stale'
      m2mTokens.set(token.id, token)
      return 'done'
    },

    'check-policy': ({ machineId, policyVersion, kid }) =>
      machines.get(machineId)?.policyVersion === policyVersion && maySign(tables, kid)
        ? 'done'
        : 'stale',

    'revoke-m2m-token'({ id, at, reason }) {
      const outcome = change(m2mTokens, id, (token) => revoked(token, at, reason))
      const token = m2mTokens.get(id)
      if (token?.format === 'jwt') bumpList(tables, token.statusListId)
      return outcome
    },

    'revoke-m2m-tokens'({ revocation }) {
      revokeTokens(tables, revocation)
      return 'done'
    },

    'open-status-list'({ list }) {
      statusLists.set(list.id, list)
      return 'done'
    },

    'record-event': () => 'done',

    'create-audit-checkpoint'({ checkpoint }) {
      const { seq, hash } = checkpoint
      if (tables.auditCheckpoints.some((one) => one.seq === seq)) return 'exists'
      const entry = tables.auditLog.find((one) => one.seq === seq)
      if (entry === undefined || Buffer.compare(entry.hash, hash) !== 0) return 'stale'
      tables.auditCheckpoints.push(checkpoint)
      tables.auditCheckpoints.sort((a, b) => a.seq - b.seq)
      return 'done'
    },

    'create-webhook'({ webhook, limit }) {
      if (tables.webhooks.size >= limit) return 'full'
      tables.webhooks.set(webhook.id, webhook)
      return 'done'
    },

    'update-webhook'({ webhook }) {
      if (tables.webhooks.get(webhook.id)?.version !== webhook.version) return 'stale'
      tables.webhooks.set(webhook.id, { ...webhook, version: webhook.version + 1 })
      return 'done'
    },

    'delete-webhook': ({ id }) => (tables.webhooks.delete(id) ? 'done' : 'missing'),

    'prune-audit-log'({ through }) {
      const { auditLog, auditCheckpoints } = tables
      const checkpoint = auditCheckpoints.findIndex((one) => one.seq === through)
      if (checkpoint < 0) return 'missing'
      const kept = auditLog.filter((one) => one.seq > through)
      if (kept.length === auditLog.length) return 'stale'
      auditLog.splice(0, auditLog.length - kept.length)
      auditCheckpoints.splice(0, checkpoint)
      return 'done'
    },

    'create-api-key'({ apiKey }) {
      apiKeys.set(apiKey.id, apiKey)
      return 'done'
    },

    'replace-api-key'({ before, after }) {
      const current = apiKeys.get(before.id)
      const same =
        current?.updatedAt === before.updatedAt && Buffer.compare(current.mac, before.mac) === 0
      if (!same) return 'stale'
      // What else became of it since, a revocation above all, stays.
      const { subject, scopes, description, claims, expiresAt, mac, updatedAt } = after
      const changes = { subject, scopes, description, claims, expiresAt, mac, updatedAt }
      apiKeys.set(before.id, { ...current, ...changes })
      return 'done'
    },

    'delete-api-key': ({ id }) => (apiKeys.delete(id) ? 'done' : 'missing'),

    'revoke-api-key': ({ id, at, reason }) =>
      change(apiKeys, id, (key) => revoked(key, at, reason)),

    'record-use'({ m2mTokens: tokenUses, apiKeys: keyUses }) {
      for (const [id, at] of tokenUses) change(m2mTokens, id, (one) => ({ ...one, lastUsedAt: at }))
      for (const [id, at] of keyUses) change(apiKeys, id, (one) => ({ ...one, lastUsedAt: at }))
      return 'done'
    },

    prune({ before, limit }) {
      const ended = [...m2mTokens.values()]
        .filter((token) => token.expiresAt < before)
        .sort((a, b) => a.expiresAt - b.expiresAt)
      for (const token of ended.slice(0, limit)) m2mTokens.delete(token.id)
      for (const [key, { machineId, version, expiresAt }] of machineSecrets) {
        // The newest version stays, dead or not: the next one counts on from it.
        const isNewest = machineSecretsOf(tables, machineId)[0]?.version === version
        if (expiresAt !== null && expiresAt < before && !isNewest) machineSecrets.delete(key)
      }
      for (const list of statusLists.values()) {
        if (list.endsAt < before) statusLists.delete(list.id)
      }
      return ended.length >= limit ? 'full' : 'done'
    },
  }
}

interface SealedRow {
  readonly sealed: Uint8Array | null
}

function sealedRows(
  tables: Tables,
  table: Exclude<SealedTable, 'signing_keys'>,
): Map<string, SealedRow> {
  const { instanceKeys, machineSecrets, m2mTokens, apiKeys } = tables
  const rows = {
    instance_keys: instanceKeys,
    machine_secrets: machineSecrets,
    m2m_tokens: m2mTokens,
    api_keys: apiKeys,
    webhooks: tables.webhooks,
  }
  return rows[table] as Map<string, SealedRow>
}

/** Every sealed value of a table, by id. */
export function sealedValuesOf(tables: Tables, table: SealedTable): readonly SealedValue[] {
  const values =
    table === 'signing_keys'
      ? tables.signingKeys.keys
          .filter(({ handle }) => handle.length > 0)
          .map(({ kid, handle }) => ({ id: kid, version: 0, sealed: handle }))
      : [...sealedRows(tables, table)].flatMap(([key, { sealed }]) => {
          // A JWT has nothing that is sealed.
          if (sealed === null || (sealed as Uint8Array | undefined) === undefined) return []
          const [id = '', version = '0'] = key.split('/')
          return [{ id, version: Number(version), sealed }]
        })
  return values.toSorted((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : a.version - b.version))
}

function maySign(tables: Tables, kid: string): boolean {
  return tables.signingKeys.keys.some((key) => key.kid === kid && key.revokedAt === null)
}

/** Whether a predicate fits a token that is neither revoked nor expired. */
export function isLiveFor(predicate: TokenPredicate, now: number, token: M2MTokenRecord): boolean {
  const { machineId, secretVersion, issuedBefore, kid, receiverId } = predicate
  return (
    token.revokedAt === null &&
    token.expiresAt > now &&
    (machineId === undefined || token.machineId === machineId) &&
    (secretVersion === undefined || token.secretVersion === secretVersion) &&
    (issuedBefore === undefined || token.createdAt < issuedBefore) &&
    (kid === undefined || (token.format === 'jwt' && token.kid === kid)) &&
    (receiverId === undefined || token.scopes.includes(receiverId))
  )
}

function revokeTokens(tables: Tables, revocation: Revocation): void {
  const { id, at, predicate, reason } = revocation
  const live = [...tables.m2mTokens.values()].filter((one) => isLiveFor(predicate, at, one))
  for (const token of live) tables.m2mTokens.set(token.id, revoked(token, at, reason))
  for (const listId of tables.statusLists.keys()) bumpList(tables, listId)
  const machineIds =
    predicate.machineId === undefined ? [...tables.machines.keys()] : [predicate.machineId]
  for (const machineId of machineIds) bumpPolicy(tables, machineId)
  tables.revocations.set(id, { ...revocation, count: live.length })
}

function bumpList(tables: Tables, id: string): void {
  change(tables.statusLists, id, (list) => ({ ...list, version: list.version + 1 }))
}

export function appendToAuditLog(tables: Tables, { text, mac }: AuditEntry): void {
  // Of a log that was pruned to its end, the checkpoint it was pruned to is left.
  const last = tables.auditLog.at(-1) ?? tables.auditCheckpoints.at(-1)
  const line = { seq: (last?.seq ?? 0) + 1, entry: text, mac }
  tables.auditLog.push({ ...line, hash: nextHash(last?.hash ?? FIRST_HASH, line) })
}

/** A handle that was sealed anew meanwhile stays; one that was wiped does not. */
function replaceSigningKeys(tables: Tables, set: SigningKeySet): boolean {
  const { version, keys: before } = tables.signingKeys
  if (version !== set.version - 1) return false
  const keys = set.keys.map((key) => {
    const stored = before.find(({ kid }) => kid === key.kid)
    return stored === undefined || key.handle.length === 0 ? key : { ...key, handle: stored.handle }
  })
  tables.signingKeys = { version: set.version, keys }
  return true
}

function change<Row>(rows: Map<string, Row>, id: string, changed: (row: Row) => Row): Outcome {
  const row = rows.get(id)
  if (row === undefined) return 'missing'
  rows.set(id, changed(row))
  return 'done'
}

function bumpPolicy(tables: Tables, machineId: string): void {
  change(tables.machines, machineId, (machine) => ({
    ...machine,
    policyVersion: machine.policyVersion + 1,
  }))
}

/** The first revocation stands. */
function revoked<Row extends { readonly revokedAt: number | null }>(
  row: Row,
  at: number,
  reason: string | null,
): Row {
  return row.revokedAt === null
    ? { ...row, revokedAt: at, updatedAt: at, revocationReason: reason }
    : row
}
