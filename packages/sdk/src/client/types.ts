import type { JwtAlgorithm } from '../token/algorithms.ts'
import type { JsonObject } from '../token/json.ts'

/**
 * What calls take and give: the names and types of `@clerk/backend`, so that migrating is changing an
 * import; so also arrays in answers are not `readonly`. Times are epoch milliseconds.
 */

/** A page of a list, and how many there are in all. */
export interface PaginatedList<Item> {
  readonly data: Item[]
  readonly totalCount: number
}

export interface PageParams {
  readonly limit?: number
  readonly offset?: number
}

export interface Machine {
  readonly id: string
  readonly name: string
  readonly instanceId: string
  readonly createdAt: number
  readonly updatedAt: number
  /** The machines that it may call; empty on the machines in this list themselves. */
  readonly scopedMachines: Machine[]
  /** Seconds. */
  readonly defaultTokenTtl: number
  /** `null`: the instance's. */
  readonly jwtAlgorithm: string | null
  /** Beyond Clerk: whether its JWTs have no status. */
  readonly stateless: boolean
  /** In the answer to its creator only. */
  readonly secretKey?: string | undefined
}

export interface MachineScope {
  readonly fromMachineId: string
  readonly toMachineId: string
  readonly createdAt?: number | undefined
  readonly deleted?: boolean | undefined
}

export interface MachineSecretKey {
  readonly secret: string
}

export interface DeletedObject {
  readonly object: string
  readonly id: string | null
  readonly slug: string | null
  readonly deleted: boolean
}

export interface ApiKey {
  readonly id: string
  readonly type: string
  readonly name: string
  readonly subject: string
  readonly scopes: string[]
  readonly claims: Readonly<Record<string, unknown>> | null
  readonly revoked: boolean
  readonly revocationReason: string | null
  readonly expired: boolean
  readonly expiration: number | null
  readonly createdBy: string | null
  readonly description: string | null
  readonly lastUsedAt: number | null
  readonly createdAt: number
  readonly updatedAt: number
  /** In the answer to its creator only. */
  readonly secret?: string | undefined
}

/** A JWK Set (RFC 7517 §5). */
export interface JwkSet {
  readonly keys: readonly JsonObject[]
}

/** A key that signs JWTs, as its keepers see it. Beyond Clerk. */
export interface SigningKey {
  readonly kid: string
  readonly algorithm: string
  /**
   * `next`: published, signs nothing yet. `active`: signs. `retired`: published for the tokens that it
   * signed. `revoked`: published no more.
   */
  readonly state: string
  readonly createdAt: number
  /** When it signs from; `null`: not settled yet. */
  readonly activeFrom: number | null
  /** When its successor takes over; `null`: not settled yet. */
  readonly retiresAt: number | null
  /** When it leaves the key set; `null`: not settled yet. */
  readonly publishedUntil: number | null
  readonly revokedAt: number | null
  readonly revocationReason: string | null
}

export interface RotateSigningKeysParams {
  /** Default: the keys of every algorithm. */
  readonly algorithm?: JwtAlgorithm
}

export interface RevokeSigningKeyParams {
  readonly kid: string
  readonly revocationReason?: string | null
}

export interface SigningKeyRevocation {
  readonly revoked: SigningKey
  /** The key that signs now with the same algorithm. */
  readonly signer: SigningKey
  /** Seconds after which every verifier that looks again as it is told knows of it. */
  readonly keySetMaxAge: number
}

export interface CreateMachineParams {
  /** 1 to 255 characters. */
  readonly name: string
  /** The machines that it may call; at most 150. */
  readonly scopedMachines?: readonly string[]
  /** Seconds. Default 3600. */
  readonly defaultTokenTtl?: number
  /** Beyond Clerk. `null` or absent: the instance's. */
  readonly jwtAlgorithm?: JwtAlgorithm | null
  /** Beyond Clerk: its JWTs have no status, and cannot be revoked. Default `false`. */
  readonly stateless?: boolean
}

export interface UpdateMachineParams {
  readonly machineId: string
  readonly name?: string
  readonly defaultTokenTtl?: number
  readonly jwtAlgorithm?: JwtAlgorithm | null
  readonly stateless?: boolean
}

export interface DeleteScopeOptions {
  /** Beyond Clerk: revokes the live tokens that were made by the scope. Default `false`. */
  readonly applyToLiveTokens?: boolean
}

