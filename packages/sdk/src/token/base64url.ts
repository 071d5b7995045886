/**
 * Strict base64url (RFC 4648 §5, RFC 7515 §2): no padding, no white space, no other alphabet, and no
 * stray bits at the end, so that each byte string has one spelling.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** The value of each character by its code, where it has one. */
const DIGITS = new Int8Array(128).fill(-1)
for (let value = 0; value < 64; value++) DIGITS[ALPHABET.charCodeAt(value)] = value

/** The text of `bytes`. */
export function encodeBase64url(bytes: Uint8Array): string {
  let characters = ''
  for (const byte of bytes) characters += String.fromCharCode(byte)
  return btoa(characters).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The bytes of `text`, or `null` when it is not strict base64url. */
export function decodeBase64url(text: string): Uint8Array | null {
  const bytes = new Uint8Array(decodedLength(text.length))
  let length = 0
  let bits = 0
  let pending = 0
  for (let at = 0; at < text.length; at++) {
    const digit = DIGITS[text.charCodeAt(at)] ?? -1
    if (digit < 0) return null
    pending = (pending << 6) | digit
    bits += 6
    if (bits < 8) continue
    bits -= 8
    bytes[length++] = pending >> bits
    pending &= (1 << bits) - 1
  }
  // The bits that belong to no byte must be zero, and six of them are a character that says nothing.
  return pending === 0 && bits < 6 ? bytes : null
}

/** How many bytes this many characters carry. */
export function decodedLength(characters: number): number {
  return (characters * 3) >> 2
}
