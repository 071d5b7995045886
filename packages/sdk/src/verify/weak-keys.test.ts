import { generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { engine } from '#engine'
import { importKeySet } from './jwk.ts'
import { isRoca } from './weak-keys.ts'

const PRIMES = Array.from({ length: 166 }, (_, at) => at + 2).filter((number) => {
  for (let divisor = 2; divisor * divisor <= number; divisor++) {
    if (number % divisor === 0) return false
  }
  return true
})

const PRIMORIAL = PRIMES.reduce((product, prime) => product * BigInt(prime), 1n)

const bytesOf = (number: bigint): Uint8Array =>
  Buffer.from(number.toString(16).padStart(512, '0'), 'hex')

/** As the flawed generator makes a prime (CVE-2017-15361): k * M + (65537^a mod M); so also a product. */
const flawed = (k: bigint, exponent: number): bigint => {
  let power = 1n
  for (let count = 0; count < exponent; count++) power = (power * 65_537n) % PRIMORIAL
  return k * PRIMORIAL + power
}

const size = 2n ** 2047n / PRIMORIAL

test('every modulus of the flawed generator is known by its fingerprint (CVE-2017-15361)', () => {
  fc.assert(
    fc.property(fc.bigInt(0n, size / 4n), fc.nat(300), (extra, exponent) => {
      expect(isRoca(bytesOf(flawed(size + extra, exponent)))).toBe(true)
    }),
    { numRuns: 50 },
  )
})

test('a product of two such primes is known as well', () => {
  const half = 2n ** 1023n / PRIMORIAL
  expect(isRoca(bytesOf(flawed(half + 5n, 17) * flawed(half + 9n, 40)))).toBe(true)
})

test('each of its primes counts: a modulus that one of them tells from the flawed ones is sound', () => {
  const modulus = flawed(size + 1n, 7)
  for (const prime of PRIMES.slice(1).map(BigInt)) {
    // All others leave the same rest; this one divides it, as no power of 65537 is divided.
    let sound = modulus
    while (sound % prime !== 0n) sound += PRIMORIAL / prime
    expect(isRoca(bytesOf(sound)), String(prime)).toBe(false)
  }
})

test('a modulus that was made well has no such fingerprint', () => {
  for (let count = 0; count < 5; count++) {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const { n = '' } = publicKey.export({ format: 'jwk' })
    expect(isRoca(Buffer.from(n, 'base64url'))).toBe(false)
  }
})

test('such a key is not taken from a set', async () => {
  const modulus = flawed(size + 1n, 7)
  const jwk = {
    kty: 'RSA',
    kid: 'r',
    n: Buffer.from(modulus.toString(16), 'hex').toString('base64url'),
    e: 'AQAB',
  }
  expect(modulus % 2n).toBe(1n)
  expect((await importKeySet(engine, { keys: [jwk] })).size).toBe(0)
  const sound = { ...jwk, n: Buffer.from((modulus + 2n).toString(16), 'hex').toString('base64url') }
  expect((await importKeySet(engine, { keys: [sound] })).size).toBe(1)
})
