import { createApiKeys } from './domain/api-keys.ts'
import { AUTHORITY } from './domain/actors.ts'
import { createAgentCalls } from './domain/agent-calls.ts'
import { createAudit, isOwnEntry } from './domain/audit.ts'
import { createAuditCheckpoints } from './domain/audit-checkpoints.ts'
import { createAuditKeys, type AuditKeys } from './domain/audit-key.ts'
import { createAuditTrail } from './domain/audit-trail.ts'
import { createAuthenticate } from './domain/callers.ts'
import { createSecretShelf, type Context } from './domain/context.ts'
import { createCredentials, type Credentials } from './domain/credentials.ts'
import { createDataKeys, type DataKeys, openDataKeys } from './domain/data-keys.ts'
import { createIdSource, type IdSource } from './domain/id-source.ts'
import { foundInstance } from './domain/instance.ts'
import { createInstanceKeys, type InstanceKeys } from './domain/instance-keys.ts'
import { createCompactSigner, createJwtSigner } from './domain/jwt.ts'
import { createLeakedCredentials, type LeakedSecretPolicy } from './domain/leaked-credentials.ts'
import { createM2MTokens } from './domain/m2m-tokens.ts'
import { createMachineSecrets } from './domain/machine-secrets.ts'
import { createMachines } from './domain/machines.ts'
import type { KeyPolicy } from './domain/key-plan.ts'
import { openKeyRing } from './domain/key-ring.ts'
import type { Clock, KeyVault, Log, Random, Store } from './domain/ports.ts'
import {
  type Algorithm,
  ALGORITHMS,
  type AuditRecord,
  type DataKeyRecord,
  type Environment,
} from './domain/records.ts'
import { createRefusedCallers } from './domain/refused-callers.ts'
import { createRevocations } from './domain/revocations.ts'
import type { RootKey } from './domain/root-key.ts'
import { createRootKeyRotation, type RootKeyRotation } from './domain/root-key-rotation.ts'
import { createStatusEvents } from './domain/status-events.ts'
import { createStatusLists } from './domain/status-lists.ts'
import { createSecretUses } from './domain/secret-uses.ts'
import { createUses } from './domain/uses.ts'
import { createOwnJwtVerifier } from './domain/verify-own-jwt.ts'
import { createWebhookDeliveries } from './domain/webhook-deliveries.ts'
import { createWebhooks } from './domain/webhooks.ts'
import { createDoorkeeper } from './http/caller.ts'
import { createHttp, type Fetch } from './http/http.ts'
import { createTick } from './jobs/tick.ts'
import { createPostWebhook } from './outbound.ts'
import { silentLog, systemClock, systemDeflate, systemRandom } from './system.ts'
import { createSealedVault } from './vault/sealed-vault.ts'

export interface AuthorityConfig {
  /**
   * The URL that callers reach the authority under; it becomes `iss` of every JWT. May have a path,
   * and has no trailing slash.
   */
  readonly issuer: string
  /** The root keys that the database was made with, the current one first. */
  readonly rootKeys: readonly RootKey[]
  /** Signs the JWTs of machines that have no algorithm of their own. Default `RS256`. */
  readonly jwtAlgorithm?: Algorithm
  /** How long a signing key signs before its successor takes over; 0: never by itself. Default 30. */
  readonly keyRotationDays?: number
  /** Whether machine secrets, API keys and opaque tokens can be read back. Default `true`. */
  readonly readBack?: boolean
  /** What becomes of a machine's secret key that is reported as leaked. Default `report`. */
  readonly leakedMachineSecrets?: LeakedSecretPolicy
  /** How long the audit log is kept; 0 for ever. Default 400. */
  readonly auditRetentionDays?: number
  /** Whether webhooks may be on private networks and on this machine. Default `false`. */
  readonly webhooksAllowPrivate?: boolean
}

/** What an authority is connected to. Only the store has no default. */
export interface AuthorityPorts {
  readonly store: Store
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
  /** Names what is new. Default: by time and random bytes. */
  readonly ids?: IdSource
  /** Where private keys live. Default: sealed in the store. The same at the founding and ever after. */
  readonly createVault?: (dataKeys: DataKeys) => KeyVault
}

export interface Authority {
  readonly instanceId: string
  /** Answers a request. Never throws. */
  readonly fetch: Fetch
  /** Does what is due: to be called every second or so. */
  tick(): Promise<void>
  /** Ends the answers that would not end by themselves, before those under way are waited for. */
  endStreams(): void
  /** Writes what is still to be written, if it can. Leaves the store open: it is the caller's. Never throws. */
  close(): Promise<void>
}

