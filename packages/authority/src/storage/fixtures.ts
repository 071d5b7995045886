import type { Command, Revocation } from '../domain/ports.ts'
import type {
  ApiKeyRecord,
  InstanceKeyRecord,
  JwtRecord,
  MachineRecord,
  MachineSecretRecord,
  OpaqueTokenRecord,
  ScopeRecord,
  SigningKeyRecord,
  TokenPredicate,
  WebhookRecord,
} from '../domain/records.ts'

/** Records for the contract suite: valid in every member, unlike in what a test names. */

export function anInstance(): Extract<Command, { type: 'create-instance' }> {
  return {
    type: 'create-instance',
    instance: { id: 'ins_1', environment: 'test', createdAt: 1 },
    dataKeys: [
      { purpose: 'mac', version: 1, rootKeyId: 'r', wrapped: Uint8Array.of(1), createdAt: 1 },
    ],
    signingKeys: { version: 1, keys: [aSigningKey({})] },
    instanceKey: anInstanceKey({}),
  }
}

export function aSigningKey(some: Partial<SigningKeyRecord>): SigningKeyRecord {
  return {
    kid: 'key_1',
    algorithm: 'ES256',
    publicJwk: { kty: 'EC', crv: 'P-256' },
    handle: Uint8Array.of(2),
    mac: Uint8Array.of(8),
    createdAt: 1,
    activeFrom: 1,
    retiresAt: null,
    revokedAt: null,
    revocationReason: null,
    ...some,
  }
}

export function anInstanceKey(some: Partial<InstanceKeyRecord>): InstanceKeyRecord {
  const mac = Uint8Array.of(3)
  return { id: 'isk_1', mac, sealed: null, createdAt: 1, revokedAt: null, ...some }
}

export function aMachine(some: Partial<MachineRecord>): MachineRecord {
  return {
    id: 'mch_1',
    name: 'machine',
    defaultTokenTtlSeconds: 3600,
    jwtAlgorithm: null,
    stateless: false,
    policyVersion: 1,
    createdAt: 1,
    updatedAt: 1,
    ...some,
  }
}

export function aSecret(some: Partial<MachineSecretRecord>): MachineSecretRecord {
  return {
    machineId: 'mch_1',
    version: 1,
    mac: Uint8Array.of(4),
    sealed: null,
    createdAt: 1,
    expiresAt: null,
    lastUsedAt: null,
    useCount: 0,
    callers: [],
    ...some,
  }
}

export function aScope(fromMachineId: string, toMachineId: string): ScopeRecord {
  return { fromMachineId, toMachineId, createdAt: 1, mac: Uint8Array.of(9) }
}

const ALIVE = {
  createdAt: 1,
  updatedAt: 1,
  revokedAt: null,
  revocationReason: null,
  lastUsedAt: null,
}

const A_TOKEN = {
  id: 'mt_1',
  machineId: 'mch_1',
  secretVersion: 1,
  scopes: ['mch_2'],
  claims: null,
  expiresAt: 1000,
  ...ALIVE,
}

export function aJwt(some: Partial<JwtRecord>): JwtRecord {
  return {
    ...A_TOKEN,
    format: 'jwt',
    kid: 'key_1',
    statusListId: 'list_1',
    statusIndex: 0,
    ...some,
  }
}

export function aToken(some: Partial<OpaqueTokenRecord>): OpaqueTokenRecord {
  return {
    ...A_TOKEN,
    format: 'opaque',
    mac: Uint8Array.of(5),
    sealed: Uint8Array.of(6),
    likeness: 'likeness',
    ...some,
  }
}

export function anApiKey(some: Partial<ApiKeyRecord>): ApiKeyRecord {
  return {
    id: 'ak_1',
    type: 'api_key',
    name: 'name',
    description: null,
    subject: 'user_1',
    scopes: [],
    claims: null,
    createdBy: null,
    expiresAt: null,
    mac: Uint8Array.of(7),
    digest: 'digest',
    sealed: null,
    ...ALIVE,
    ...some,
  }
}

export function aWebhook(some: Partial<WebhookRecord>): WebhookRecord {
  return {
    id: 'whk_1',
    url: 'https://example.com/hook',
    actions: ['machine.created'],
    sealed: Uint8Array.of(1),
    mac: Uint8Array.of(2),
    createdAt: 1,
    version: 1,
    cursor: 3,
    failures: 0,
    failingSince: null,
    nextAttemptAt: 0,
    disabledAt: null,
    disabledReason: null,
    ...some,
  }
}

let revocations = 0

export function aRevocation(predicate: TokenPredicate): Revocation {
  revocations++
  return { id: `rev_${revocations}`, at: 2, predicate, reason: 'why' }
}
