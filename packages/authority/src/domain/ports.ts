import type {
  Algorithm,
  ApiKeyRecord,
  AuditCheckpointRecord,
  AuditRecord,
  DataKeyRecord,
  InstanceKeyRecord,
  InstanceRecord,
  M2MTokenRecord,
  MachineRecord,
  MachineSecretRecord,
  OpaqueTokenRecord,
  PublicJwk,
  RevocationRecord,
  ScopeRecord,
  SecretUse,
  SigningKeySet,
  StatusListRecord,
  TokenPredicate,
  WebhookRecord,
} from './records.ts'

/** Epoch milliseconds. */
export interface Clock {
  now(): number
}

/** Bytes that nobody can guess. */
export interface Random {
  bytes(length: number): Uint8Array
}

/** ZLIB (RFC 1950) with DEFLATE, as small as it gets, beside everything else. */
export type Deflate = (bytes: Uint8Array) => Promise<Uint8Array>

/** Fields of a log line: ids, codes, counts and times; never a secret, a token or a claim. */
export type LogFields = Readonly<Record<string, string | number | boolean | null>>

/** Where events go. */
export interface Log {
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  /** `error` is for the operator: its stack may be logged, its public message never relied on. */
  error(event: string, fields?: LogFields, error?: unknown): void
}

/** A signing key as its vault knows it. */
export interface VaultKey {
  readonly kid: string
  readonly algorithm: Algorithm
  readonly handle: Uint8Array
}

/** Where private keys live. A private key never leaves it. */
export interface KeyVault {
  /** Makes a key pair; `handle` is all the store keeps of the private half. */
  create(
    kid: string,
    algorithm: Algorithm,
  ): Promise<{ readonly publicJwk: PublicJwk; readonly handle: Uint8Array }>
  /**
   * Makes sure, without leaving the machine, that a key is this vault's own, so that an authority
   * with the wrong vault does not start. Throws as `sign` does.
   */
  open(key: VaultKey): Promise<void>
  /**
   * Signs as JWS wants it (RFC 7518 §3: for ES256, r and s in 64 bytes). Throws when the handle was
   * not made for this kid and algorithm: it comes from the database, and others may write there.
   */
  sign(key: VaultKey, data: Uint8Array): Promise<Uint8Array>
}

/** Calls an endpoint of somebody else's: bounded in time, and only where it may go. */
export type PostWebhook = (request: {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly signal: AbortSignal
}) => Promise<PostResult>

/** The status of the answer, or why there is none: a word for the log. */
export type PostResult = { readonly status: number } | { readonly failure: string }

/** How far a list is counted: to count on would take time in which nobody else is served. */
export const MAX_COUNTED = 10_000

/** A page of a list, and how many rows there are in all, up to {@link MAX_COUNTED}. */
export interface Page<Row> {
  readonly rows: readonly Row[]
  readonly totalCount: number
}

/** Which page. */
export interface PageQuery {
  readonly limit: number
  readonly offset: number
}

export interface MachineQuery extends PageQuery {
  /** Exact id or part of a name, in any case; empty for all. */
  readonly text: string
  readonly orderBy: 'name' | 'created_at'
  readonly descending: boolean
}

export interface M2MTokenQuery extends PageQuery {
  readonly machineId: string
  readonly format: 'opaque' | 'jwt' | 'all'
  readonly includeRevoked: boolean
  readonly includeExpired: boolean
  readonly now: number
}

export interface ApiKeyQuery extends PageQuery {
  readonly subject: string
  readonly type: string
  readonly includeInvalid: boolean
  /** Part of a name, in any case, or an exact id; empty for all. */
  readonly text: string
  readonly now: number
}

/** Where sealed values are kept. */
export type SealedTable =
  'instance_keys' | 'machine_secrets' | 'm2m_tokens' | 'api_keys' | 'webhooks' | 'signing_keys'

/** A sealed value and its row. */
export interface SealedValue {
  readonly id: string
  /** Of a machine's secret; 0 elsewhere. */
  readonly version: number
  readonly sealed: Uint8Array
}

export interface ResealedValue extends SealedValue {
  readonly resealed: Uint8Array
}

/** A revocation of many tokens at once, before it is known how many. */
export type Revocation = Omit<RevocationRecord, 'count'>

/**
 * Every change, as data. A command is applied whole or not at all, and its outcome is known only
 * once it is durable. The store may carry neighbours in one commit.
 */
