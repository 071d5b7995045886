import { CountersignError } from '../token/errors.ts'
import { isJsonObject, type JsonObject } from '../token/json.ts'
import { M2MToken, type M2MTokenJSON } from '../token/m2m-token.ts'
import type {
  ApiKey,
  AuditActor,
  AuditCheckpoint,
  AuditCheckpointList,
  AuditEntry,
  AuditEntryList,
  DeletedObject,
  IdPOAuthAccessToken,
  JwkSet,
  M2MRevocation,
  Machine,
  MachineScope,
  MachineSecretKey,
  MachineSecretVersion,
  PaginatedList,
  SigningKey,
  SigningKeyRevocation,
  Webhook,
} from './types.ts'

/**
 * From the wire to our types. An answer that is not exactly what was promised is an error: a member
 * of another type, another kind of object, or the object of another id. Unknown members are ignored,
 * so that a newer authority can be talked to.
 */

export function toMachine(body: JsonObject): Machine {
  const { secret_key: secretKey } = body
  const scoped = array(body, 'scoped_machines').map((one) => plainMachine(object(one)))
  return {
    ...plainMachine(body),
    scopedMachines: scoped,
    secretKey: secretKey === undefined ? undefined : text(body, 'secret_key'),
  }
}

function plainMachine(body: JsonObject): Machine {
  kind(body, 'machine')
  const { jwt_algorithm: jwtAlgorithm, default_token_ttl: ttl } = body
  return {
    id: text(body, 'id'),
    name: text(body, 'name'),
    instanceId: text(body, 'instance_id'),
    createdAt: number(body, 'created_at'),
    updatedAt: number(body, 'updated_at'),
    scopedMachines: [],
    // Clerk's specification lets it be left out, and names its default.
    defaultTokenTtl: ttl === undefined ? 3_600 : number(body, 'default_token_ttl'),
    jwtAlgorithm: typeof jwtAlgorithm === 'string' ? jwtAlgorithm : null,
    stateless: body['stateless'] === true,
  }
}

export function toMachineScope(body: JsonObject): MachineScope {
  kind(body, 'machine_scope')
  const { deleted } = body
  return {
    fromMachineId: text(body, 'from_machine_id'),
    toMachineId: text(body, 'to_machine_id'),
    createdAt: deleted === true ? undefined : number(body, 'created_at'),
    deleted: deleted === true ? true : undefined,
  }
}

export function toMachineSecretKey(body: JsonObject): MachineSecretKey {
  kind(body, 'machine_secret_key')
  return { secret: text(body, 'secret') }
}

export function toMachineSecretVersion(body: JsonObject): MachineSecretVersion {
  kind(body, 'machine_secret_version')
  return {
    machineId: text(body, 'machine_id'),
    version: number(body, 'version'),
    live: boolean(body, 'live'),
    createdAt: number(body, 'created_at'),
    expiresAt: nullable(number)(body, 'expires_at'),
    lastUsedAt: nullable(number)(body, 'last_used_at'),
    useCount: number(body, 'use_count'),
    callers: array(body, 'callers').map((one) => {
      const caller = object(one)
      return { address: text(caller, 'address'), lastUsedAt: number(caller, 'last_used_at') }
    }),
  }
}

/** The versions that were ended. */
export function toFinishedRotation(body: JsonObject): {
  readonly machineId: string
  readonly ended: readonly number[]
} {
  kind(body, 'machine_secret_rotation')
  const ended = array(body, 'ended').map((version) => number({ version }, 'version'))
  return { machineId: text(body, 'machine_id'), ended }
}

export function toM2MToken(body: JsonObject): M2MToken {
  kind(body, 'machine_to_machine_token')
  for (const name of ['id', 'subject']) text(body, name)
  for (const name of ['created_at', 'updated_at']) number(body, name)
  for (const name of ['revoked', 'expired']) boolean(body, name)
  nullable(anyText)(body, 'revocation_reason')
  nullable(number)(body, 'expiration')
  if (body['scopes'] !== undefined) texts(body, 'scopes')
  if (body['token'] !== undefined) text(body, 'token')
  return M2MToken.fromJSON(body as unknown as M2MTokenJSON)
}

