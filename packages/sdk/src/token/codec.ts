/** How texts become bytes and bytes texts. A platform may do it faster, not otherwise. */
export interface Codec {
  /**
   * A byte for each character, and room for as many more as are asked for, with anything in it. `null`
   * when a character is beyond ASCII.
   */
  encode(text: string, room: number): Uint8Array | null
  /** The text of these bytes, a byte order mark included; `null` when they are not strictly UTF-8. */
  decode(bytes: Uint8Array, start: number, end: number, isAscii: boolean): string | null
}

/** The encoder, of which one is enough. */
export const UTF8: InstanceType<typeof TextEncoder> = new TextEncoder()
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What every platform has. */
export const PORTABLE_CODEC: Codec = {
  encode(text: string, room: number): Uint8Array | null {
    const bytes = new Uint8Array(text.length + room)
    const { read, written } = UTF8.encodeInto(text, bytes)
    return read === text.length && written === text.length ? bytes : null
  },
  decode: (bytes: Uint8Array, start: number, end: number) => decodeUtf8(bytes.subarray(start, end)),
}

/** The text of bytes that are strictly UTF-8, or `null`. A byte order mark stays in it. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return DECODER.decode(bytes)
  } catch {
    return null
  }
}
