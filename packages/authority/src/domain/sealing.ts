import { createCipheriv, createDecipheriv, createHmac, type KeyObject } from 'node:crypto'
import type { Random } from './ports.ts'

/**
 * AES-256-GCM under a key of its own for each place, so that a sealed value opens only in the row
 * and column it was sealed for, and no key meets the limit on random nonces (NIST SP 800-38D §8.3).
 */

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals `plaintext` with a key that is used for nothing else. */
export function encrypt(
  key: Uint8Array,
  place: string,
  plaintext: Uint8Array,
  random: Random,
): Uint8Array {
  const nonce = random.bytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  cipher.setAAD(Buffer.from(place))
  return Buffer.concat([nonce, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()])
}

/** Opens what `encrypt` made; `null` when it was changed, moved, or made under another key. */
export function decrypt(key: Uint8Array, place: string, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) return null
  const nonce = sealed.subarray(0, NONCE_BYTES)
  const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: TAG_BYTES })
  decipher.setAAD(Buffer.from(place))
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  try {
    const body = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES)
    return Buffer.concat([decipher.update(body), decipher.final()])
  } catch {
    return null
  }
}

/** The key of one place under a data key. */
export function placeKey(dataKey: KeyObject, place: string): Uint8Array {
  return createHmac('sha256', dataKey).update(`countersign/place/${place}`).digest()
}