export function toApiKey(body: JsonObject): ApiKey {
  kind(body, 'api_key')
  const { claims, secret, description } = body
  return {
    id: text(body, 'id'),
    type: text(body, 'type'),
    name: text(body, 'name'),
    subject: text(body, 'subject'),
    scopes: texts(body, 'scopes'),
    claims: (claims ?? null) as Record<string, unknown> | null,
    revoked: boolean(body, 'revoked'),
    revocationReason: nullable(anyText)(body, 'revocation_reason'),
    expired: boolean(body, 'expired'),
    expiration: nullable(number)(body, 'expiration'),
    createdBy: nullable(text)(body, 'created_by'),
    description: description === undefined ? null : nullable(anyText)(body, 'description'),
    lastUsedAt: nullable(number)(body, 'last_used_at'),
    createdAt: number(body, 'created_at'),
    updatedAt: number(body, 'updated_at'),
    secret: secret === undefined ? undefined : text(body, 'secret'),
  }
}

/** `{active: false}`, which is also an answer of this endpoint at Clerk, is none of these. */
export function toOAuthAccessToken(body: JsonObject): IdPOAuthAccessToken {
  kind(body, 'clerk_idp_oauth_access_token')
  return {
    id: text(body, 'id'),
    clientId: text(body, 'client_id'),
    subject: text(body, 'subject'),
    scopes: texts(body, 'scopes'),
    revoked: boolean(body, 'revoked'),
    revocationReason: nullable(anyText)(body, 'revocation_reason'),
    expired: boolean(body, 'expired'),
    expiration: nullable(number)(body, 'expiration'),
    createdAt: number(body, 'created_at'),
    updatedAt: number(body, 'updated_at'),
  }
}

export function toDeleted(object: 'machine' | 'api_key'): (body: JsonObject) => DeletedObject {
  return (body) => {
    kind(body, object)
    if (body['deleted'] !== true) throw unexpected('deleted to be true')
    return { object, id: text(body, 'id'), slug: null, deleted: true }
  }
}

export function toSecret(body: JsonObject): { readonly secret: string } {
  return { secret: text(body, 'secret') }
}

export function toJwkSet(body: JsonObject): JwkSet {
  return { keys: array(body, 'keys').map((key) => object(key)) }
}

export function toSigningKey(body: JsonObject): SigningKey {
  kind(body, 'signing_key')
  return {
    kid: text(body, 'kid'),
    algorithm: text(body, 'algorithm'),
    state: text(body, 'state'),
    createdAt: number(body, 'created_at'),
    activeFrom: nullable(number)(body, 'active_from'),
    retiresAt: nullable(number)(body, 'retires_at'),
    publishedUntil: nullable(number)(body, 'published_until'),
    revokedAt: nullable(number)(body, 'revoked_at'),
    revocationReason: nullable(anyText)(body, 'revocation_reason'),
  }
}

export function toSigningKeyRevocation(body: JsonObject): SigningKeyRevocation {
  kind(body, 'signing_key_revocation')
  return {
    revoked: toSigningKey(object(body['revoked'])),
    signer: toSigningKey(object(body['signer'])),
    keySetMaxAge: number(body, 'key_set_max_age'),
  }
}

/** `m2m_tokens` on one list, `data` on all others. */
export function toList<Item>(
  member: 'data' | 'm2m_tokens',
  toItem: (body: JsonObject) => Item,
): (body: JsonObject) => PaginatedList<Item> {
  return (body) => ({
    data: array(body, member).map((one) => toItem(object(one))),
    totalCount: number(body, 'total_count'),
  })
}

function kind(body: JsonObject, name: string): void {
  if (body['object'] !== name) throw unexpected(`object to be ${name}`)
}

function object(value: unknown): JsonObject {
  if (isJsonObject(value)) return value
  throw unexpected('an object in the list')
}

function array(body: JsonObject, name: string): readonly unknown[] {
  const value = body[name]
  if (Array.isArray(value)) return value
  throw unexpected(`${name} to be an array`)
}

/** A text that must say something. */
function text(body: JsonObject, name: string): string {
  const value = anyText(body, name)
  if (value !== '') return value
  throw unexpected(`${name} not to be empty`)
}

function anyText(body: JsonObject, name: string): string {
  const value = body[name]
  if (typeof value === 'string') return value
  throw unexpected(`${name} to be a string`)
}

