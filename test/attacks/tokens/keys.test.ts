import { generateKeyPairSync } from 'node:crypto'
import { expect, test } from 'vitest'
import { GOOD_PAYLOAD, signToken } from '../../../packages/sdk/src/testing/tokens.ts'
import type { JsonObject } from '../../../packages/sdk/src/token/json.ts'
import { ec, ed, JWKS, rsa, verdict } from './doors.ts'

/** Keys that somebody else chose, published under the kid of a good one (A9). */

const spelled = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')
const littleEndian = (number: bigint): Uint8Array =>
  Buffer.from(number.toString(16).padStart(64, '0'), 'hex').reverse()
const bigEndian = (number: bigint, bytes: number): string =>
  spelled(Buffer.from(number.toString(16).padStart(bytes * 2, '0'), 'hex'))

const rsaOf = (modulusLength: number): JsonObject =>
  generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' })

const modulus = Buffer.from(String(rsa.publicJwk['n']), 'base64url')
const even = Buffer.from(modulus)
even[255] = (even[255] ?? 0) & 0xfe
const withZero = Buffer.concat([Buffer.of(0), modulus])

test.each<[string, JsonObject]>([
  ['exponent 1, under which every text signs itself', { e: 'AQ' }],
  ['exponent 0', { e: 'AA' }],
  ['exponent 2', { e: 'Ag' }],
  ['a giant exponent', { e: spelled(modulus) }],
  ['an exponent with a zero in front', { e: 'AAEAAQ' }],
  ['no exponent', { e: undefined }],
  ['an even modulus', { n: spelled(even) }],
  ['a modulus with a zero in front', { n: spelled(withZero) }],
  ['a modulus that is not base64url', { n: `${spelled(modulus)}==` }],
  ['1024 bits', rsaOf(1024)],
  ['2040 bits', rsaOf(2040)],
  ['more than 4096 bits', rsaOf(4104)],
  ['a private exponent beside it', { d: 'AQAB' }],
  ['primes beside it', { p: 'AQAB', q: 'AQAB' }],
  ['an alg of another kind', { alg: 'PS256' }],
  ['an alg that is symmetric', { alg: 'HS256' }],
  ['an alg that is a list', { alg: ['RS256'] }],
  ['a use for encryption', { use: 'enc' }],
  ['operations without verify', { key_ops: ['sign'] }],
  ['the type of a curve', { kty: 'EC' }],
  ['the type of a secret', { kty: 'oct', k: 'AAAA' }],
])('an RSA key with %s verifies nothing', async (_, members) => {
  const keys = [{ ...rsa.publicJwk, ...members }, ec.publicJwk]
  expect(await verdict(await signToken(rsa), { jwks: { keys } })).toBe('token-key-unknown')
  // The others of the set are not harmed.
  expect(await verdict(await signToken(ec), { jwks: { keys } })).toBe('accepted')
})

test.each<[string, JsonObject]>([
  ['off the curve', { y: ec.publicJwk['x'] }],
  ['at infinity', { x: bigEndian(0n, 32), y: bigEndian(0n, 32) }],
  ['beyond the field', { x: spelled(Buffer.alloc(32, 255)) }],
  ['that is too short', { x: 'AAAA' }],
  ['without y', { y: undefined }],
  ['of another curve', { crv: 'P-384' }],
  ['of no curve', { crv: undefined }],
  ['of a curve that is a list', { crv: ['P-256'] }],
  ['with its private half', { d: ec.publicJwk['x'] }],
])('an EC key %s verifies nothing', async (_, members) => {
  const keys = [{ ...ec.publicJwk, ...members }, rsa.publicJwk]
  expect(await verdict(await signToken(ec), { jwks: { keys } })).toBe('token-key-unknown')
  expect(await verdict(await signToken(rsa), { jwks: { keys } })).toBe('accepted')
})

const P = 2n ** 255n - 19n
const ORDER_8 = [
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]

test('an Ed25519 key of low order verifies nothing, in all fourteen spellings', async () => {
  const token = await signToken(ed)
  const spellings = [0n, 1n, P - 1n, P, P + 1n, ...ORDER_8].flatMap((y) => [y, y + 2n ** 255n])
  expect(spellings).toHaveLength(14)
  for (const y of spellings) {
    const jwks = { keys: [{ ...ed.publicJwk, x: spelled(littleEndian(y)) }] }
    expect(await verdict(token, { jwks }), y.toString(16)).toBe('token-key-unknown')
    // Under the identity (R = 1, S = 0) fits every text.
    const forged = Buffer.concat([littleEndian(1n), Buffer.alloc(32)])
    const unsigned = token.slice(0, token.lastIndexOf('.'))
    expect(await verdict(`${unsigned}.${spelled(forged)}`, { jwks })).toBe('token-key-unknown')
  }
})

test('a token is verified by the key it names, or not at all (OpenLiberty #17251)', async () => {
  const unnamed = await signToken(ec, GOOD_PAYLOAD, {
    alg: 'ES256',
    typ: 'JWT',
    cat: 'cl_B7d4PD333AAA',
  })
  const only = { jwks: { keys: [ec.publicJwk] } }
  expect(await verdict(unnamed, only)).toBe('token-malformed')
  const other = { alg: 'ES256', typ: 'JWT', kid: 'other', cat: 'cl_B7d4PD333AAA' }
  expect(await verdict(await signToken(ec, GOOD_PAYLOAD, other), only)).toBe('token-key-unknown')
})

test('symmetric keys in a set are no keys, and do no harm', async () => {
  const keys = [{ kty: 'oct', kid: 'rsa2', k: 'AAAA', alg: 'HS256' }, null, 1, 'x', ...JWKS.keys]
  expect(await verdict(await signToken(rsa), { jwks: { keys: keys as JsonObject[] } })).toBe(
    'accepted',
  )
})
