import type {
  Algorithm,
  ApiKeyRecord,
  AuditCheckpointRecord,
  AuditRecord,
  DataKeyPurpose,
  DataKeyRecord,
  Environment,
  InstanceKeyRecord,
  InstanceRecord,
  M2MTokenRecord,
  MachineRecord,
  MachineSecretRecord,
  PublicJwk,
  RevocationRecord,
  ScopeRecord,
  SecretCaller,
  SigningKeyRecord,
  SigningKeySet,
  StatusListRecord,
  TokenPredicate,
  WebhookRecord,
} from '../../domain/records.ts'
import type { SealedValue } from '../../domain/ports.ts'
import type { SqlRow } from './driver.ts'

/** Rows into records. Only the store writes the tables, so a column is what the schema says. */

export function toInstance(row: SqlRow): InstanceRecord {
  return {
    id: row['id'] as string,
    environment: row['environment'] as Environment,
    createdAt: row['created_at'] as number,
  }
}

export function toDataKey(row: SqlRow): DataKeyRecord {
  return {
    purpose: row['purpose'] as DataKeyPurpose,
    version: row['version'] as number,
    rootKeyId: row['root_key_id'] as string,
    wrapped: row['wrapped'] as Uint8Array,
    createdAt: row['created_at'] as number,
  }
}

function toSigningKey(row: SqlRow): SigningKeyRecord {
  return {
    kid: row['kid'] as string,
    algorithm: row['algorithm'] as Algorithm,
    publicJwk: JSON.parse(row['public_jwk'] as string) as PublicJwk,
    handle: row['handle'] as Uint8Array,
    mac: row['mac'] as Uint8Array,
    createdAt: row['created_at'] as number,
    activeFrom: row['active_from'] as number | null,
    retiresAt: row['retires_at'] as number | null,
    revokedAt: row['revoked_at'] as number | null,
    revocationReason: row['revocation_reason'] as string | null,
  }
}

/** From the rows of the set's version beside each key; a set without keys is one row without a key. */
export function toSigningKeySet(rows: readonly SqlRow[]): SigningKeySet {
  return {
    version: (rows[0]?.['version'] as number | undefined) ?? 0,
    keys: rows.filter((row) => row['kid'] !== null).map(toSigningKey),
  }
}

export function toInstanceKey(row: SqlRow): InstanceKeyRecord {
  return {
    id: row['id'] as string,
    mac: row['mac'] as Uint8Array,
    sealed: row['sealed'] as Uint8Array | null,
    createdAt: row['created_at'] as number,
    revokedAt: row['revoked_at'] as number | null,
  }
}

export function toMachine(row: SqlRow): MachineRecord {
  return {
    id: row['id'] as string,
    name: row['name'] as string,
    defaultTokenTtlSeconds: row['default_token_ttl_seconds'] as number,
    jwtAlgorithm: row['jwt_algorithm'] as Algorithm | null,
    stateless: row['stateless'] === 1,
    policyVersion: row['policy_version'] as number,
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
  }
}

export function toMachineSecret(row: SqlRow): MachineSecretRecord {
  return {
    machineId: row['machine_id'] as string,
    version: row['version'] as number,
    mac: row['mac'] as Uint8Array,
    sealed: row['sealed'] as Uint8Array | null,
    createdAt: row['created_at'] as number,
    expiresAt: row['expires_at'] as number | null,
    lastUsedAt: row['last_used_at'] as number | null,
    useCount: row['use_count'] as number,
    callers: JSON.parse(row['callers'] as string) as readonly SecretCaller[],
  }
}

export function toScope(row: SqlRow): ScopeRecord {
  return {
    fromMachineId: row['from_machine_id'] as string,
    toMachineId: row['to_machine_id'] as string,
    createdAt: row['created_at'] as number,
    mac: row['mac'] as Uint8Array,
  }
}