function texts(body: JsonObject, name: string): string[] {
  const value = array(body, name)
  if (value.every((one) => typeof one === 'string')) return [...value]
  throw unexpected(`${name} to be an array of strings`)
}

function number(body: JsonObject, name: string): number {
  const value = body[name]
  if (typeof value === 'number' && Number.isFinite(value)) return value
  throw unexpected(`${name} to be a number`)
}

function boolean(body: JsonObject, name: string): boolean {
  const value = body[name]
  if (typeof value === 'boolean') return value
  throw unexpected(`${name} to be true or false`)
}

function nullable<Value>(
  read: (body: JsonObject, name: string) => Value,
): (body: JsonObject, name: string) => Value | null {
  return (body, name) => (body[name] === null ? null : read(body, name))
}

function unexpected(expected: string): CountersignError {
  return new CountersignError('answer-unexpected', { expected })
}

/** Of ours alone. */
export function toM2MRevocation(body: JsonObject): M2MRevocation {
  kind(body, 'revocation')
  const { id } = body
  const dryRun = body['dry_run'] === true
  return { id: id === null ? null : text(body, 'id'), dryRun, count: number(body, 'count') }
}

/** Of ours alone. */
export function toAuditEntryList(body: JsonObject): AuditEntryList {
  return {
    data: array(body, 'data').map((one) => toAuditEntry(object(one))),
    next: nullable(number)(body, 'next'),
  }
}

function toAuditEntry(body: JsonObject): AuditEntry {
  kind(body, 'audit_entry')
  const { by, details, mac, entry } = body
  return {
    seq: number(body, 'seq'),
    at: nullable(number)(body, 'at'),
    action: nullable(text)(body, 'action'),
    by: by === null ? null : toAuditActor(object(by)),
    from: nullable(text)(body, 'from'),
    target: nullable(text)(body, 'target'),
    reason: nullable(anyText)(body, 'reason'),
    details: details === null ? {} : object(details),
    hash: text(body, 'hash'),
    mac: mac === undefined ? undefined : text(body, 'mac'),
    entry: entry === undefined ? undefined : text(body, 'entry'),
  }
}

function toAuditActor(by: JsonObject): AuditActor {
  return {
    kind: text(by, 'kind'),
    machineId: nullable(text)(by, 'machine_id'),
    secretVersion: nullable(number)(by, 'secret_version'),
    instanceKeyId: nullable(text)(by, 'instance_key_id'),
    // An authority of an older release does not know of agents.
    claimedAgent: 'claimed_agent' in by ? nullable(text)(by, 'claimed_agent') : null,
  }
}

/** Of ours alone. */
export function toAuditCheckpointList(body: JsonObject): AuditCheckpointList {
  return {
    instanceId: text(body, 'instance_id'),
    keys: array(body, 'keys').map((one) => {
      const key = object(one)
      return { version: number(key, 'version'), publicKey: text(key, 'public_key') }
    }),
    data: array(body, 'data').map((one) => toAuditCheckpoint(object(one))),
    next: nullable(number)(body, 'next'),
  }
}

function toAuditCheckpoint(body: JsonObject): AuditCheckpoint {
  kind(body, 'audit_checkpoint')
  return {
    seq: number(body, 'seq'),
    hash: text(body, 'hash'),
    at: number(body, 'at'),
    keyVersion: number(body, 'key_version'),
    signature: text(body, 'signature'),
  }
}

/** Of ours alone. */
export function toWebhook(body: JsonObject): Webhook {
  kind(body, 'webhook')
  const { secret } = body
  return {
    id: text(body, 'id'),
    url: text(body, 'url'),
    actions: texts(body, 'actions'),
    createdAt: number(body, 'created_at'),
    deliveredThrough: number(body, 'delivered_through'),
    failures: number(body, 'failures'),
    disabledAt: nullable(number)(body, 'disabled_at'),
    disabledReason: nullable(text)(body, 'disabled_reason'),
    secret: secret === undefined ? undefined : text(body, 'secret'),
  }
}

export function toWebhooks(body: JsonObject): Webhook[] {
  return array(body, 'data').map((one) => toWebhook(object(one)))
}

export function toDeletedWebhook(body: JsonObject): { readonly id: string } {
  kind(body, 'webhook')
  if (body['deleted'] !== true) throw unexpected('deleted to be true')
  return { id: text(body, 'id') }
}
