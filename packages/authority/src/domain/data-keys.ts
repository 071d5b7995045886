import { createSecretKey, type KeyObject } from 'node:crypto'
import type { Clock, Random } from './ports.ts'
import type { DataKeyPurpose, DataKeyRecord } from './records.ts'
import { RootKeyError, type RootKey } from './root-key.ts'
import { decrypt, encrypt, placeKey } from './sealing.ts'

/**
 * The random keys that everything else hangs on, by purpose and version. A credential or a sealed
 * value names the version it was made with, so a new version can take over without touching the old.
 */

/** Opens and seals values, each bound to its place (`table/row/column`). */
export interface Sealer {
  seal(place: string, plaintext: Uint8Array): Uint8Array
  /** `null` when the value was changed, moved to another place, or its key is not known. */
  open(place: string, sealed: Uint8Array): Uint8Array | null
  /** Of the key that it seals with now. */
  version(): number
}

/** The unwrapped keys of an instance. */
export interface DataKeys {
  /** The version that new credentials are made with now, and its key. */
  readonly mac: DataKey
  macKey(version: number): KeyObject | null
  /** For secrets that can be read back. */
  readonly secrets: Sealer
  /** For private signing keys. */
  readonly signing: Sealer
  /** What the keys that sign audit checkpoints are made of, by version. */
  readonly audit: ReadonlyMap<number, KeyObject>
  /** Learns the keys that were added since. @throws {RootKeyError} `root-key-wrong` */
  refresh(records: readonly DataKeyRecord[]): void
  /** Whether the newest key of each purpose is in use. */
  settled(): boolean
}

interface DataKey {
  readonly version: number
  readonly key: KeyObject
  readonly createdAt: number
}

type Ring = ReadonlyMap<number, DataKey>

/** Between making a key and using it: by then every process has learnt it, and can open what it sealed. */
const SETTLE_MS = 5_000

const PURPOSES: readonly DataKeyPurpose[] = ['mac', 'seal', 'signing', 'audit']

/** Checkpoints of the audit log are verified by a key that somebody may have written down: it stays. */
const ROLLED: readonly DataKeyPurpose[] = ['mac', 'seal', 'signing']
const VERSION_BYTES = 2

/**
 * One new key for each purpose, or for each that is named, wrapped by the first root key.
 *
 * @throws {RootKeyError} `root-key-missing`
 */
export function createDataKeys(
  instanceId: string,
  rootKeys: readonly RootKey[],
  ports: { readonly clock: Clock; readonly random: Random },
  purposes: readonly DataKeyPurpose[] = PURPOSES,
): readonly DataKeyRecord[] {
  const [rootKey] = rootKeys
  if (rootKey === undefined) throw new RootKeyError('root-key-missing', 'No root key was given.')
  return purposes.map((purpose) => newDataKey(instanceId, rootKey, purpose, 1, ports))
}

/** All keys wrapped by the first root key, and one more for each purpose. */
export function addDataKeys(
  instanceId: string,
  records: readonly DataKeyRecord[],
  rootKeys: readonly RootKey[],
  ports: { readonly clock: Clock; readonly random: Random },
): readonly DataKeyRecord[] {
  const [rootKey] = rootKeys
  if (rootKey === undefined) throw new RootKeyError('root-key-missing', 'No root key was given.')
  const wrappedAnew = records.map((record) => {
    const bytes = unwrap(instanceId, record, rootKeys)
    const wrapped = wrap(instanceId, rootKey, record, bytes, ports.random)
    bytes.fill(0)
    return { ...record, rootKeyId: rootKey.id, wrapped }
  })
  const added = ROLLED.map((purpose) => {
    const versions = records.filter((one) => one.purpose === purpose).map((one) => one.version)
    return newDataKey(instanceId, rootKey, purpose, Math.max(0, ...versions) + 1, ports)
  })
  return [...wrappedAnew, ...added]
}

function newDataKey(
  instanceId: string,
  rootKey: RootKey,
  purpose: DataKeyPurpose,
  version: number,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): DataKeyRecord {
  const bytes = random.bytes(32)
  const wrapped = wrap(instanceId, rootKey, { purpose, version }, bytes, random)
  return { purpose, version, rootKeyId: rootKey.id, wrapped, createdAt: clock.now() }
}

function wrap(
  instanceId: string,
  rootKey: RootKey,
  { purpose, version }: Pick<DataKeyRecord, 'purpose' | 'version'>,
  bytes: Uint8Array,
  random: Random,
): Uint8Array {
  const context = wrapContext(instanceId, purpose, version)
  return encrypt(rootKey.wrappingKey(context), context, bytes, random)
}

/**
 * Unwraps the keys of an instance.
 *
 * @throws {RootKeyError} `root-key-wrong` when no given root key wraps them, or a wrapped key was
 *   tampered with.
 */
