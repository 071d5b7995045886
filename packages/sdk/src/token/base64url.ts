/**
 * Strict base64url (RFC 4648 §5, RFC 7515 §2): no padding, no white space, no other alphabet, and no
 * stray bits at the end, so that each byte string has one spelling.
 */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

const INVALID = 255

const DIGITS: Uint8Array = digitTable()

/** The bytes of `text` from `start` to `end`, or `null` when that is not strict base64url. */
export function decodeBase64url(
  text: string,
  start: number = 0,
  end: number = text.length,
): Uint8Array | null {
  const length = end - start
  const rest = length % 4
  if (rest === 1) return null
  const bytes = new Uint8Array(Math.floor((length * 3) / 4))
  let written = 0
  let position = start
  for (const whole = end - rest; position < whole; position += 4) {
    const a = digit(text, position)
    const b = digit(text, position + 1)
    const c = digit(text, position + 2)
    const d = digit(text, position + 3)
    if ((a | b | c | d) > 63) return null
    bytes[written++] = (a << 2) | (b >> 4)
    bytes[written++] = ((b & 15) << 4) | (c >> 2)
    bytes[written++] = ((c & 3) << 6) | d
  }
  return rest === 0 || decodeRest(text, position, rest, bytes, written) ? bytes : null
}

/** Encodes without padding. */
export function encodeBase64url(bytes: Uint8Array): string {
  let text = ''
  for (let position = 0; position < bytes.length; position += 3) {
    const a = bytes[position] as number
    const b = bytes[position + 1]
    const c = bytes[position + 2]
    text += (ALPHABET[a >> 2] as string) + (ALPHABET[((a & 3) << 4) | ((b ?? 0) >> 4)] as string)
    if (b !== undefined) text += ALPHABET[((b & 15) << 2) | ((c ?? 0) >> 6)] as string
    if (c !== undefined) text += ALPHABET[c & 63] as string
  }
  return text
}

/** The last two or three characters; the bits that belong to no byte must be zero. */
function decodeRest(
  text: string,
  position: number,
  rest: number,
  bytes: Uint8Array,
  written: number,
): boolean {
  const a = digit(text, position)
  const b = digit(text, position + 1)
  const c = rest === 3 ? digit(text, position + 2) : 0
  if ((a | b | c) > 63) return false
  bytes[written] = (a << 2) | (b >> 4)
  if (rest === 2) return (b & 15) === 0
  bytes[written + 1] = ((b & 15) << 4) | (c >> 2)
  return (c & 3) === 0
}

function digit(text: string, position: number): number {
  const code = text.charCodeAt(position)
  return code < 128 ? (DIGITS[code] as number) : INVALID
}

function digitTable(): Uint8Array {
  const table = new Uint8Array(128).fill(INVALID)
  for (let value = 0; value < ALPHABET.length; value++) table[ALPHABET.charCodeAt(value)] = value
  return table
}
