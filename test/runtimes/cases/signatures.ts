import { constants, sign } from 'node:crypto'
import { encodeBase64url, GOOD_PAYLOAD } from '../../../packages/sdk/src/testing/tokens.ts'
import {
  big,
  bigEndian,
  ec,
  ecOf,
  ed,
  ED25519_ORDER,
  edOf,
  type Key,
  littleEndian,
  P256_ORDER,
  resigned,
  reversed,
  type Row,
  rsa,
  rsaOf,
  signatureOf,
  tokenOf,
} from './signing.ts'

/** Signatures that are almost right. */

export function signatures(key: Key): readonly Row[] {
  const other = { RS256: rsaOf, ES256: ecOf, EdDSA: edOf }[key.alg](key.kid, 2048)
  const last = (bytes: Uint8Array): Buffer => {
    const changed = Buffer.from(bytes)
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1
    return changed
  }
  const changes: readonly [string, (signature: Buffer, input: string) => Uint8Array][] = [
    ['of something else', () => signatureOf(key, 'something.else')],
    ['with another first bit', (bytes) => Buffer.from(bytes).fill((bytes[0] ?? 0) ^ 0x80, 0, 1)],
    ['with another last bit', last],
    ['without its last byte', (bytes) => bytes.subarray(0, -1)],
    ['without its first byte', (bytes) => bytes.subarray(1)],
    ['cut in half', (bytes) => bytes.subarray(0, bytes.length / 2)],
    ['of no bytes', () => new Uint8Array(0)],
    ['with a zero byte behind', (bytes) => Buffer.concat([bytes, Buffer.of(0)])],
    ['with a zero byte before', (bytes) => Buffer.concat([Buffer.of(0), bytes])],
    ['twice', (bytes) => Buffer.concat([bytes, bytes])],
    ['of zeros', (bytes) => new Uint8Array(bytes.length)],
    ['of ones', (bytes) => new Uint8Array(bytes.length).fill(1)],
    ['of 255s', (bytes) => new Uint8Array(bytes.length).fill(255)],
    ['of another key that has this kid', (_, input) => signatureOf(other, input)],
    ['backwards', reversed],
  ]
  return [
    ['good', tokenOf(key), 'accepted'],
    ...changes.map(([name, change]): Row => [
      name,
      resigned(key, change),
      'token-signature-invalid',
    ]),
  ]
}

export function ecdsaRanges(): readonly Row[] {
  const values: Readonly<Record<string, bigint>> = {
    '0': 0n,
    '1': 1n,
    'n - 1': P256_ORDER - 1n,
    n: P256_ORDER,
    'n + 1': P256_ORDER + 1n,
    '2^256 - 1': 2n ** 256n - 1n,
  }
  const rows = Object.entries(values).flatMap(([name, value]): Row[] => {
    const half = bigEndian(value, 32)
    const withR = resigned(ec, (bytes) => Buffer.concat([half, bytes.subarray(32)]))
    const withS = resigned(ec, (bytes) => Buffer.concat([bytes.subarray(0, 32), half]))
    const both = resigned(ec, () => Buffer.concat([half, half]))
    return [
      [`r = ${name}`, withR, 'token-signature-invalid'],
      [`s = ${name}`, withS, 'token-signature-invalid'],
      [`r = s = ${name}`, both, 'token-signature-invalid'],
    ]
  })
  const der = (input: string): Buffer => sign('sha256', Buffer.from(input), ec.privateKey)
  return [
    ...rows,
    [
      's = n - s, which the standard takes',
      resigned(ec, (bytes) =>
        Buffer.concat([bytes.subarray(0, 32), bigEndian(P256_ORDER - big(bytes.subarray(32)), 32)]),
      ),
      'accepted',
    ],
    [
      's and r',
      resigned(ec, (bytes) => Buffer.concat([bytes.subarray(32), bytes.subarray(0, 32)])),
      'token-signature-invalid',
    ],
    ['in DER', resigned(ec, (_, input) => der(input)), 'token-signature-invalid'],
    [
      'the first 64 bytes of DER',
      resigned(ec, (_, input) => der(input).subarray(0, 64)),
      'token-signature-invalid',
    ],
    ...shapes(),
  ]
}

