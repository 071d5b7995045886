import type { ApiKey } from '../../domain/api-keys.ts'
import type { M2MToken } from '../../domain/m2m-token.ts'
import type { Machine } from '../../domain/machines.ts'
import type { MachineRecord, ScopeRecord } from '../../domain/records.ts'

/**
 * The objects of Clerk's Backend API, version 2026-05-12. Times are epoch milliseconds. Its clients
 * take every object that has a member `deleted`, even a false one, for a deleted object.
 */

type Wire = Readonly<Record<string, unknown>>

export function machineToWire(instanceId: string, machine: Machine, secret?: string): Wire {
  return {
    ...plainMachine(instanceId, machine),
    scoped_machines: machine.receivers.map((receiver) => plainMachine(instanceId, receiver)),
    ...(secret !== undefined && { secret_key: secret }),
  }
}

function plainMachine(instanceId: string, machine: MachineRecord): Wire {
  return {
    object: 'machine',
    id: machine.id,
    name: machine.name,
    instance_id: instanceId,
    created_at: machine.createdAt,
    updated_at: machine.updatedAt,
    default_token_ttl: machine.defaultTokenTtlSeconds,
    jwt_algorithm: machine.jwtAlgorithm,
    stateless: machine.stateless,
  }
}

export function scopeToWire(scope: ScopeRecord): Wire {
  return {
    object: 'machine_scope',
    from_machine_id: scope.fromMachineId,
    to_machine_id: scope.toMachineId,
    created_at: scope.createdAt,
  }
}

export function machineSecretToWire(secret: string): Wire {
  return { object: 'machine_secret_key', secret }
}

/** `token` is the text, in the answer to its creator only. */
export function m2mTokenToWire(token: M2MToken, now: number, text?: string): Wire {
  return {
    object: 'machine_to_machine_token',
    id: token.id,
    subject: token.machineId,
    claims: token.claims,
    scopes: token.scopes,
    // `undefined` is not written.
    token: text,
    revoked: token.revokedAt !== null,
    revocation_reason: token.revocationReason,
    expired: now >= token.expiresAt,
    expiration: token.expiresAt,
    last_used_at: token.lastUsedAt,
    created_at: token.createdAt,
    updated_at: token.updatedAt,
  }
}

export function apiKeyToWire(key: ApiKey, now: number, secret?: string): Wire {
  return {
    object: 'api_key',
    id: key.id,
    type: key.type,
    subject: key.subject,
    name: key.name,
    description: key.description,
    claims: key.claims,
    scopes: key.scopes,
    ...(secret !== undefined && { secret }),
    revoked: key.revokedAt !== null,
    revocation_reason: key.revocationReason,
    expired: key.expiresAt !== null && now >= key.expiresAt,
    expiration: key.expiresAt,
    created_by: key.createdBy,
    last_used_at: key.lastUsedAt,
    created_at: key.createdAt,
    updated_at: key.updatedAt,
  }
}

export function deletedToWire(object: 'machine' | 'api_key', id: string): Wire {
  return { object, id, deleted: true }
}

export function deletedScopeToWire(fromMachineId: string, toMachineId: string): Wire {
  return {
    object: 'machine_scope',
    from_machine_id: fromMachineId,
    to_machine_id: toMachineId,
    deleted: true,
  }
}
