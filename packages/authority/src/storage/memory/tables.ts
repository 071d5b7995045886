import type {
  ApiKeyRecord,
  AuditCheckpointRecord,
  AuditRecord,
  DataKeyRecord,
  InstanceKeyRecord,
  InstanceRecord,
  M2MTokenRecord,
  MachineRecord,
  MachineSecretRecord,
  RevocationRecord,
  ScopeRecord,
  SigningKeySet,
  StatusListRecord,
  WebhookRecord,
} from '../../domain/records.ts'

/** What a memory store holds, by key. */
export interface Tables {
  instance: InstanceRecord | null
  readonly dataKeys: DataKeyRecord[]
  signingKeys: SigningKeySet
  readonly instanceKeys: Map<string, InstanceKeyRecord>
  readonly machines: Map<string, MachineRecord>
  readonly machineSecrets: Map<string, MachineSecretRecord>
  readonly scopes: Map<string, ScopeRecord>
  readonly m2mTokens: Map<string, M2MTokenRecord>
  readonly apiKeys: Map<string, ApiKeyRecord>
  readonly statusLists: Map<string, StatusListRecord>
  readonly revocations: Map<string, RevocationRecord>
  readonly auditLog: AuditRecord[]
  /** Oldest first. */
  readonly auditCheckpoints: AuditCheckpointRecord[]
  readonly webhooks: Map<string, WebhookRecord>
}

export function emptyTables(): Tables {
  return {
    instance: null,
    dataKeys: [],
    signingKeys: { version: 0, keys: [] },
    instanceKeys: new Map(),
    machines: new Map(),
    machineSecrets: new Map(),
    scopes: new Map(),
    m2mTokens: new Map(),
    apiKeys: new Map(),
    statusLists: new Map(),
    revocations: new Map(),
    auditLog: [],
    auditCheckpoints: [],
    webhooks: new Map(),
  }
}

export function secretKeyOf(machineId: string, version: number): string {
  return `${machineId}/${version}`
}

export function scopeKeyOf(fromMachineId: string, toMachineId: string): string {
  return `${fromMachineId}/${toMachineId}`
}

/** Every version, the newest first. */
export function machineSecretsOf(
  { machineSecrets }: Tables,
  machineId: string,
): readonly MachineSecretRecord[] {
  return [...machineSecrets.values()]
    .filter((secret) => secret.machineId === machineId)
    .sort((a, b) => b.version - a.version)
}
