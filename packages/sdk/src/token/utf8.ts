/** The encoder, of which one is enough. */
export const UTF8: InstanceType<typeof TextEncoder> = new TextEncoder()
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of bytes that are strictly UTF-8, or `null`. A byte order mark stays in it. */
export function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return DECODER.decode(bytes)
  } catch {
    return null
  }
}
