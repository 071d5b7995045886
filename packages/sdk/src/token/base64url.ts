import { UTF8 } from './utf8.ts'

/**
 * Strict base64url (RFC 4648 §5, RFC 7515 §2): no padding, no white space, no other alphabet, and no
 * stray bits at the end, so that each byte string has one spelling.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The value of each character; the sign says that it has none, and survives shifting and joining. */
const DIGITS: Int8Array = digitTable()

/** The text of `bytes`. */
export function encodeBase64url(bytes: Uint8Array): string {
  let characters = ''
  for (const byte of bytes) characters += String.fromCharCode(byte)
  return btoa(characters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The bytes of `text`, or `null` when it is not strict base64url. */
export function decodeBase64url(text: string): Uint8Array | null {
  const characters = UTF8.encode(text)
  const bytes = new Uint8Array(decodedLength(characters.length))
  return decodeBase64urlInto(characters, 0, characters.length, bytes, 0) ? bytes : null
}

/** How many bytes this many characters carry. */
export function decodedLength(characters: number): number {
  return (characters * 3) >> 2
}

/**
 * Decodes the characters of `source` from `start` to `end` to `target` from `written` on. `target` may
 * be `source` when it is written no later than it is read: three bytes take the place of four.
 *
 * @returns Whether it is strict base64url.
 */
export function decodeBase64urlInto(
  source: Uint8Array,
  start: number,
  end: number,
  target: Uint8Array,
  written: number,
): boolean {
  const rest = (end - start) % 4
  if (rest === 1) return false
  const whole = end - rest
  let seen = 0
  let at = written
  for (let position = start; position < whole; position += 4) {
    const value =
      ((DIGITS[source[position] as number] as number) << 18) |
      ((DIGITS[source[position + 1] as number] as number) << 12) |
      ((DIGITS[source[position + 2] as number] as number) << 6) |
      (DIGITS[source[position + 3] as number] as number)
    seen |= value
    target[at] = value >> 16
    target[at + 1] = value >> 8
    target[at + 2] = value
    at += 3
  }
  if (rest === 0) return seen >= 0
  const value =
    ((DIGITS[source[whole] as number] as number) << 18) |
    ((DIGITS[source[whole + 1] as number] as number) << 12) |
    (rest === 3 ? (DIGITS[source[whole + 2] as number] as number) << 6 : 0)
  target[at] = value >> 16
  if (rest === 3) target[at + 1] = value >> 8
  // The bits that belong to no byte must be zero.
  return (seen | value) >= 0 && (value & (rest === 3 ? 0xff : 0xffff)) === 0
}

function digitTable(): Int8Array {
  const table = new Int8Array(256).fill(-1)
  for (let value = 0; value < ALPHABET.length; value++) table[ALPHABET.charCodeAt(value)] = value
  return table
}
