import { decodeBase64url } from './base64url.ts'
import { decodeUtf8, UTF8 } from './utf8.ts'

/** How texts become bytes and bytes texts. A platform may do it faster, not otherwise. */
export interface Codec {
  /** A byte for each character of a text that is ASCII. */
  encode(text: string): Uint8Array
  /** The bytes of a text, or `null` when it is not strict base64url. */
  decodeBase64url(text: string): Uint8Array | null
  /** The text of these bytes, a byte order mark included; `null` when they are not strictly UTF-8. */
  decode(bytes: Uint8Array): string | null
}

/** What every platform has. */
export const PORTABLE_CODEC: Codec = {
  encode: (text: string) => UTF8.encode(text),
  decodeBase64url,
  decode: decodeUtf8,
}
