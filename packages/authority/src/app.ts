import { createApiKeys } from './domain/api-keys.ts'
import { createAudit } from './domain/audit.ts'
import { createAuthenticate } from './domain/callers.ts'
import { createSecretShelf, type Context } from './domain/context.ts'
import { createCredentials } from './domain/credentials.ts'
import { type DataKeys, openDataKeys } from './domain/data-keys.ts'
import { createIdSource } from './domain/id-source.ts'
import { foundInstance } from './domain/instance.ts'
import { createInstanceKeys, type InstanceKeys } from './domain/instance-keys.ts'
import { createCompactSigner, createJwtSigner } from './domain/jwt.ts'
import { createM2MTokens } from './domain/m2m-tokens.ts'
import { createMachineSecrets } from './domain/machine-secrets.ts'
import { createMachines } from './domain/machines.ts'
import type { KeyPolicy } from './domain/key-plan.ts'
import { openKeyRing } from './domain/key-ring.ts'
import type { Clock, KeyVault, Log, Random, Store } from './domain/ports.ts'
import type { Algorithm, Environment } from './domain/records.ts'
import { createRefusedCallers } from './domain/refused-callers.ts'
import { createRevocations } from './domain/revocations.ts'
import type { RootKey } from './domain/root-key.ts'
import { createRootKeyRotation, type RootKeyRotation } from './domain/root-key-rotation.ts'
import { createStatusEvents } from './domain/status-events.ts'
import { createStatusLists } from './domain/status-lists.ts'
import { createUses } from './domain/uses.ts'
import { createOwnJwtVerifier } from './domain/verify-own-jwt.ts'
import { createDoorkeeper } from './http/caller.ts'
import { createHttp, type Fetch } from './http/http.ts'
import { createTick } from './jobs/tick.ts'
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
}

/** What an authority is connected to. Only the store has no default. */
export interface AuthorityPorts {
  readonly store: Store
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
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
  /** Writes what is still to be written. Leaves the store open: it is the caller's. */
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
  const signCompact = createCompactSigner(vault)
  const statusLists = createStatusLists(context, {
    signingKeys: keyRing,
    signCompact,
    random,
    deflate: systemDeflate,
  })
  const statusEvents = createStatusEvents(store, clock)
  const uses = createUses(store)
  const machines = createMachines(context)
  return Object.freeze({
    instanceId: instance.id,
    fetch: createHttp({
      instanceId: instance.id,
      issuer: context.issuer,
      store,
      clock,
      random,
      log,
      doorkeeper: createDoorkeeper(createAuthenticate(context)),
      machines,
      machineSecrets: createMachineSecrets(context),
      m2mTokens: createM2MTokens(context, {
        signingKeys: keyRing,
        signJwt: createJwtSigner(context, signCompact),
        statusLists,
        verifyOwnJwt: createOwnJwtVerifier(context, keyRing),
        uses,
      }),
      apiKeys: createApiKeys(context, uses),
      signingKeys: keyRing,
      keyRing,
      revocations: createRevocations(context),
      statusLists,
      statusEvents,
      refusedCallers: createRefusedCallers(context, log),
    }),
    tick: createTick({ store, clock, uses, statusEvents, rootKeyRotation, keyRing }),
    endStreams: () => {
      statusEvents.end()
    },
    async close() {
      await uses.flush()
      await keyRing.close()
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
  const instance = await store.instance()
  if (instance === null) throw new InstanceMissingError()
  const dataKeys = openDataKeys(instance.id, await store.dataKeys(), config.rootKeys, {
    clock,
    random,
  })
  const credentials = createCredentials(instance.id, dataKeys, random)
  const context: Context = Object.freeze({
    instance,
    issuer: normalIssuer(config.issuer),
    defaultAlgorithm: config.jwtAlgorithm ?? 'RS256',
    store,
    clock,
    ids: createIdSource({ clock, random }),
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
