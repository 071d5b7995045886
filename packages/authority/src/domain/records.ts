/**
 * What the store keeps. Times are epoch milliseconds. No record holds anything that can be presented
 * as a credential, and none that grants a right is believed without its `mac`, which only the holder
 * of the data keys can make; `sealed` opens only with them (docs/design/0002-credentials.md).
 */

/** The signature algorithms an authority can sign with (RFC 7518 §3.1, RFC 8037 §3.1). */
export type Algorithm = 'RS256' | 'ES256' | 'EdDSA'

/** The algorithms an instance has keys for, in the order of its key set. */
export const ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA']

/** Which of `sk_test_` and `sk_live_` its instance keys carry. */
export type Environment = 'test' | 'live'

/** The one tenant of an authority. */
export interface InstanceRecord {
  readonly id: string
  readonly environment: Environment
  readonly createdAt: number
}

/** What a data key is for; a key of one purpose is never used for another. */
export type DataKeyPurpose = 'mac' | 'seal' | 'signing' | 'audit'

/** A random key, wrapped by a root key. */
export interface DataKeyRecord {
  readonly purpose: DataKeyPurpose
  readonly version: number
  readonly rootKeyId: string
  readonly wrapped: Uint8Array
  readonly createdAt: number
}

/** A public key as it is published (RFC 7517). */
export type PublicJwk = Readonly<Record<string, string>>

/** A signing key. What becomes of it when is in `domain/key-plan.ts`. */
export interface SigningKeyRecord {
  readonly kid: string
  readonly algorithm: Algorithm
  readonly publicJwk: PublicJwk
  /** Means something to the key vault only; empty once the key is revoked. */
  readonly handle: Uint8Array
  /** Proves that the authority itself wrote this key, with these times, into this version of the set. */
  readonly mac: Uint8Array
  readonly createdAt: number
  readonly activeFrom: number | null
  readonly retiresAt: number | null
  readonly revokedAt: number | null
  readonly revocationReason: string | null
}

/** All signing keys. The version grows by one with every change, which rewrites all of them. */
export interface SigningKeySet {
  readonly version: number
  readonly keys: readonly SigningKeyRecord[]
}

/** A key that administers the instance (`sk_…`). */
export interface InstanceKeyRecord {
  readonly id: string
  readonly mac: Uint8Array
  readonly sealed: Uint8Array | null
  readonly createdAt: number
  readonly revokedAt: number | null
}

/** A machine: a service, a job, an agent. */
export interface MachineRecord {
  readonly id: string
  readonly name: string
  readonly defaultTokenTtlSeconds: number
  /** `null`: the instance's algorithm. */
  readonly jwtAlgorithm: Algorithm | null
  /** Whether its JWTs carry no status: nothing is kept of them, and none can be revoked. */
  readonly stateless: boolean
  /** Grows with every change of its scopes, so that a token is issued on the scopes of its commit. */
  readonly policyVersion: number
  readonly createdAt: number
  readonly updatedAt: number
}

/** One version of a machine's secret key (`ak_…`). */
export interface MachineSecretRecord extends SecretUseRecord {
  readonly machineId: string
  readonly version: number
  readonly mac: Uint8Array
  readonly sealed: Uint8Array | null
  readonly createdAt: number
  /** When it stops working; `null` for the current one. */
  readonly expiresAt: number | null
}

/** How a secret was used, some seconds behind. */
export interface SecretUseRecord {
  readonly lastUsedAt: number | null
  readonly useCount: number
  /** Newest first, and only the last few. */
  readonly callers: readonly SecretCaller[]
}

export interface SecretCaller {
  readonly address: string
  readonly lastUsedAt: number
}

/** Further uses of one version of a machine's secret. */
export interface SecretUse {
  readonly machineId: string
  readonly version: number
  readonly count: number
  readonly lastUsedAt: number
  readonly callers: readonly SecretCaller[]
}

/** A one-way edge: `from` may make tokens that `to` accepts. */
export interface ScopeRecord {
  readonly fromMachineId: string
  readonly toMachineId: string
  readonly createdAt: number
  /** Proves that the authority itself granted it. */
  readonly mac: Uint8Array
}

/** What becomes of a token or an API key. */
interface Lifecycle {
  readonly createdAt: number
  readonly updatedAt: number
  readonly revokedAt: number | null
  readonly revocationReason: string | null
  readonly lastUsedAt: number | null
}

