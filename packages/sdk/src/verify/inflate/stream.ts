/**
 * The bytes that were deflated (ZLIB, RFC 1950), by the platform. Rejects when it is none, or larger than
 * the bound: a small text can be deflated from a thousand times as much.
 */
export async function inflate(deflated: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const body = new Blob([deflated as Uint8Array<ArrayBuffer>]).stream()
  const reader = body.pipeThrough(new DecompressionStream('deflate')).getReader()
  const chunks: Uint8Array[] = []
  let length = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    length += value.byteLength
    if (length > maxBytes) {
      reader.cancel().catch(() => undefined)
      throw new RangeError('too large')
    }
    chunks.push(value)
  }
  const bytes = new Uint8Array(length)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.byteLength
  }
  return bytes
}
