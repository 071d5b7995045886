import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto'
import type { Algorithm, PublicJwk } from '../domain/records.ts'
import { generateSigningKey, toPublicJwk } from '../vault/private-keys.ts'

/**
 * RSA keys that everybody knows. Making one takes a quarter of a second, and an instance wants two; a test
 * that starts an authority cannot wait so long. Nothing outside this folder can reach them (tools/layers.ts),
 * and no authority takes in a key that it has not made: docs/design/0006-the-test-kit.md.
 *
 * A prime is not written down here: it is the hash of a sentence that says what it is, and how far from it
 * the next prime lies.
 */
const PUBLISHED_PRIMES = [
  { p: { name: 'first p', offset: 1186n }, q: { name: 'first q', offset: 892n } },
  { p: { name: 'second p', offset: 1092n }, q: { name: 'second q', offset: 416n } },
] as const

const SENTENCE = 'countersign test key, known to everybody, never for production'

const EXPONENT = 65_537n
const PRIME_BYTES = 128

type KeyPair = Awaited<ReturnType<typeof generateSigningKey>>

/** Makes the key pairs of one emulated authority: its first RSA keys are published ones, all others new. */
export function createPublishedKeys(): (kid: string, algorithm: Algorithm) => Promise<KeyPair> {
  let used = 0
  return async (kid, algorithm) => {
    const primes = algorithm === 'RS256' ? PUBLISHED_PRIMES[used++] : undefined
    if (primes === undefined) return generateSigningKey(kid, algorithm)
    const privateKey = rsaKey(primeOf(primes.p), primeOf(primes.q))
    const publicKey = createPublicKey(privateKey)
    const publicJwk: PublicJwk = toPublicJwk(kid, algorithm, publicKey)
    return { publicJwk, publicKey, privateKey }
  }
}

function primeOf({ name, offset }: { readonly name: string; readonly offset: bigint }): bigint {
  const hash = createHash('shake256', { outputLength: PRIME_BYTES })
  const digest = hash.update(`${SENTENCE}: ${name}`).digest('hex')
  // The two highest bits, so that the product has all of its length.
  return (BigInt(`0x${digest}`) | (3n << 1022n) | 1n) + offset
}

/** RFC 8017 §3.2 and RFC 7518 §6.3.2. */
function rsaKey(p: bigint, q: bigint): KeyObject {
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n))
  const members = { n: p * q, e: EXPONENT, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n) }
  const jwk = Object.entries({ ...members, qi: inverse(q, p) }).map(([name, value]) => {
    const digits = value.toString(16)
    const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex')
    return [name, bytes.toString('base64url')] as const
  })
  return createPrivateKey({ format: 'jwk', key: { kty: 'RSA', ...Object.fromEntries(jwk) } })
}

/** The extended Euclidean algorithm. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [remainder, next] = [modulus, value % modulus]
  let [coefficient, nextCoefficient] = [0n, 1n]
  while (next > 0n) {
    const quotient = remainder / next
    ;[remainder, next] = [next, remainder - quotient * next]
    ;[coefficient, nextCoefficient] = [nextCoefficient, coefficient - quotient * nextCoefficient]
  }
  return (coefficient + modulus) % modulus
}