/** What is kept of every machine token. */
interface TokenRecord extends Lifecycle {
  readonly id: string
  readonly machineId: string
  /** The version of the secret that it was asked for with; `null` when that was not recorded. */
  readonly secretVersion: number | null
  /** The machines it may reach, frozen at creation. */
  readonly scopes: readonly string[]
  /** JSON text; `null` for none. */
  readonly claims: string | null
  readonly expiresAt: number
}

/** An opaque machine token (`mt_…`). */
export interface OpaqueTokenRecord extends TokenRecord {
  readonly format: 'opaque'
  /** Binds its rights, the claims as the very text that is kept. */
  readonly mac: Uint8Array
  readonly sealed: Uint8Array | null
  /** Equal for tokens with equal claims and scopes, whatever the order of members. */
  readonly likeness: string
}

/** A machine JWT that can be revoked. What it grants it says itself; this only says what became of it. */
export interface JwtRecord extends TokenRecord {
  readonly format: 'jwt'
  /** The key that signed it. */
  readonly kid: string
  readonly statusListId: string
  readonly statusIndex: number
}

export type M2MTokenRecord = OpaqueTokenRecord | JwtRecord

/** A list of statuses, published whole (draft-ietf-oauth-status-list). Which are set, the tokens say. */
export interface StatusListRecord {
  readonly id: string
  /** That of the tokens in it, and of the list itself: who takes the one can check the other. */
  readonly algorithm: Algorithm
  /** How many tokens it has room for. */
  readonly size: number
  readonly openedAt: number
  /** When its last token will have expired. */
  readonly endsAt: number
  /** Grows with every change. */
  readonly version: number
}

/** Which tokens an incident ends; what is `null` or absent does not narrow. */
export interface TokenPredicate {
  readonly machineId?: string | undefined
  readonly secretVersion?: number | undefined
  /** Epoch milliseconds. */
  readonly issuedBefore?: number | undefined
  readonly kid?: string | undefined
  /** A machine that they may call. */
  readonly receiverId?: string | undefined
}

/** That many tokens were revoked at once. */
export interface RevocationRecord {
  readonly id: string
  readonly at: number
  readonly predicate: TokenPredicate
  readonly reason: string | null
  readonly count: number
}

/** One line of the audit log. */
export interface AuditRecord {
  /** From 1, without a gap. */
  readonly seq: number
  /** JSON text, exactly as bound by `mac`. */
  readonly entry: string
  readonly mac: Uint8Array
  /** SHA-256 of the hash before it, of `seq`, `mac` and `entry` (`domain/audit-chain.ts`). */
  readonly hash: Uint8Array
}

/** What the audit log was at an instant, signed: whoever has kept it can tell what became of the log since. */
export interface AuditCheckpointRecord {
  /** The last entry it covers. */
  readonly seq: number
  /** The hash of that entry, and through it of all before. */
  readonly hash: Uint8Array
  readonly at: number
  /** The version of the audit key. */
  readonly keyVersion: number
  /** Ed25519, of what `domain/audit-key.ts` says. */
  readonly signature: Uint8Array
}

/** Where audit events are delivered to, and how far that has come. */
export interface WebhookRecord {
  readonly id: string
  readonly url: string
  /** Empty for all. */
  readonly actions: readonly string[]
  /** The secret that deliveries are signed with. */
  readonly sealed: Uint8Array
  /** Proves that the authority itself wrote where to deliver what. */
  readonly mac: Uint8Array
  readonly createdAt: number
  /** Grows with every change of what follows. */
  readonly version: number
  /** The last entry of the audit log that was delivered or passed over. */
  readonly cursor: number
  /** In a row, and since when. */
  readonly failures: number
  readonly failingSince: number | null
  /** Not before. */
  readonly nextAttemptAt: number
  readonly disabledAt: number | null
  readonly disabledReason: string | null
}

/** An API key (`ak_…`), held by a user, an organization or a machine. */
export interface ApiKeyRecord extends Lifecycle {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly description: string | null
  readonly subject: string
  readonly scopes: readonly string[]
  readonly claims: string | null
  readonly createdBy: string | null
  readonly expiresAt: number | null
  readonly mac: Uint8Array
  /** What `mac` covers of the secret, kept so that a change of rights can be bound anew. */
  readonly digest: string
  readonly sealed: Uint8Array | null
}
