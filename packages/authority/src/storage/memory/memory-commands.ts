import type { Command, Outcome } from '../../domain/ports.ts'
import type { SigningKeySet } from '../../domain/records.ts'
import { scopeKeyOf, secretKeyOf, type Tables } from './tables.ts'

type Handlers = {
  readonly [Type in Command['type']]: (command: Extract<Command, { type: Type }>) => Outcome
}

/** Applies commands to the tables; the contract suite holds it to what SQLite does. */
export function createMemoryHandlers(tables: Tables): Handlers {
  const { instanceKeys, machines, machineSecrets, scopes, m2mTokens, apiKeys } = tables

  return {
    'create-instance'({ instance, dataKeys, signingKeys, instanceKey }) {
      if (tables.instance !== null) return 'exists'
      tables.instance = instance
      tables.dataKeys.push(...dataKeys)
      tables.signingKeys = signingKeys
      instanceKeys.set(instanceKey.id, instanceKey)
      return 'done'
    },

    'replace-signing-keys': ({ set }) => (replaceSigningKeys(tables, set) ? 'done' : 'stale'),

    'revoke-signing-key'({ set }) {
      if (!replaceSigningKeys(tables, set)) return 'stale'
      // Here goes: the tokens of `kid` are revoked at `at` with `reason`.
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

    'update-machine'({ id, at, name, defaultTokenTtlSeconds, jwtAlgorithm }) {
      return change(machines, id, (machine) => ({
        ...machine,
        updatedAt: at,
        name: name ?? machine.name,
        defaultTokenTtlSeconds: defaultTokenTtlSeconds ?? machine.defaultTokenTtlSeconds,
        jwtAlgorithm: jwtAlgorithm === undefined ? machine.jwtAlgorithm : jwtAlgorithm,
      }))
    },

    'delete-machine'({ id }) {
      if (!machines.delete(id)) return 'missing'
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

    'delete-scope'({ fromMachineId, toMachineId }) {
      if (!scopes.delete(scopeKeyOf(fromMachineId, toMachineId))) return 'missing'
      bumpPolicy(tables, fromMachineId)
      return 'done'
    },

    'create-m2m-token'({ token, policyVersion }) {
      if (machines.get(token.machineId)?.policyVersion !== policyVersion) return 'stale'
      m2mTokens.set(token.id, token)
      return 'done'
    },

    'revoke-m2m-token': ({ id, at, reason }) =>
      change(m2mTokens, id, (token) => revoked(token, at, reason)),

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
      for (const [key, secret] of machineSecrets) {
        if (secret.expiresAt !== null && secret.expiresAt < before) machineSecrets.delete(key)
      }
      return ended.length >= limit ? 'full' : 'done'
    },
  }
}

function replaceSigningKeys(tables: Tables, set: SigningKeySet): boolean {
  if (tables.signingKeys.version !== set.version - 1) return false
  tables.signingKeys = set
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
