import type {
  Algorithm,
  ApiKeyRecord,
  DataKeyRecord,
  InstanceKeyRecord,
  InstanceRecord,
  M2MTokenRecord,
  MachineRecord,
  MachineSecretRecord,
  PublicJwk,
  ScopeRecord,
  SigningKeyRecord,
} from './records.ts'

/** Epoch milliseconds. */
export interface Clock {
  now(): number
}

/** Bytes that nobody can guess. */
export interface Random {
  bytes(length: number): Uint8Array
}

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

/**
 * Every change, as data. A command is applied whole or not at all, and its outcome is known only
 * once it is durable. The store may carry neighbours in one commit.
 */
export type Command =
  | {
      readonly type: 'create-instance'
      readonly instance: InstanceRecord
      readonly dataKeys: readonly DataKeyRecord[]
      readonly signingKeys: readonly SigningKeyRecord[]
      readonly instanceKey: InstanceKeyRecord
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
    }
  | { readonly type: 'delete-machine'; readonly id: string }
  | {
      readonly type: 'rotate-machine-secret'
      readonly secret: MachineSecretRecord
      /** When every older version ends; one that ends sooner keeps its own end. */
      readonly previousExpiresAt: number
    }
  | {
      readonly type: 'create-scope'
      readonly scope: ScopeRecord
      readonly limit: number
    }
  | { readonly type: 'delete-scope'; readonly fromMachineId: string; readonly toMachineId: string }
  | {
      readonly type: 'create-m2m-token'
      readonly token: M2MTokenRecord
      readonly policyVersion: number
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
       * Forgets opaque tokens that expired before an instant, and secrets that ended before it;
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

/** The only memory of an authority. Reads see every change whose outcome has been told. */
export interface Store {
  instance(): Promise<InstanceRecord | null>
  dataKeys(): Promise<readonly DataKeyRecord[]>
  signingKeys(): Promise<readonly SigningKeyRecord[]>

  instanceKey(id: string): Promise<InstanceKeyRecord | null>
  instanceKeys(): Promise<readonly InstanceKeyRecord[]>

  machine(id: string): Promise<MachineRecord | null>
  machines(query: MachineQuery): Promise<Page<MachineRecord>>
  /** The scopes of a machine, oldest first. */
  scopes(fromMachineId: string): Promise<readonly ScopeRecord[]>
  /** The machines that each of these has scopes for, oldest scope first. */
  receivers(machineIds: readonly string[]): Promise<ReadonlyMap<string, readonly MachineRecord[]>>
  machineSecret(machineId: string, version: number): Promise<MachineSecretRecord | null>
  /** The one with the highest version. */
  currentMachineSecret(machineId: string): Promise<MachineSecretRecord | null>

  /** A token whose machine still exists. */
  m2mToken(id: string): Promise<M2MTokenRecord | null>
  /** Newest first. */
  m2mTokens(query: M2MTokenQuery): Promise<Page<M2MTokenRecord>>
  /** The live token of this machine and likeness that ends last, at `endsAfter` or later. */
  reusableM2MToken(
    machineId: string,
    likeness: string,
    endsAfter: number,
  ): Promise<M2MTokenRecord | null>

  apiKey(id: string): Promise<ApiKeyRecord | null>
  /** Newest first. */
  apiKeys(query: ApiKeyQuery): Promise<Page<ApiKeyRecord>>

  write(command: Command): Promise<Outcome>
  /** Throws when the store cannot answer. */
  ping(): Promise<void>
  close(): Promise<void>
}