export interface GetMachineListParams extends PageParams {
  /** Default `-created_at`. */
  readonly orderBy?: 'name' | '+name' | '-name' | 'created_at' | '+created_at' | '-created_at'
  /** An exact id or a part of a name. */
  readonly query?: string
}

export interface RotateMachineSecretKeyParams {
  readonly machineId: string
  /** Seconds that the previous secret still works; 0 to 28,800. */
  readonly previousTokenTtl: number
}

/** One version of a machine's secret key, and how it is used; some seconds behind. Times are epoch milliseconds. */
export interface MachineSecretVersion {
  readonly machineId: string
  readonly version: number
  /** Whether it works now. */
  readonly live: boolean
  readonly createdAt: number
  /** When it ends or ended; `null` for the newest. */
  readonly expiresAt: number | null
  readonly lastUsedAt: number | null
  readonly useCount: number
  /** The last addresses that it was used from, newest first. */
  readonly callers: readonly MachineSecretCaller[]
}

export interface MachineSecretCaller {
  readonly address: string
  readonly lastUsedAt: number
}

export interface FinishSecretKeyRotationParams {
  readonly machineId: string
  /** An older key is in use while its last use is younger, in seconds. Default 600. */
  readonly quietSeconds?: number | undefined
  /** Whether older keys end even if they are in use. Default `false`. */
  readonly force?: boolean | undefined
}

/** The key of another machine, for this call. */
export interface WithMachineSecretKey {
  readonly machineSecretKey?: string | undefined
}

export interface CreateM2MTokenParams extends WithMachineSecretKey {
  /** `null` or absent: the machine's default. */
  readonly secondsUntilExpiration?: number | null
  readonly claims?: Readonly<Record<string, unknown>> | null
  /** An opaque token with at least this much left is handed out again, where there is one. */
  readonly minRemainingTtlSeconds?: number
  /** Default `opaque`. */
  readonly tokenFormat?: 'opaque' | 'jwt'
  /** Beyond Clerk: narrows the receivers of this token to these machines. */
  readonly scopes?: readonly string[]
}

export interface GetM2MTokenListParams extends PageParams, WithMachineSecretKey {
  /** The machine. */
  readonly subject: string
  /** Beyond Clerk. Default `opaque`. */
  readonly tokenFormat?: 'opaque' | 'jwt' | 'all'
  readonly revoked?: boolean
  readonly expired?: boolean
}

export interface RevokeM2MTokenParams extends WithMachineSecretKey {
  readonly m2mTokenId: string
  readonly revocationReason?: string | null
}

/** Which tokens to revoke: those that fit all that is given. At least one besides `secretVersion`. */
export interface RevokeM2MTokensParams extends WithMachineSecretKey {
  readonly machineId?: string | undefined
  /** Made with this version of the machine's secret. */
  readonly secretVersion?: number | undefined
  /** Epoch milliseconds. */
  readonly issuedBefore?: number | undefined
  /** Signed by this key. */
  readonly kid?: string | undefined
  /** A machine that accepts them. */
  readonly receiverId?: string | undefined
  /** Says that all tokens of the instance are meant. */
  readonly entireInstance?: boolean | undefined
  /** Only count. */
  readonly dryRun?: boolean | undefined
  readonly revocationReason?: string | null | undefined
}

export interface M2MRevocation {
  /** `null` for a dry run. */
  readonly id: string | null
  readonly dryRun: boolean
  /** How many live tokens ended, or would. */
  readonly count: number
}

export interface GetAuditLogParams {
  /** `asc`: oldest first, and the default. */
  readonly order?: 'asc' | 'desc'
  /** Only with `asc`: those after this entry. */
  readonly after?: number | undefined
  /** Only with `desc`: those before this entry. */
  readonly before?: number | undefined
  /** Up to 500. */
  readonly limit?: number
  /** Such as `machine.deleted`. */
  readonly action?: string | undefined
  /** The id of what it was done to. */
  readonly target?: string | undefined
  /** The id of a machine or an instance key; `operator`, `authority`, `stranger`; `agent:` and a name. */
  readonly actor?: string | undefined
  /** Epoch milliseconds. */
  readonly since?: number | undefined
  readonly until?: number | undefined
  /** Also what the chain is computed of: `entry` and `mac`. */
  readonly exact?: boolean
}

