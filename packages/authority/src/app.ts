import { createApiKeys } from './domain/api-keys.ts'
import { createAuthenticate } from './domain/callers.ts'
import { createSecretShelf, type Context } from './domain/context.ts'
import { createCredentials } from './domain/credentials.ts'
import { type DataKeys, openDataKeys } from './domain/data-keys.ts'
import { createIdSource } from './domain/id-source.ts'
import { foundInstance } from './domain/instance.ts'
import { createInstanceKeys, type InstanceKeys } from './domain/instance-keys.ts'
import { createJwtSigner } from './domain/jwt.ts'
import { createM2MTokens } from './domain/m2m-tokens.ts'
import { createMachineSecrets } from './domain/machine-secrets.ts'
import { createMachines } from './domain/machines.ts'
import type { Clock, KeyVault, Log, Random, Store } from './domain/ports.ts'
import type { Algorithm, Environment } from './domain/records.ts'
import type { RootKey } from './domain/root-key.ts'
import { ALGORITHMS, createSigningKeys } from './domain/signing-keys.ts'
import { createUses } from './domain/uses.ts'
import { createOwnJwtVerifier } from './domain/verify-own-jwt.ts'
import { createDoorkeeper } from './http/caller.ts'
import { createHttp, type Fetch } from './http/http.ts'
import { createTick } from './jobs/tick.ts'
import { silentLog, systemClock, systemRandom } from './system.ts'
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
  /** Whether machine secrets, API keys and opaque tokens can be read back. Default `true`. */
  readonly readBack?: boolean
}

/** What an authority is connected to. Only the store has no default. */
export interface AuthorityPorts {
  readonly store: Store
  readonly clock?: Clock
  readonly random?: Random
  readonly log?: Log
  /** Where private keys live. Default: sealed in the store. The same at the founding and ever after. */
  readonly createVault?: (dataKeys: DataKeys) => KeyVault
}

export interface Authority {
  readonly instanceId: string
  /** Answers a request. Never throws. */
  readonly fetch: Fetch
  /** Does what is due: to be called every second or so. */
  tick(): Promise<void>
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
 * @throws {SigningKeyError}
 * @throws {VaultError} when its signing keys are not in the vault, which is the one that they were made with.
 */
export async function createAuthority(
  config: AuthorityConfig,
  ports: AuthorityPorts,
): Promise<Authority> {
  const { context, dataKeys } = await openInstance(config, ports)
  const { instance, store, clock } = context
  const { random = systemRandom, log = silentLog, createVault = sealedVault } = ports
  const signingKeys = createSigningKeys(await store.signingKeys(), context.credentials)
  const vault = createVault(dataKeys)
  // An instance with the keys of another vault would otherwise be found out by its first caller.
  for (const algorithm of ALGORITHMS) await vault.open(signingKeys.signer(algorithm))
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
        signingKeys,
        signJwt: createJwtSigner(context, vault),
        verifyOwnJwt: createOwnJwtVerifier(context, signingKeys),
        uses,
      }),
      apiKeys: createApiKeys(context, uses),
      signingKeys,
    }),
    tick: createTick({ store, clock, uses }),
    close: () => uses.flush(),
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

async function openInstance(
  config: AuthorityConfig,
  ports: AuthorityPorts,
): Promise<{ readonly context: Context; readonly dataKeys: DataKeys }> {
  const { store, clock = systemClock, random = systemRandom } = ports
  const instance = await store.instance()
  if (instance === null) throw new InstanceMissingError()
  const dataKeys = openDataKeys(instance.id, await store.dataKeys(), config.rootKeys, random)
  const context: Context = Object.freeze({
    instance,
    issuer: normalIssuer(config.issuer),
    defaultAlgorithm: config.jwtAlgorithm ?? 'RS256',
    store,
    clock,
    ids: createIdSource({ clock, random }),
    credentials: createCredentials(instance.id, dataKeys, random),
    secrets: createSecretShelf(dataKeys.secrets, config.readBack ?? true),
  })
  return { context, dataKeys }
}

function sealedVault(dataKeys: DataKeys): KeyVault {
  return createSealedVault(dataKeys.signing)
}

function normalIssuer(issuer: string): string {
  const url = new URL(issuer)
  if (url.search !== '' || url.hash !== '' || url.username !== '' || url.password !== '') {
    throw new TypeError('An issuer is a URL without query, fragment or user (RFC 8414 §2).')
  }
  return issuer.replace(/\/+$/, '')
}
