/**
 * Fixed-width base62 over big-endian integers, digits in ASCII order (`0-9A-Za-z`), so that encoded
 * values of one width sort as their bytes do.
 *
 * Each byte string has exactly one text and each text at most one byte string: a text that would
 * overflow the width is refused, so a credential cannot be respelled.
 */

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Two digits a step: the most that 16-bit limbs take in whole 32-bit arithmetic. */
const PAIR = 62 * 62

const DIGITS: Int8Array = digitTable()

/** How many base62 characters carry `byteLength` bytes. */
export function base62Length(byteLength: number): number {
  return Math.ceil((byteLength * 8) / Math.log2(62))
}

/** Encodes `bytes` as exactly `base62Length(bytes.length)` characters. */
export function encodeBase62(bytes: Uint8Array): string {
  const limbs = toLimbs(bytes)
  const length = base62Length(bytes.length)
  let text = ''
  for (let written = 0; written < length; written += 2) {
    let remainder = 0
    for (let index = 0; index < limbs.length; index++) {
      const value = remainder * 0x1_0000 + (limbs[index] as number)
      limbs[index] = Math.floor(value / PAIR)
      remainder = value % PAIR
    }
    text =
      (ALPHABET[Math.floor(remainder / 62)] as string) + (ALPHABET[remainder % 62] as string) + text
  }
  // The last pair of an odd length brought one digit too many: the leading zero.
  return text.slice(text.length - length)
}

/**
 * Decodes `text` into `byteLength` bytes, or `null` when it has another length, a character outside
 * the alphabet, or a value too large for that many bytes.
 */
export function decodeBase62(text: string, byteLength: number): Uint8Array | null {
  if (text.length !== base62Length(byteLength)) return null
  const limbs = new Uint16Array(Math.ceil(byteLength / 2))
  for (let position = -(text.length % 2); position < text.length; position += 2) {
    const high = position < 0 ? 0 : digitOf(text.charCodeAt(position))
    const low = digitOf(text.charCodeAt(position + 1))
    if ((high | low) < 0) return null
    let carry = high * 62 + low
    for (let index = limbs.length - 1; index >= 0; index--) {
      const value = (limbs[index] as number) * PAIR + carry
      limbs[index] = value & 0xffff
      carry = value >>> 16
    }
    if (carry !== 0) return null
  }
  return fromLimbs(limbs, byteLength)
}

function digitOf(code: number): number {
  return code < 128 ? (DIGITS[code] as number) : -1
}

function digitTable(): Int8Array {
  const table = new Int8Array(128).fill(-1)
  for (let digit = 0; digit < ALPHABET.length; digit++) table[ALPHABET.charCodeAt(digit)] = digit
  return table
}

/** Big-endian 16-bit limbs; an odd length gets a zero byte in front. */
function toLimbs(bytes: Uint8Array): Uint16Array {
  const limbs = new Uint16Array(Math.ceil(bytes.length / 2))
  const pad = bytes.length % 2
  for (let index = 0; index < bytes.length; index++) {
    const shift = (index + pad) % 2 === 0 ? 8 : 0
    const limb = (index + pad) >> 1
    limbs[limb] = (limbs[limb] as number) | ((bytes[index] as number) << shift)
  }
  return limbs
}

function fromLimbs(limbs: Uint16Array, byteLength: number): Uint8Array | null {
  const pad = byteLength % 2
  if (pad === 1 && (limbs[0] as number) > 0xff) return null
  const bytes = new Uint8Array(byteLength)
  for (let index = 0; index < byteLength; index++) {
    const limb = limbs[(index + pad) >> 1] as number
    bytes[index] = (index + pad) % 2 === 0 ? limb >> 8 : limb & 0xff
  }
  return bytes
}