/** Thrown when a store holds no instance yet. */
export class InstanceMissingError extends Error {
  readonly code = 'instance-missing'

  constructor() {
    super('The database holds no instance yet. Run: countersign init')
    this.name = 'InstanceMissingError'
  }
}

/**
 * Opens the instance in a store.
 *
 * @throws {InstanceMissingError} when the store is empty: see {@link initializeInstance}.
 * @throws {RootKeyError} `root-key-wrong`
 * @throws {SigningKeyError}
 * @throws {VaultError} when its signing keys are not in the vault, which is the one that they were made with.
 */
export async function createAuthority(
  config: AuthorityConfig,
  ports: AuthorityPorts,
): Promise<Authority> {
  const { context, dataKeys, rootKeyRotation } = await openInstance(config, ports)
  const { instance, store, clock } = context
  const { random = systemRandom, log = silentLog, createVault = sealedVault } = ports
  const vault = createVault(dataKeys)
  const policy = keyPolicy(config.keyRotationDays ?? DEFAULT_KEY_ROTATION_DAYS)
  const keyRing = await openKeyRing(context, { vault, policy })
  // An instance with the keys of another vault would otherwise be found out by its first caller.
  for (const algorithm of ALGORITHMS) await vault.open(keyRing.signer(algorithm, clock.now()))
  const signCompact = createCompactSigner(vault)
  const statusLists = createStatusLists(context, {
    signingKeys: keyRing,
    signCompact,
    random,
    deflate: systemDeflate,
  })
  const statusEvents = createStatusEvents(store, clock)
  const uses = createUses(store)
  const secretUses = createSecretUses(store)
  const webhookDeliveries = createWebhookDeliveries(context, {
    sealer: dataKeys.secrets,
    post: createPostWebhook({ allowPrivate: config.webhooksAllowPrivate ?? false }),
    random,
    log,
  })
  const auditKeys = createAuditKeys(instance.id, dataKeys.audit)
  const machines = createMachines(context)
  const authenticate = createAuthenticate(context)
  const apiKeys = createApiKeys(context, uses)
  const m2mTokens = createM2MTokens(context, {
    signingKeys: keyRing,
    signJwt: createJwtSigner(context, signCompact),
    statusLists,
    verifyOwnJwt: createOwnJwtVerifier(context, keyRing),
    uses,
  })
  return Object.freeze({
    instanceId: instance.id,
    fetch: createHttp({
      instanceId: instance.id,
      issuer: context.issuer,
      store,
      clock,
      random,
      log,
      doorkeeper: createDoorkeeper(authenticate, secretUses, clock),
      machines,
      machineSecrets: createMachineSecrets(context, secretUses),
      m2mTokens,
      apiKeys,
      leakedCredentials: createLeakedCredentials(context, {
        authenticate,
        m2mTokens,
        apiKeys,
        machineSecrets: config.leakedMachineSecrets ?? 'report',
      }),
      signingKeys: keyRing,
      keyRing,
      revocations: createRevocations(context),
      statusLists,
      statusEvents,
      refusedCallers: createRefusedCallers(context, log),
      webhooks: createWebhooks(context, { sealer: dataKeys.secrets, random }),
      agentCalls: createAgentCalls(context),
      auditTrail: createAuditTrail(instance.id, store, auditKeys),
    }),
    tick: createTick({
      store,
      clock,
      uses,
      secretUses,
      statusEvents,
      rootKeyRotation,
      keyRing,
      webhookDeliveries,
      auditCheckpoints: createAuditCheckpoints(context, {
        keys: auditKeys,
        log,
        keepDays: config.auditRetentionDays ?? 400,
      }),
    }),
    endStreams: () => {
      statusEvents.end()
    },
    async close(): Promise<void> {
      const steps = [
        () => uses.flush(),
        () => secretUses.flush(),
        () => keyRing.close(),
        () => webhookDeliveries.stop(),
      ]
      for (const step of steps) {
        // What cannot be written is lost as in a crash; that must not keep a server from ending.
        await step().catch((error: unknown) => {
          log.error('not everything was written at the end', {}, error)
        })
      }
    },
  })
}

/** The keys of an instance, for those who hold its database and root key. Throws as {@link createAuthority}. */
export async function openInstanceKeys(
  config: AuthorityConfig,
  ports: AuthorityPorts,
): Promise<InstanceKeys> {
  const { context } = await openInstance(config, ports)
  return createInstanceKeys(context)
}