/** Who did what is in the audit log. */
export interface AuditActor {
  readonly kind: string
  readonly machineId: string | null
  readonly secretVersion: number | null
  readonly instanceKeyId: string | null
  /** The agent that acted with the key, as it calls itself: not proved, and it decides nothing. */
  readonly claimedAgent: string | null
}

/** A call that an agent is about to make. */
export interface RecordAgentCallParams extends WithMachineSecretKey {
  /** 1 to 64 of a-z, 0-9 and underscores. */
  readonly tool: string
  /** The id of what it is about. */
  readonly target?: string | undefined
  /** At most 255 characters; no secret. */
  readonly reason?: string | undefined
}

/** One line of the audit log. What it says is null where it was altered so that it cannot be read. */
export interface AuditEntry {
  readonly seq: number
  /** Epoch milliseconds. */
  readonly at: number | null
  readonly action: string | null
  readonly by: AuditActor | null
  /** The address that the request came from. */
  readonly from: string | null
  readonly target: string | null
  readonly reason: string | null
  readonly details: Readonly<Record<string, unknown>>
  /** Base64url, as `mac`. */
  readonly hash: string
  readonly mac: string | undefined
  readonly entry: string | undefined
}

export interface AuditEntryList {
  readonly data: AuditEntry[]
  /** The `after` or `before` that goes on from here; null at the end. */
  readonly next: number | null
}

export interface GetAuditCheckpointListParams {
  readonly after?: number
  /** Up to 500. */
  readonly limit?: number
}

/** What the audit log was at an instant, signed. */
export interface AuditCheckpoint {
  readonly seq: number
  /** Base64url, as `signature`. */
  readonly hash: string
  readonly at: number
  readonly keyVersion: number
  readonly signature: string
}

export interface AuditCheckpointList {
  readonly instanceId: string
  /** Ed25519 keys, base64url. */
  readonly keys: { readonly version: number; readonly publicKey: string }[]
  readonly data: AuditCheckpoint[]
  readonly next: number | null
}

export interface CreateWebhookParams {
  /** `https`, or `http` on a loopback host. */
  readonly url: string
  /** Such as `machine.deleted`; absent or empty for all. */
  readonly actions?: readonly string[]
}

export interface ReplayWebhookParams {
  readonly webhookId: string
  /** The `seq` of the first entry. */
  readonly from: number
}

/** Where audit events are delivered to. */
export interface Webhook {
  readonly id: string
  readonly url: string
  readonly actions: readonly string[]
  readonly createdAt: number
  /** The last entry of the audit log that was delivered or passed over. */
  readonly deliveredThrough: number
  /** In a row. */
  readonly failures: number
  readonly disabledAt: number | null
  readonly disabledReason: string | null
  /** `whsec_…`; only in the answer to its creation. */
  readonly secret: string | undefined
}

export interface VerifyM2MTokenParams extends WithMachineSecretKey {
  readonly token: string
}

export interface CreateApiKeyParams {
  /** 3 to 255 characters. */
  readonly name: string
  /** The user, organization or machine that it belongs to. */
  readonly subject: string
  readonly description?: string | null
  readonly claims?: Readonly<Record<string, unknown>> | null
  readonly scopes?: readonly string[]
  readonly createdBy?: string | null
  /** `null` or absent: it does not expire. */
  readonly secondsUntilExpiration?: number | null
}

export interface UpdateApiKeyParams {
  readonly apiKeyId: string
  readonly subject?: string
  readonly description?: string | null
  readonly claims?: Readonly<Record<string, unknown>> | null
  readonly scopes?: readonly string[]
  readonly secondsUntilExpiration?: number | null
}

export interface GetApiKeyListParams extends PageParams {
  readonly subject: string
  readonly includeInvalid?: boolean
  /** Part of a name. */
  readonly query?: string
}

export interface RevokeApiKeyParams {
  readonly apiKeyId: string
  readonly revocationReason?: string | null
}

/** An access token of an OAuth application. */
export interface IdPOAuthAccessToken {
  readonly id: string
  readonly clientId: string
  /** The user who granted it. */
  readonly subject: string
  readonly scopes: string[]
  readonly revoked: boolean
  readonly revocationReason: string | null
  readonly expired: boolean
  readonly expiration: number | null
  readonly createdAt: number
  readonly updatedAt: number
}
