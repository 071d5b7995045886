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
}

/** The unwrapped keys of an instance. */
export interface DataKeys {
  /** The version that new credentials are made with, and its key. */
  readonly mac: { readonly version: number; readonly key: KeyObject }
  macKey(version: number): KeyObject | null
  /** For secrets that can be read back. */
  readonly secrets: Sealer
  /** For private signing keys. */
  readonly signing: Sealer
  /** What the keys that sign audit checkpoints are made of, by version. */
  readonly audit: ReadonlyMap<number, KeyObject>
}

const PURPOSES: readonly DataKeyPurpose[] = ['mac', 'seal', 'signing', 'audit']
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
  return purposes.map((purpose) => {
    const context = wrapContext(instanceId, purpose, 1)
    const wrapped = encrypt(
      rootKey.wrappingKey(context),
      context,
      ports.random.bytes(32),
      ports.random,
    )
    return {
      purpose,
      version: 1,
      rootKeyId: rootKey.id,
      wrapped,
      createdAt: ports.clock.now(),
    }
  })
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
  random: Random,
): DataKeys {
  const rings = new Map<DataKeyPurpose, Map<number, KeyObject>>(
    PURPOSES.map((purpose) => [purpose, new Map()]),
  )
  for (const record of records) {
    rings.get(record.purpose)?.set(record.version, unwrap(instanceId, record, rootKeys))
  }
  const ring = (purpose: DataKeyPurpose): ReadonlyMap<number, KeyObject> => {
    const keys = rings.get(purpose)
    if (keys === undefined || keys.size === 0) {
      throw new RootKeyError('root-key-wrong', `The database holds no ${purpose} data key.`)
    }
    return keys
  }
  const macRing = ring('mac')
  return Object.freeze({
    mac: newest(macRing),
    macKey: (version: number) => macRing.get(version) ?? null,
    secrets: createSealer(instanceId, ring('seal'), random),
    signing: createSealer(instanceId, ring('signing'), random),
    audit: ring('audit'),
  })
}

function unwrap(
  instanceId: string,
  record: DataKeyRecord,
  rootKeys: readonly RootKey[],
): KeyObject {
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
  return createSecretKey(bytes)
}

function createSealer(
  instanceId: string,
  ring: ReadonlyMap<number, KeyObject>,
  random: Random,
): Sealer {
  const current = newest(ring)
  const bound = (place: string) => `${instanceId}/${place}`
  return Object.freeze({
    seal(place: string, plaintext: Uint8Array): Uint8Array {
      const version = Buffer.alloc(VERSION_BYTES)
      version.writeUInt16BE(current.version)
      const key = placeKey(current.key, bound(place))
      return Buffer.concat([version, encrypt(key, bound(place), plaintext, random)])
    },
    open(place: string, sealed: Uint8Array): Uint8Array | null {
      if (sealed.length < VERSION_BYTES) return null
      const key = ring.get(((sealed[0] ?? 0) << 8) | (sealed[1] ?? 0))
      if (key === undefined) return null
      return decrypt(placeKey(key, bound(place)), bound(place), sealed.subarray(VERSION_BYTES))
    },
  })
}

function newest(ring: ReadonlyMap<number, KeyObject>): {
  readonly version: number
  readonly key: KeyObject
} {
  const version = Math.max(...ring.keys())
  return { version, key: ring.get(version) as KeyObject }
}

function wrapContext(instanceId: string, purpose: DataKeyPurpose, version: number): string {
  return `${instanceId}/data-keys/${purpose}/${version}`
}