export type Command =
  | {
      readonly type: 'create-instance'
      readonly instance: InstanceRecord
      readonly dataKeys: readonly DataKeyRecord[]
      readonly signingKeys: SigningKeySet
      readonly instanceKey: InstanceKeyRecord
    }
  | {
      /** Replaces all signing keys; `stale` unless `version` follows on the one that is stored. */
      readonly type: 'replace-signing-keys'
      readonly set: SigningKeySet
    }
  | {
      /** The same, and ends what the key has signed. */
      readonly type: 'revoke-signing-key'
      readonly set: SigningKeySet
      /** Of what it has signed. */
      readonly revocation: Revocation
    }
  | {
      /** For a purpose that an older release had no key for. */
      readonly type: 'create-data-key'
      readonly dataKey: DataKeyRecord
    }
  | { readonly type: 'create-instance-key'; readonly instanceKey: InstanceKeyRecord }
  | { readonly type: 'revoke-instance-key'; readonly id: string; readonly at: number }
  | {
      readonly type: 'create-machine'
      readonly machine: MachineRecord
      readonly secret: MachineSecretRecord
      readonly scopes: readonly ScopeRecord[]
    }
  | {
      readonly type: 'update-machine'
      readonly id: string
      readonly at: number
      readonly name?: string | undefined
      readonly defaultTokenTtlSeconds?: number | undefined
      readonly jwtAlgorithm?: Algorithm | null | undefined
      readonly stateless?: boolean | undefined
    }
  | {
      /** Revokes its tokens, too. */
      readonly type: 'delete-machine'
      readonly id: string
      readonly revocation: Revocation
    }
  | {
      readonly type: 'rotate-machine-secret'
      readonly secret: MachineSecretRecord
      /** When every older version ends; one that ends sooner keeps its own end. */
      readonly previousExpiresAt: number
    }
  | {
      /** They stop working at once; `missing` when there is none of them. */
      readonly type: 'end-machine-secrets'
      readonly machineId: string
      readonly versions: readonly number[]
    }
  | {
      /** Of secrets that are gone, nothing. */
      readonly type: 'record-secret-uses'
      readonly uses: readonly SecretUse[]
    }
  | {
      readonly type: 'create-scope'
      readonly scope: ScopeRecord
      readonly limit: number
    }
  | {
      readonly type: 'delete-scope'
      readonly fromMachineId: string
      readonly toMachineId: string
      /** Of the live tokens that were made by it; `null` lets them live. */
      readonly revocation: Revocation | null
    }
  | {
      /** New data keys, and the old ones wrapped anew. `stale` when they are not those of before any more. */
      readonly type: 'replace-data-keys'
      readonly before: readonly DataKeyRecord[]
      readonly after: readonly DataKeyRecord[]
    }
  | {
      /** Each is replaced if it is still the same. */
      readonly type: 'reseal'
      readonly table: SealedTable
      readonly values: readonly ResealedValue[]
    }
  | {
      /** `stale` while something is sealed with one of them. */
      readonly type: 'forget-data-keys'
      readonly purpose: 'seal' | 'signing'
      /** The versions below this one. */
      readonly below: number
      readonly tables: readonly SealedTable[]
    }
  | {
      readonly type: 'create-m2m-token'
      readonly token: M2MTokenRecord
      readonly policyVersion: number
    }
  | { readonly type: 'open-status-list'; readonly list: StatusListRecord }
  | {
      /**
       * Revokes every live token that the predicate fits; tokens that are being made at the same time
       * are decided anew. How many there were is in the record.
       */
      readonly type: 'revoke-m2m-tokens'
      readonly revocation: Revocation
    }
  | {
      /** `stale` when a token of which nothing is kept was decided on before its machine changed, or its key ended. */
      readonly type: 'check-policy'
      readonly machineId: string
      readonly policyVersion: number
      readonly kid: string
    }
  | {
      /** Something happened that changes nothing else: for the audit log. */
      readonly type: 'record-event'
    }
  | {
      /** `exists` when another process has made one there; `stale` when the log is not as it says. */
      readonly type: 'create-audit-checkpoint'
      readonly checkpoint: AuditCheckpointRecord
    }
  | {
      readonly type: 'create-webhook'
      readonly webhook: WebhookRecord
      readonly limit: number
    }
  | {
      /** Keeps what became of a webhook, if it is still of the version before. */
      readonly type: 'update-webhook'
      readonly webhook: WebhookRecord
    }
  | { readonly type: 'delete-webhook'; readonly id: string }
  | {
      /**
       * Forgets the audit log up to a checkpoint, which stays, with what follows. `missing` without that
       * checkpoint; `stale` when the log begins after it already.
       */
      readonly type: 'prune-audit-log'
      readonly through: number
    }
  | {
      readonly type: 'revoke-m2m-token'
      readonly id: string
      readonly at: number
      readonly reason: string | null
    }
  | { readonly type: 'create-api-key'; readonly apiKey: ApiKeyRecord }
  | {
      /** Replaces the record if it is still the one that `updatedAt` and `mac` of `before` say. */
      readonly type: 'replace-api-key'
      readonly before: ApiKeyRecord
      readonly after: ApiKeyRecord
    }
  | { readonly type: 'delete-api-key'; readonly id: string }
  | {
      readonly type: 'revoke-api-key'
      readonly id: string
      readonly at: number
      readonly reason: string | null
    }
  | {
      readonly type: 'record-use'
      readonly m2mTokens: ReadonlyMap<string, number>
      readonly apiKeys: ReadonlyMap<string, number>
    }
  | {
      /**
       * Forgets tokens that expired before an instant, and secrets and status lists that ended before it;
       * `full` when there may be more.
       */
      readonly type: 'prune'
      readonly before: number
      readonly limit: number
    }