export function openDataKeys(
  instanceId: string,
  records: readonly DataKeyRecord[],
  rootKeys: readonly RootKey[],
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): DataKeys {
  let rings = openRings(instanceId, records, rootKeys, null)

  const ring = (purpose: DataKeyPurpose): Ring => rings.get(purpose) ?? new Map()
  const current = (purpose: DataKeyPurpose): DataKey => currentOf(ring(purpose), clock.now())
  const sealer = (purpose: DataKeyPurpose): Sealer =>
    createSealer(
      instanceId,
      () => ring(purpose),
      () => current(purpose),
      random,
    )

  return Object.freeze({
    get mac() {
      return current('mac')
    },
    macKey: (version: number) => ring('mac').get(version)?.key ?? null,
    secrets: sealer('seal'),
    signing: sealer('signing'),
    get audit() {
      return new Map([...ring('audit').values()].map(({ version, key }) => [version, key]))
    },
    refresh(changed: readonly DataKeyRecord[]) {
      rings = openRings(instanceId, changed, rootKeys, rings)
    },
    settled: () =>
      PURPOSES.every((purpose) => current(purpose).version === Math.max(...ring(purpose).keys())),
  })
}

/** A key that is known already is not unwrapped again: its root key may be gone. */
function openRings(
  instanceId: string,
  records: readonly DataKeyRecord[],
  rootKeys: readonly RootKey[],
  known: ReadonlyMap<DataKeyPurpose, Ring> | null,
): ReadonlyMap<DataKeyPurpose, Ring> {
  const rings = new Map<DataKeyPurpose, Map<number, DataKey>>(
    PURPOSES.map((purpose) => [purpose, new Map()]),
  )
  for (const record of records) {
    const { purpose, version, createdAt } = record
    const key =
      known?.get(purpose)?.get(version)?.key ??
      createSecretKey(unwrap(instanceId, record, rootKeys))
    rings.get(purpose)?.set(version, { version, key, createdAt })
  }
  for (const [purpose, ring] of rings) {
    if (ring.size > 0) continue
    throw new RootKeyError('root-key-wrong', `The database holds no ${purpose} data key.`)
  }
  return rings
}

/** The newest that every process has had the time to learn; the first has nobody to wait for. */
function currentOf(ring: Ring, now: number): DataKey {
  const keys = [...ring.values()].sort((a, b) => b.version - a.version)
  return (keys.find(({ createdAt }) => now - createdAt >= SETTLE_MS) ?? keys.at(-1)) as DataKey
}

function unwrap(
  instanceId: string,
  record: DataKeyRecord,
  rootKeys: readonly RootKey[],
): Uint8Array {
  const rootKey = rootKeys.find((candidate) => candidate.id === record.rootKeyId)
  if (rootKey === undefined) {
    throw new RootKeyError(
      'root-key-wrong',
      `This database was made with root key ${record.rootKeyId}; the root key given is ` +
        `${rootKeys.map((key) => key.id).join(', ')}. Give the right one, or point to another database.`,
    )
  }
  const context = wrapContext(instanceId, record.purpose, record.version)
  const bytes = decrypt(rootKey.wrappingKey(context), context, record.wrapped)
  if (bytes === null) {
    throw new RootKeyError(
      'root-key-wrong',
      `The ${record.purpose} data key of this database does not open with root key ${rootKey.id}: it was altered.`,
    )
  }
  return bytes
}

/** The version of the key that a value is sealed with, as it says itself. */
export function sealedVersion(sealed: Uint8Array): number {
  return ((sealed[0] ?? 0) << 8) | (sealed[1] ?? 0)
}

function createSealer(
  instanceId: string,
  ring: () => Ring,
  current: () => DataKey,
  random: Random,
): Sealer {
  const bound = (place: string) => `${instanceId}/${place}`
  return Object.freeze({
    version: () => current().version,
    seal(place: string, plaintext: Uint8Array): Uint8Array {
      const { version, key } = current()
      const prefix = Buffer.alloc(VERSION_BYTES)
      prefix.writeUInt16BE(version)
      const sealed = encrypt(placeKey(key, bound(place)), bound(place), plaintext, random)
      return Buffer.concat([prefix, sealed])
    },
    open(place: string, sealed: Uint8Array): Uint8Array | null {
      if (sealed.length < VERSION_BYTES) return null
      const known = ring().get(sealedVersion(sealed))
      if (known === undefined) return null
      const key = placeKey(known.key, bound(place))
      return decrypt(key, bound(place), sealed.subarray(VERSION_BYTES))
    },
  })
}

function wrapContext(instanceId: string, purpose: DataKeyPurpose, version: number): string {
  return `${instanceId}/data-keys/${purpose}/${version}`
}
