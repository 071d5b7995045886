import { createPublicKey, verify } from 'node:crypto'
import type { JwtAlgorithm } from '../../token/algorithms.ts'
import { decodedLength } from '../../token/base64url.ts'
import type { Codec } from '../../token/codec.ts'
import { decodeUtf8 } from '../../token/utf8.ts'
import type { CheckSignature, Engine, PublicKeyMaterial, VerifiedTokensOptions } from './engine.ts'
import { createFamiliarTokens } from './node/familiar-tokens.ts'
import { writeBase64url } from './node/base64url.ts'
import { createSeenTokens } from './node/seen-tokens.ts'

const DIGESTS: Readonly<Record<JwtAlgorithm, string | null>> = {
  RS256: 'sha256',
  ES256: 'sha256',
  EdDSA: null,
}

/** Signatures by Node's own crypto, synchronous: the way to the thread pool costs more than the check. */
function importKey({ algorithm, jwk }: PublicKeyMaterial): Promise<CheckSignature> {
  const digest = DIGESTS[algorithm]
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    return Promise.resolve((data, signature) => {
      if (algorithm !== 'ES256') return verify(digest, data, key, signature)
      const isRight = verify(digest, data, key, ecdsaToDer(signature))
      // Nothing to be presented is kept.
      der.fill(0)
      return isRight
    })
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error('The key was not imported.'))
  }
}

const REPLACEMENT = '\uFFFD'

/** Buffers from Node's pool, and its own decoders. */
const codec: Codec = {
  encode: (text: string) => Buffer.from(text, 'latin1'),
  decodeBase64url(text: string) {
    const bytes = Buffer.allocUnsafe(decodedLength(text.length))
    return writeBase64url(bytes, text) ? bytes : null
  },
  decode(bytes: Buffer) {
    const text = bytes.toString('utf8')
    return text.includes(REPLACEMENT) ? decodeUtf8(bytes) : text
  },
}

const SEQUENCE = 0x30
const INTEGER = 0x02

/** Type and length of three values, a zero in front of two, and r and s of 32 bytes each. */
const DER_BYTES = 72

/** Filled anew for each signature, and read at once. */
const der = Buffer.allocUnsafeSlow(DER_BYTES)
const ders = Array.from({ length: DER_BYTES + 1 }, (_, length) => der.subarray(0, length))

/**
 * r and s side by side (RFC 7518 §3.4) as the ASN.1 that OpenSSL takes. Node can be asked to do it
 * (`dsaEncoding`), and then takes up to twice as long. It is one to one: no two raw signatures become
 * the same DER.
 */
function ecdsaToDer(signature: Uint8Array): Uint8Array {
  const half = signature.length / 2
  const middle = writeInteger(2, signature, 0, half)
  const end = writeInteger(middle, signature, half, signature.length)
  der[0] = SEQUENCE
  der[1] = end - 2
  // What is longer is none, and as nothing it is wrong.
  return ders[end] ?? der.subarray(0, 0)
}

/** The shortest form, as DER demands: no zero in front but one where the first bit would say "negative". */
function writeInteger(at: number, bytes: Uint8Array, start: number, end: number): number {
  let first = start
  while (first < end - 1 && bytes[first] === 0) first++
  const pad = (bytes[first] as number) > 0x7f ? 1 : 0
  der[at] = INTEGER
  der[at + 1] = end - first + pad
  der[at + 2] = 0
  let to = at + 2 + pad
  for (let position = first; position < end; position++) der[to++] = bytes[position] as number
  return to
}

export const engine: Engine = {
  name: 'node',
  importKey,
  codec,
  createVerifiedTokens: <Claims extends object>(options: VerifiedTokensOptions<Claims>) =>
    createFamiliarTokens(createSeenTokens<Claims>(options.cacheSize), options),
}