/**
 * `done`; `missing`: what the command names is not there; `exists`: it is there already; `stale`:
 * what it was decided on has changed since, so decide again; `full`: a stated limit is reached.
 */
export type Outcome = 'done' | 'missing' | 'exists' | 'stale' | 'full'

/** A line for the audit log; its place in the chain it gets in the transaction. */
export interface AuditEntry {
  /** JSON text. */
  readonly text: string
  readonly mac: Uint8Array
}

/** The only memory of an authority. Reads see every change whose outcome has been told. */
export interface Store {
  instance(): Promise<InstanceRecord | null>
  dataKeys(): Promise<readonly DataKeyRecord[]>
  signingKeys(): Promise<SigningKeySet>
  /** Its version alone: cheap enough for every second. */
  signingKeysVersion(): Promise<number>
  /** The rows after this id, in order; every version of the secrets of the last machine. */
  sealedValues(table: SealedTable, after: string, limit: number): Promise<readonly SealedValue[]>

  instanceKey(id: string): Promise<InstanceKeyRecord | null>
  instanceKeys(): Promise<readonly InstanceKeyRecord[]>

  machine(id: string): Promise<MachineRecord | null>
  machines(query: MachineQuery): Promise<Page<MachineRecord>>
  /** The scopes of a machine, oldest first. */
  scopes(fromMachineId: string): Promise<readonly ScopeRecord[]>
  /** The machines that each of these has scopes for, oldest scope first. */
  receivers(machineIds: readonly string[]): Promise<ReadonlyMap<string, readonly MachineRecord[]>>
  machineSecret(machineId: string, version: number): Promise<MachineSecretRecord | null>
  /** Every version that is kept, the newest first. */
  machineSecrets(machineId: string): Promise<readonly MachineSecretRecord[]>
  /** The one with the highest version. */
  currentMachineSecret(machineId: string): Promise<MachineSecretRecord | null>

  /** A token whose machine still exists. */
  m2mToken(id: string): Promise<M2MTokenRecord | null>
  /** Newest first. */
  m2mTokens(query: M2MTokenQuery): Promise<Page<M2MTokenRecord>>
  /** How many live tokens the predicate fits. */
  countM2MTokens(predicate: TokenPredicate, now: number): Promise<number>
  /** The live token of this machine and likeness that ends last, at `endsAfter` or later. */
  reusableM2MToken(
    machineId: string,
    likeness: string,
    endsAfter: number,
  ): Promise<OpaqueTokenRecord | null>

  apiKey(id: string): Promise<ApiKeyRecord | null>
  /** Newest first. */
  apiKeys(query: ApiKeyQuery): Promise<Page<ApiKeyRecord>>

  /** Oldest first. */
  statusLists(): Promise<readonly StatusListRecord[]>
  statusList(id: string): Promise<StatusListRecord | null>
  /** The places in a list whose tokens are revoked. */
  revokedIndexes(statusListId: string): Promise<readonly number[]>
  revocation(id: string): Promise<RevocationRecord | null>

  /** From `after` on, oldest first. */
  auditLog(after: number, limit: number): Promise<readonly AuditRecord[]>
  /** Those before `before`, newest first. */
  auditLogBefore(before: number, limit: number): Promise<readonly AuditRecord[]>
  /** From `after` on, oldest first. */
  auditCheckpoints(after: number, limit: number): Promise<readonly AuditCheckpointRecord[]>
  newestAuditCheckpoint(): Promise<AuditCheckpointRecord | null>

  /** Oldest first. */
  webhooks(): Promise<readonly WebhookRecord[]>
  webhook(id: string): Promise<WebhookRecord | null>

  /** What is `done` goes into the audit log together with its entry. */
  write(command: Command, entry?: AuditEntry): Promise<Outcome>
  /** Throws when the store cannot answer. */
  ping(): Promise<void>
  close(): Promise<void>
}
