import { type Actor, AUTHORITY } from './actors.ts'
import type { Audit } from './audit.ts'
import { addDataKeys, type DataKeys, type Sealer, sealedVersion } from './data-keys.ts'
import { AuthorityError } from './errors.ts'
import * as places from './places.ts'
import type { Clock, Random, SealedTable, SealedValue, Store } from './ports.ts'
import type { DataKeyRecord } from './records.ts'
import type { RootKey } from './root-key.ts'

/**
 * Makes the first of the given root keys the only one that is needed, while the authority serves. The
 * old one wrapped the keys of everything: so there are new keys, and everything sealed is sealed again.
 */
export interface RootKeyRotation {
  /**
   * Wraps all data keys by the current root key, and adds new ones. They are used once every process
   * has had the time to learn them, `settled()`.
   *
   * @returns whether there was anything to do
   * @throws {AuthorityError} `conflict` when somebody else does it
   */
  begin(by: Actor): Promise<boolean>
  /** Whether the newest data keys are in use. */
  settled(): Promise<boolean>
  /** Seals everything anew that an older key has sealed. May be repeated. */
  finish(): Promise<Resealed>
  /** Forgets keys that have not been used for long, and with which nothing is sealed any more. */
  forget(): Promise<void>
}

export interface Resealed {
  readonly count: number
  /** Values that do not open: somebody altered them. The keys they are sealed with stay. */
  readonly unopened: number
}

export interface RootKeyRotationParts {
  readonly instanceId: string
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly audit: Audit
  readonly rootKeys: readonly RootKey[]
  readonly dataKeys: DataKeys
}

type SealedPurpose = 'seal' | 'signing'

/** Where sealed values are, by the purpose of their key; what a vault keeps elsewhere is not among them. */
const TABLES: readonly (readonly [SealedTable, SealedPurpose, PlaceOf])[] = [
  ['instance_keys', 'seal', ({ id }) => places.instanceKeyPlace(id)],
  ['machine_secrets', 'seal', ({ id, version }) => places.machineSecretPlace(id, version)],
  ['m2m_tokens', 'seal', ({ id }) => places.m2mTokenPlace(id)],
  ['api_keys', 'seal', ({ id }) => places.apiKeyPlace(id)],
  ['webhooks', 'seal', ({ id }) => places.webhookPlace(id)],
  ['signing_keys', 'signing', ({ id }) => places.signingKeyPlace(id)],
]

type PlaceOf = (value: SealedValue) => string

/** The handle of a vault that keeps its keys elsewhere begins with the vault's name (`vault/handles.ts`). */
function isOfVault([first = 0]: Uint8Array): boolean {
  return first >= 0x61
}

/** Whoever still had an old key in memory has sealed with it, and written that, long before. */
const FORGET_AFTER_MS = 600_000

/** A command holds the store while it is applied, so each is small. */
const PORTION = 500

export function createRootKeyRotation(parts: RootKeyRotationParts): RootKeyRotation {
  const { store, clock, dataKeys, rootKeys, audit } = parts
  const sealers: Readonly<Record<SealedPurpose, Sealer>> = {
    seal: dataKeys.secrets,
    signing: dataKeys.signing,
  }

  const refreshed = async (): Promise<readonly DataKeyRecord[]> => {
    const records = await store.dataKeys()
    dataKeys.refresh(records)
    return records
  }

  /** Seals the values of one table anew, page by page. */
  const resealTable = async (
    table: SealedTable,
    sealer: Sealer,
    placeOf: PlaceOf,
  ): Promise<Resealed> => {
    let [count, unopened, after] = [0, 0, '']
    for (;;) {
      const page = await store.sealedValues(table, after, PORTION)
      const last = page.at(-1)
      if (last === undefined) return { count, unopened }
      after = last.id
      const old = page.filter(
        ({ sealed }) => !isOfVault(sealed) && sealedVersion(sealed) !== sealer.version(),
      )
      const changes = old.flatMap((value) => {
        const plaintext = sealer.open(placeOf(value), value.sealed)
        if (plaintext === null) return []
        return [{ ...value, resealed: sealer.seal(placeOf(value), plaintext) }]
      })
      count += changes.length
      unopened += old.length - changes.length
      if (changes.length > 0) await store.write({ type: 'reseal', table, values: changes })
    }
  }

  return Object.freeze({
    async begin(by: Actor) {
      const records = await refreshed()
      const [current] = rootKeys
      if (records.every((record) => record.rootKeyId === current?.id)) return false
      const changed = addDataKeys(parts.instanceId, records, rootKeys, parts)
      const outcome = await store.write(
        { type: 'replace-data-keys', before: records, after: changed },
        audit('root_key.rotated', by, { target: current?.id ?? null }),
      )
      if (outcome !== 'done') throw new AuthorityError('conflict')
      await refreshed()
      return true
    },

    async settled() {
      await refreshed()
      return dataKeys.settled()
    },

    async finish() {
      await refreshed()
      let [count, unopened] = [0, 0]
      for (const [table, purpose, placeOf] of TABLES) {
        const done = await resealTable(table, sealers[purpose], placeOf)
        count += done.count
        unopened += done.unopened
      }
      return { count, unopened }
    },

    async forget() {
      // Not those for signing: another vault may have sealed something with one, inside its handles.
      for (const purpose of ['seal'] as const) {
        const records = (await store.dataKeys()).filter((one) => one.purpose === purpose)
        const newest = records.toSorted((a, b) => b.version - a.version)[0]
        if (newest === undefined || records.length === 1) continue
        if (clock.now() - newest.createdAt < FORGET_AFTER_MS) continue
        const tables = TABLES.filter(([, one]) => one === purpose).map(([table]) => table)
        const below = newest.version
        await store.write(
          { type: 'forget-data-keys', purpose, below, tables },
          audit('data_keys.forgotten', AUTHORITY, { target: null, details: { purpose, below } }),
        )
      }
    },
  })
}
