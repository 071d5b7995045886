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
