import { createECDH, createHash, type KeyObject } from 'node:crypto'

/** The order of the group of P-256 (FIPS 186-5, SP 800-186 §3.2.1.3). */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/**
 * ECDSA on P-256 of a digest as it is, in DER, as KMS does with `MessageType` `DIGEST`; `node:crypto`
 * always hashes first. The one-time number comes from the key and the digest (in the spirit of RFC 6979),
 * and this is not for any key that matters: it takes no constant time.
 */
export function signDigestP256(key: KeyObject, digest: Uint8Array): Buffer {
  const d = toBigInt(Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url'))
  const seed = createHash('sha256').update(toBytes(d)).update(digest).digest()
  const k = (toBigInt(seed) % (N - 1n)) + 1n
  const ecdh = createECDH('prime256v1')
  ecdh.setPrivateKey(toBytes(k))
  const r = toBigInt(ecdh.getPublicKey().subarray(1, 33)) % N
  const s = (inverse(k) * (toBigInt(digest) + r * d)) % N
  const integers = Buffer.concat([derInteger(r), derInteger(s)])
  return Buffer.concat([Buffer.from([0x30, integers.length]), integers])
}

function derInteger(value: bigint): Buffer {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex')
  const signed = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes
  return Buffer.concat([Buffer.from([0x02, signed.length]), signed])
}

/** By Fermat: the order is prime. */
function inverse(value: bigint): bigint {
  let result = 1n
  let base = value % N
  for (let exponent = N - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % N
    base = (base * base) % N
  }
  return result
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}

function toBytes(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(64, '0'), 'hex')
}
