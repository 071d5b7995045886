import { decodedLength } from '../../../token/base64url.ts'

/** What one, two or three characters may end with: the bits that belong to no byte are zero. */
const LAST = ['', 'AQgw', 'AEIMQUYcgkosw048'] as const

/**
 * Decodes a text to the beginning of `bytes`, which have room for it, by Node's own decoder. That is lenient:
 * what it was lenient about is refused.
 *
 * @returns Whether it is strict base64url.
 */
export function writeBase64url(bytes: Buffer, text: string): boolean {
  const { length } = text
  const last = LAST[(length % 4) - 1]
  // Base64 is decoded too, and of what is beyond ASCII the lower byte; what is neither is passed over: then
  // there are fewer bytes.
  return (
    Buffer.byteLength(text) === length &&
    last?.includes(text.charAt(length - 1)) !== false &&
    !text.includes('+') &&
    !text.includes('/') &&
    bytes.write(text, 'base64url') === decodedLength(length)
  )
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** What a character stands for, by its byte; -1 for what is none of the alphabet. */
const VALUES = Int8Array.from({ length: 256 }, (_, byte) =>
  ALPHABET.indexOf(String.fromCharCode(byte)),
)

/**
 * Decodes characters that are bytes already: for some hundred of them the way to Node's decoder is longer.
 *
 * @param to Where the first byte goes, in `into`, which may be `characters`.
 * @returns Whether they are strict base64url.
 */
export function decodeCharacters(
  characters: Uint8Array,
  start: number,
  end: number,
  into: Uint8Array,
  to: number,
): boolean {
  let at = start
  let next = to
  // Below zero from the first on that is none.
  let seen = 0
  for (; at + 4 <= end; at += 4) {
    const bits = (valueOf(characters, at) << 12) | valueOf(characters, at + 2)
    seen |= bits
    into[next++] = bits >> 16
    into[next++] = bits >> 8
    into[next++] = bits
  }
  const rest = end - at
  let bits = 0
  while (at < end) bits = (bits << 6) | (VALUES[characters[at++] as number] as number)
  if (rest > 1) into[next++] = bits >> (rest === 2 ? 4 : 10)
  if (rest > 2) into[next] = bits >> 2
  // The bits that belong to no byte are zero.
  return seen >= 0 && bits >= 0 && rest !== 1 && (bits & (rest === 2 ? 0b1111 : 0b11)) === 0
}

/** Of two characters. */
function valueOf(characters: Uint8Array, at: number): number {
  const first = VALUES[characters[at] as number] as number
  return (first << 6) | (VALUES[characters[at + 1] as number] as number)
}