export function toM2MToken(row: SqlRow): M2MTokenRecord {
  const scopes = row['scopes'] as string
  const kid = row['kid'] as string | null
  // Not spread, which takes microseconds on Node 20.
  const common = {
    id: row['id'] as string,
    machineId: row['machine_id'] as string,
    secretVersion: row['secret_version'] as number | null,
    scopes: scopes === '' ? [] : scopes.split(' '),
    claims: row['claims'] as string | null,
    expiresAt: row['expires_at'] as number,
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
    revokedAt: row['revoked_at'] as number | null,
    revocationReason: row['revocation_reason'] as string | null,
    lastUsedAt: row['last_used_at'] as number | null,
  }
  return kid === null
    ? Object.assign(common, {
        format: 'opaque' as const,
        mac: row['mac'] as Uint8Array,
        sealed: row['sealed'] as Uint8Array | null,
        likeness: row['likeness'] as string,
      })
    : Object.assign(common, {
        format: 'jwt' as const,
        kid,
        statusListId: row['status_list_id'] as string,
        statusIndex: row['status_index'] as number,
      })
}

export function toStatusList(row: SqlRow): StatusListRecord {
  return {
    id: row['id'] as string,
    algorithm: row['algorithm'] as Algorithm,
    size: row['size'] as number,
    openedAt: row['opened_at'] as number,
    endsAt: row['ends_at'] as number,
    version: row['version'] as number,
  }
}

export function toRevocation(row: SqlRow): RevocationRecord {
  return {
    id: row['id'] as string,
    at: row['at'] as number,
    predicate: JSON.parse(row['predicate'] as string) as TokenPredicate,
    reason: row['reason'] as string | null,
    count: row['count'] as number,
  }
}

export function toSealedValue(row: SqlRow): SealedValue {
  return {
    id: row['id'] as string,
    version: row['version'] as number,
    sealed: row['sealed'] as Uint8Array,
  }
}

export function toAudit(row: SqlRow): AuditRecord {
  return {
    seq: row['seq'] as number,
    entry: row['entry'] as string,
    mac: row['mac'] as Uint8Array,
    hash: row['hash'] as Uint8Array,
  }
}

export function toAuditCheckpoint(row: SqlRow): AuditCheckpointRecord {
  return {
    seq: row['seq'] as number,
    hash: row['hash'] as Uint8Array,
    at: row['at'] as number,
    keyVersion: row['key_version'] as number,
    signature: row['signature'] as Uint8Array,
  }
}

export function toWebhook(row: SqlRow): WebhookRecord {
  return {
    id: row['id'] as string,
    url: row['url'] as string,
    actions: JSON.parse(row['actions'] as string) as string[],
    sealed: row['sealed'] as Uint8Array,
    mac: row['mac'] as Uint8Array,
    createdAt: row['created_at'] as number,
    version: row['version'] as number,
    cursor: row['cursor'] as number,
    failures: row['failures'] as number,
    failingSince: row['failing_since'] as number | null,
    nextAttemptAt: row['next_attempt_at'] as number,
    disabledAt: row['disabled_at'] as number | null,
    disabledReason: row['disabled_reason'] as string | null,
  }
}

export function toApiKey(row: SqlRow): ApiKeyRecord {
  return {
    id: row['id'] as string,
    type: row['type'] as string,
    name: row['name'] as string,
    description: row['description'] as string | null,
    subject: row['subject'] as string,
    scopes: JSON.parse(row['scopes'] as string) as string[],
    claims: row['claims'] as string | null,
    createdBy: row['created_by'] as string | null,
    expiresAt: row['expires_at'] as number | null,
    mac: row['mac'] as Uint8Array,
    digest: row['digest'] as string,
    sealed: row['sealed'] as Uint8Array | null,
    ...toLifecycle(row),
  }
}

function toLifecycle(row: SqlRow): {
  readonly createdAt: number
  readonly updatedAt: number
  readonly revokedAt: number | null
  readonly revocationReason: string | null
  readonly lastUsedAt: number | null
} {
  return {
    createdAt: row['created_at'] as number,
    updatedAt: row['updated_at'] as number,
    revokedAt: row['revoked_at'] as number | null,
    revocationReason: row['revocation_reason'] as string | null,
    lastUsedAt: row['last_used_at'] as number | null,
  }
}
