import { decodeBase64urlInto } from './base64url.ts'
import { decodeUtf8, UTF8 } from './utf8.ts'

/** How texts become bytes and bytes texts. A platform may do it faster, not otherwise. */
export interface Codec {
  /**
   * A byte for each character, and room for as many more as are asked for, with anything in it. `null`
   * when a character is beyond ASCII.
   */
  encode(text: string, room: number): Uint8Array | null
  /**
   * Decodes a part of a text to where its bytes are, from `written` on: three bytes take the place of four
   * characters, or stand behind all of them.
   *
   * @param bytes What `encode` made of the text.
   * @returns Whether it is strict base64url.
   */
  decodeBase64url(
    text: string,
    bytes: Uint8Array,
    start: number,
    end: number,
    written: number,
  ): boolean
  /** The text of these bytes, a byte order mark included; `null` when they are not strictly UTF-8. */
  decode(bytes: Uint8Array, start: number, end: number): string | null
}

/** What every platform has. */
export const PORTABLE_CODEC: Codec = {
  encode(text: string, room: number): Uint8Array | null {
    const bytes = new Uint8Array(text.length + room)
    const { read, written } = UTF8.encodeInto(text, bytes)
    return read === text.length && written === text.length ? bytes : null
  },
  decodeBase64url: (_, bytes: Uint8Array, start: number, end: number, written: number) =>
    decodeBase64urlInto(bytes, start, end, bytes, written),
  decode: (bytes: Uint8Array, start: number, end: number) => decodeUtf8(bytes.subarray(start, end)),
}