/** Signatures whose r or s begin with a zero byte or with a high bit: both are encoded apart. */
function shapes(): readonly Row[] {
  const shapeOf = (byte = 0): string => (byte === 0 ? 'zero' : byte > 127 ? 'high' : 'low')
  const found = new Map<string, string>()
  // A zero byte in front comes once in 256; the bound only keeps a defect from running on.
  for (let count = 0; count < 20_000 && found.size < 8; count++) {
    const token = tokenOf(ec, { ...GOOD_PAYLOAD, count })
    const signature = Buffer.from(token.slice(token.lastIndexOf('.') + 1), 'base64url')
    const shape = `r begins ${shapeOf(signature[0])}, s begins ${shapeOf(signature[32])}`
    // Both zero are rare, and no other code than each of them.
    if (shape !== 'r begins zero, s begins zero') found.set(shape, token)
  }
  return [...found].map(([shape, token]): Row => [shape, token, 'accepted'])
}

export function ed25519Ranges(): readonly Row[] {
  const identity = littleEndian(1n, 32)
  const zero = new Uint8Array(32)
  const sOf = (bytes: Uint8Array): bigint => big(reversed(bytes.subarray(32)))
  const withS = (value: (s: bigint) => bigint): string =>
    resigned(ed, (bytes) =>
      Buffer.concat([bytes.subarray(0, 32), littleEndian(value(sOf(bytes)), 32)]),
    )
  const refused = 'token-signature-invalid'
  return [
    ['S + L (RFC 8032 §5.1.7)', withS((s) => s + ED25519_ORDER), refused],
    ['S + 2 L', withS((s) => s + 2n * ED25519_ORDER), refused],
    ['S + 8 L', withS((s) => s + 8n * ED25519_ORDER), refused],
    ['S = 0', withS(() => 0n), refused],
    ['S = L', withS(() => ED25519_ORDER), refused],
    ['L - S', withS((s) => ED25519_ORDER - s), refused],
    ['R is the identity, S = 0', resigned(ed, () => Buffer.concat([identity, zero])), refused],
    [
      'R has the other sign',
      resigned(ed, (bytes) => Buffer.from(bytes).fill((bytes[31] ?? 0) ^ 0x80, 31, 32)),
      refused,
    ],
  ]
}

export function rsaRanges(): readonly Row[] {
  const { n = '' } = rsa.publicKey.export({ format: 'jwk' })
  const modulus = big(Buffer.from(n, 'base64url'))
  const plusModulus = (): string => {
    for (let count = 0; count < 5_000; count++) {
      const token = tokenOf(rsa, { ...GOOD_PAYLOAD, count })
      const end = token.lastIndexOf('.')
      const sum = big(Buffer.from(token.slice(end + 1), 'base64url')) + modulus
      if (sum < 2n ** 2048n) {
        return `${token.slice(0, end)}.${encodeBase64url(bigEndian(sum, 256))}`
      }
    }
    throw new Error('No signature is small enough to have the modulus added.')
  }
  const valued = (value: bigint): string => resigned(rsa, () => bigEndian(value, 256))
  const signedWith = (hash: string, padding?: number): string =>
    resigned(rsa, (_, input) => sign(hash, Buffer.from(input), { key: rsa.privateKey, padding }))
  const refused = 'token-signature-invalid'
  return [
    ['s + n (RFC 8017 §8.2.2)', plusModulus(), refused],
    ['n', valued(modulus), refused],
    ['n - 1', valued(modulus - 1n), refused],
    ['1', valued(1n), refused],
    ['of PSS', signedWith('sha256', constants.RSA_PKCS1_PSS_PADDING), refused],
    ['over SHA-1', signedWith('sha1'), refused],
    ['over SHA-512', signedWith('sha512'), refused],
  ]
}
