import { createHmac, hkdfSync } from 'node:crypto'

/**
 * Root keys wrap the data keys and do nothing else, so that rolling one touches a handful of rows
 * and no credential. Several can be given: the first wraps, all unwrap.
 */

const ROOT_KEY_BYTES = 32

/** A root key in memory. Its bytes are private to this closure. */
export interface RootKey {
  /** Names the key without telling it: the start of an HMAC under it. */
  readonly id: string
  /** The key that wraps one data key and no other. */
  wrappingKey(context: string): Uint8Array
}

/** Thrown for a root key that is absent, malformed or not the one the database was made with. */
export class RootKeyError extends Error {
  readonly code: 'root-key-missing' | 'root-key-malformed' | 'root-key-wrong'

  constructor(code: RootKeyError['code'], message: string) {
    super(message)
    this.name = 'RootKeyError'
    this.code = code
  }
}

/**
 * Reads root keys from text: 32 bytes each, as 64 hexadecimal digits or as base64, several separated
 * by commas or white space.
 *
 * @throws {RootKeyError} `root-key-malformed`; the message never quotes the text.
 */
export function parseRootKeys(text: string): readonly RootKey[] {
  const words = text.split(/[\s,]+/).filter((word) => word !== '')
  if (words.length === 0) throw new RootKeyError('root-key-missing', 'No root key was given.')
  return words.map((word, index) => {
    const bytes = decodeRootKey(word)
    if (bytes === null) {
      throw new RootKeyError(
        'root-key-malformed',
        `Root key ${index + 1} is not 32 bytes of hexadecimal (64 digits) or base64 (43 or 44 characters). ` +
          'Make one with: countersign root-key generate',
      )
    }
    return createRootKey(bytes)
  })
}

/** A root key from its 32 bytes. */
export function createRootKey(bytes: Uint8Array): RootKey {
  if (bytes.length !== ROOT_KEY_BYTES) throw new RangeError('A root key has 32 bytes.')
  const key = Buffer.from(bytes)
  const id = createHmac('sha256', key).update('countersign/root-key/id').digest('hex').slice(0, 16)
  return Object.freeze({
    id,
    wrappingKey: (context: string) =>
      new Uint8Array(hkdfSync('sha256', key, '', `countersign/root-key/wrap/${context}`, 32)),
  })
}

function decodeRootKey(word: string): Uint8Array | null {
  if (/^[0-9a-fA-F]{64}$/.test(word)) return Buffer.from(word, 'hex')
  if (!/^[0-9A-Za-z+/_-]{43}=?$/.test(word)) return null
  const bytes = Buffer.from(word, 'base64')
  return bytes.length === ROOT_KEY_BYTES ? bytes : null
}
