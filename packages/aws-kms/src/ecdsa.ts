const SEQUENCE = 0x30
const INTEGER = 0x02

/**
 * An ECDSA signature as JWS wants it, r and s of `size` bytes each (RFC 7518 §3.4), from the
 * ECDSA-Sig-Value in DER that KMS gives (RFC 3279 §2.2.3); `null` when it is not exactly one.
 */
export function rawFromDer(der: Uint8Array, size: number): Uint8Array | null {
  // Both integers of a 256-bit curve fit lengths of one byte; longer forms are not DER here.
  if (der[0] !== SEQUENCE || der[1] !== der.length - 2) return null
  const r = readInteger(der, 2, size)
  if (r === null) return null
  const s = readInteger(der, r.end, size)
  if (s?.end !== der.length) return null
  const raw = new Uint8Array(2 * size)
  raw.set(r.bytes, size - r.bytes.length)
  raw.set(s.bytes, 2 * size - s.bytes.length)
  return raw
}

/** A positive INTEGER in as few bytes as it needs (X.690 §8.3), without its sign byte. */
function readInteger(
  der: Uint8Array,
  at: number,
  size: number,
): { readonly bytes: Uint8Array; readonly end: number } | null {
  const length = der[at + 1]
  if (der[at] !== INTEGER || length === undefined || length === 0) return null
  const start = at + 2
  const end = start + length
  if (end > der.length) return null
  const first = der[start] ?? 0
  const second = der[start + 1] ?? 0
  if (first >= 0x80) return null
  // Zero is no part of a signature, and a zero before a byte without the sign bit is one too many.
  if (first === 0 && (length === 1 || second < 0x80)) return null
  const bytes = der.subarray(first === 0 ? start + 1 : start, end)
  return bytes.length > size ? null : { bytes, end }
}
