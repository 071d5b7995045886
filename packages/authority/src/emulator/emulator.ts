import {
  type Authority,
  type AuthorityConfig,
  type AuthorityPorts,
  createAuthority,
  initializeInstance,
} from '../app.ts'
import type { Origin } from '../domain/actors.ts'
import { createIdSource } from '../domain/id-source.ts'
import type { AuditEntry, Clock, Command, KeyVault, Log, Store } from '../domain/ports.ts'
import type { Algorithm } from '../domain/records.ts'
import { createRootKey } from '../domain/root-key.ts'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import { silentLog, systemClock, systemRandom } from '../system.ts'
import { createSealedVault } from '../vault/sealed-vault.ts'
import { createFixableIds, type FixableIds } from './fixable-ids.ts'
import { createPublishedKeys } from './published-keys.ts'

export interface EmulatorOptions {
  /** The `iss` of its JWTs, and where callers reach it. */
  readonly issuer: string
  readonly clock?: Clock
  readonly log?: Log
  /** Signs the JWTs of machines that have no algorithm of their own. Default `RS256`. */
  readonly jwtAlgorithm?: Algorithm
}

/**
 * An authority to be tested against: the production engine on storage in memory, under a root key that
 * ends with it. What it issues is worth nothing anywhere else, and what others issue nothing here.
 */
export interface Emulator extends Pick<Authority, 'fetch' | 'tick' | 'endStreams' | 'close'> {
  readonly issuer: string
  readonly instanceId: string
  /** The instance key. */
  readonly secretKey: string
  /** Decides which id the next new thing gets. */
  readonly ids: FixableIds
  /** Signs anything at all with a signing key of the instance. @throws {TypeError} when it has no such key. */
  sign(kid: string, data: Uint8Array): Promise<Uint8Array>
  /** What there is now is what `reset` goes back to; what is written from now on is not remembered for it. */
  keep(): void
  /** Puts back what was kept, keys and secrets included. @throws {TypeError} when nothing was. */
  reset(): Promise<void>
}

/** Brings up an authority for tests: a few milliseconds. */
export async function createEmulator(options: EmulatorOptions): Promise<Emulator> {
  const { issuer, clock = systemClock, log = silentLog, jwtAlgorithm = 'RS256' } = options
  const rootKeys = [createRootKey(systemRandom.bytes(32))]
  const generate = createPublishedKeys()
  const ids = createFixableIds(createIdSource({ clock, random: systemRandom }))
  let vault: KeyVault | undefined
  const portsOn = (store: Store): AuthorityPorts => ({
    store,
    clock,
    log,
    ids,
    createVault: (dataKeys) => (vault = createSealedVault(dataKeys.signing, generate)),
  })
  const config: AuthorityConfig = { issuer, rootKeys, jwtAlgorithm }

  const journal: Journal = []
  let isKept = false
  let store = createMemoryStore()
  const remembered: Store = {
    ...store,
    write(command, entry) {
      if (!isKept) journal.push([command, entry])
      return store.write(command, entry)
    },
  }
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, portsOn(remembered))
  if (founded === null) throw new TypeError('A new store holds no instance.')
  let authority = await createAuthority(config, portsOn(remembered))

  return Object.freeze({
    issuer,
    instanceId: founded.instanceId,
    secretKey: founded.secretKey,
    ids,
    fetch: (request: Request, origin?: Origin) => authority.fetch(request, origin),
    tick: () => authority.tick(),
    endStreams: () => {
      authority.endStreams()
    },
    close: () => authority.close(),

    async sign(kid: string, data: Uint8Array) {
      const { keys } = await store.signingKeys()
      const key = keys.find((one) => one.kid === kid)
      if (key === undefined || vault === undefined) throw new TypeError(`There is no key ${kid}.`)
      return vault.sign(key, data)
    },

    keep() {
      isKept = true
    },

    async reset() {
      if (!isKept) throw new TypeError('Nothing was kept.')
      const before = authority
      const fresh = createMemoryStore()
      for (const [command, entry] of journal) await fresh.write(command, entry)
      store = fresh
      authority = await createAuthority(config, portsOn(fresh))
      before.endStreams()
      await before.close()
    },
  })
}

/** Every change of a store is data, so what made it can make it again. */
type Journal = (readonly [command: Command, entry: AuditEntry | undefined])[]
