import {
  createHmac,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto'
import type { AuditCheckpointRecord } from './records.ts'

/**
 * The keys that sign the checkpoints of the audit log: Ed25519 (RFC 8032), and used for nothing else.
 * The private half is made of a data key, so the store holds nothing of it that opens without the root
 * key. The public half goes into every export, for whoever verifies one elsewhere.
 */

/** What a checkpoint says, before it is signed. */
export type AuditPosition = Pick<AuditCheckpointRecord, 'seq' | 'hash' | 'at'>

/** A public audit key, as it is exported. */
export interface AuditPublicKey {
  readonly version: number
  /** The 32 bytes of an Ed25519 key, base64url. */
  readonly publicKey: string
}

/** Tells whether a checkpoint was signed by one of the keys for this instance. */
export type IsSigned = (checkpoint: AuditCheckpointRecord) => boolean

export interface AuditKeys {
  /** With the newest key. */
  sign(position: AuditPosition): AuditCheckpointRecord
  readonly isSigned: IsSigned
  /** Oldest first. */
  readonly publicKeys: readonly AuditPublicKey[]
}

export function createAuditKeys(
  instanceId: string,
  seeds: ReadonlyMap<number, KeyObject>,
): AuditKeys {
  const versions = [...seeds.keys()].sort((a, b) => a - b)
  const keyOf = new Map([...seeds].map(([version, seed]) => [version, privateKeyOf(seed)]))
  const newest = versions.at(-1) ?? 0
  const signingKey = keyOf.get(newest)
  if (signingKey === undefined) throw new Error('This instance has no audit key.')
  const publicKeys = versions.map((version) => ({
    version,
    publicKey: publicTextOf(keyOf.get(version) ?? signingKey),
  }))
  return Object.freeze({
    sign(position: AuditPosition): AuditCheckpointRecord {
      const unsigned = { ...position, keyVersion: newest }
      return { ...unsigned, signature: sign(null, signedText(instanceId, unsigned), signingKey) }
    },
    isSigned: createSignatureCheck(instanceId, publicKeys),
    publicKeys: Object.freeze(publicKeys),
  })
}

/** @throws {TypeError} for what is no Ed25519 key. */
export function createSignatureCheck(
  instanceId: string,
  publicKeys: readonly AuditPublicKey[],
): IsSigned {
  const keys = new Map(
    publicKeys.map(({ version, publicKey }) => [version, importPublicKey(publicKey)]),
  )
  return (checkpoint) => {
    const key = keys.get(checkpoint.keyVersion)
    if (key === undefined || checkpoint.signature.length !== SIGNATURE_BYTES) return false
    return verify(null, signedText(instanceId, checkpoint), key, checkpoint.signature)
  }
}

const SIGNATURE_BYTES = 64

/** RFC 8410 §7: what stands before the 32 bytes of an Ed25519 key in PKCS #8. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex')

function privateKeyOf(seed: KeyObject): KeyObject {
  const bytes = createHmac('sha256', seed).update('countersign/audit-checkpoints').digest()
  const der = Buffer.concat([PKCS8_PREFIX, bytes])
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  bytes.fill(0)
  der.fill(0)
  return key
}

function publicTextOf(privateKey: KeyObject): string {
  return String(createPublicKey(privateKey).export({ format: 'jwk' }).x)
}

function importPublicKey(publicKey: string): KeyObject {
  if (!/^[\w-]{43}$/.test(publicKey)) throw new TypeError('An audit key is 32 bytes in base64url.')
  return createPublicKey({
    key: { kty: 'OKP', crv: 'Ed25519', x: publicKey },
    format: 'jwk',
  })
}

/** Bound to the instance, so that a checkpoint of one says nothing of another. */
function signedText(
  instanceId: string,
  { seq, hash, at, keyVersion }: Omit<AuditCheckpointRecord, 'signature'>,
): Uint8Array {
  const hashText = Buffer.from(hash).toString('hex')
  return Buffer.from(
    `countersign audit checkpoint v1\n${instanceId}\n${keyVersion}\n${seq}\n${hashText}\n${at}\n`,
  )
}