/** What changes the root key, for those who hold the old one and the new. Throws as {@link createAuthority}. */
export async function openRootKeyRotation(
  config: AuthorityConfig,
  ports: AuthorityPorts,
): Promise<RootKeyRotation> {
  return (await openInstance(config, ports)).rootKeyRotation
}

/** What the audit log of an instance is verified with. */
export interface AuditProofs {
  readonly instanceId: string
  readonly keys: AuditKeys
  /** Whether this authority wrote an entry. */
  readonly isOwn: (record: AuditRecord) => boolean
}

/** For those who hold the database and its root key. Throws as {@link createAuthority}. */
export async function openAuditProofs(
  config: AuthorityConfig,
  ports: AuthorityPorts,
): Promise<AuditProofs> {
  const { context, dataKeys } = await openInstance(config, ports)
  const { instance, credentials } = context
  return Object.freeze({
    instanceId: instance.id,
    keys: createAuditKeys(instance.id, dataKeys.audit),
    isOwn: (record: AuditRecord) => isOwnEntry(credentials, record),
  })
}

/**
 * Founds an instance in an empty store; `null` when it has one.
 *
 * @returns the first instance key, which is told only here.
 */
export async function initializeInstance(
  config: Pick<AuthorityConfig, 'rootKeys' | 'readBack'> & { readonly environment: Environment },
  ports: AuthorityPorts,
): Promise<{ readonly instanceId: string; readonly secretKey: string } | null> {
  const { store, clock = systemClock, random = systemRandom, createVault = sealedVault } = ports
  const { environment, rootKeys, readBack = true } = config
  return foundInstance({ environment, rootKeys, readBack, store, clock, random, createVault })
}

interface Opened {
  readonly context: Context
  readonly dataKeys: DataKeys
  readonly rootKeyRotation: RootKeyRotation
}

async function openInstance(config: AuthorityConfig, ports: AuthorityPorts): Promise<Opened> {
  const { store, clock = systemClock, random = systemRandom } = ports
  const { ids = createIdSource({ clock, random }) } = ports
  const instance = await store.instance()
  if (instance === null) throw new InstanceMissingError()
  const { dataKeys, credentials } = await openKeys(instance.id, config.rootKeys, {
    store,
    clock,
    random,
  })
  const context: Context = Object.freeze({
    instance,
    issuer: normalIssuer(config.issuer),
    defaultAlgorithm: config.jwtAlgorithm ?? 'RS256',
    store,
    clock,
    ids,
    credentials,
    audit: createAudit(clock, credentials),
    secrets: createSecretShelf(dataKeys.secrets, config.readBack ?? true),
  })
  const rootKeyRotation = createRootKeyRotation({
    ...context,
    instanceId: instance.id,
    random,
    rootKeys: config.rootKeys,
    dataKeys,
  })
  return { context, dataKeys, rootKeyRotation }
}

/** A database of an older release has no audit key: it is made now, and the log says so. */
async function openKeys(
  instanceId: string,
  rootKeys: readonly RootKey[],
  ports: { readonly store: Store; readonly clock: Clock; readonly random: Random },
): Promise<{ readonly dataKeys: DataKeys; readonly credentials: Credentials }> {
  const { store, clock, random } = ports
  const open = (records: readonly DataKeyRecord[]) => {
    const dataKeys = openDataKeys(instanceId, records, rootKeys, ports)
    return { dataKeys, credentials: createCredentials(instanceId, dataKeys, random) }
  }
  const records = await store.dataKeys()
  if (records.some(({ purpose }) => purpose === 'audit')) return open(records)
  const [dataKey] = createDataKeys(instanceId, rootKeys, ports, ['audit'])
  if (dataKey === undefined) return open(records)
  const opened = open([...records, dataKey])
  const outcome = await store.write(
    { type: 'create-data-key', dataKey },
    createAudit(clock, opened.credentials)('audit_key.created', AUTHORITY, {
      target: null,
      details: { version: dataKey.version },
    }),
  )
  return outcome === 'done' ? opened : open(await store.dataKeys())
}

function sealedVault(dataKeys: DataKeys): KeyVault {
  return createSealedVault(dataKeys.signing)
}

const DEFAULT_KEY_ROTATION_DAYS = 30
const DAY_MS = 86_400_000

function keyPolicy(days: number): KeyPolicy {
  if (!Number.isFinite(days) || days < 0) throw new TypeError('keyRotationDays is 0 or more.')
  return { rotateAfterMs: days === 0 ? null : days * DAY_MS }
}

function normalIssuer(issuer: string): string {
  const url = new URL(issuer)
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new TypeError('An issuer is a URL without query, fragment or user (RFC 8414 §2).')
  }
  return issuer.replace(/\/+$/, '')
}
