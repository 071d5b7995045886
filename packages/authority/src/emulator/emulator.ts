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
  /** What there is now is what `reset` goes back to. */
  keep(): void
  /** Puts back what was kept, keys and secrets included; before that, what there was at the start. */
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

  let store = createJournalStore([])
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, portsOn(store))
  if (founded === null) throw new TypeError('A new store holds no instance.')
  let authority = await createAuthority(config, portsOn(store))
  let kept = store.journal.length

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
      kept = store.journal.length
    },

    async reset() {
      const before = authority
      const journal = store.journal.slice(0, kept)
      store = createJournalStore([])
      for (const [command, entry] of journal) await store.write(command, entry)
      authority = await createAuthority(config, portsOn(store))
      before.endStreams()
      await before.close()
      kept = store.journal.length
    },
  })
}

type Journal = (readonly [command: Command, entry: AuditEntry | undefined])[]

/** A store that remembers what was written: every change of a store is data. */
function createJournalStore(journal: Journal): Store & { readonly journal: Journal } {
  const store = createMemoryStore()
  return {
    ...store,
    journal,
    write(command, entry) {
      journal.push([command, entry])
      return store.write(command, entry)
    },
  }
}
