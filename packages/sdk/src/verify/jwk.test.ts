import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createTestKey, encodeBase64url } from '../testing/tokens.ts'
import { engine } from '#engine'
import { importKeySet, isJwkSet } from './jwk.ts'

const [rsa, ec, ed] = await Promise.all(
  (['RS256', 'ES256', 'EdDSA'] as const).map(
    async (alg) => (await createTestKey(alg, alg)).publicJwk,
  ),
)

const rsaOf = (modulusLength: number): object =>
  generateKeyPairSync('rsa', { modulusLength }).publicKey.export({ format: 'jwk' })

const kidsOf = async (...keys: unknown[]): Promise<string[]> => [
  ...(await importKeySet(engine, { keys })).keys(),
]

test('keys of the three algorithms are taken, by their kid', async () => {
  const keys = await importKeySet(engine, { keys: [rsa, ec, ed] })
  const found = [...keys].map(([kid, key]) => [kid, key.algorithm, key.signatureLength])
  expect(found).toEqual([
    ['RS256', 'RS256', 256],
    ['ES256', 'ES256', 64],
    ['EdDSA', 'EdDSA', 64],
  ])
})

test('the algorithm may be unsaid, and Ed25519 may be called by its full name', async () => {
  expect(await kidsOf({ ...ec, alg: undefined }, { ...ed, alg: 'Ed25519' })).toHaveLength(2)
})

test('a key that is not fit is skipped, and the others stay', async () => {
  expect(await kidsOf(rsa, { kty: 'oct', kid: 'x', k: 'AAAA' }, 'text', null, [], ec)).toEqual([
    'RS256',
    'ES256',
  ])
})

describe('it skips a key', () => {
  const { n = '', x = '', y = '' } = { ...rsa, ...ec } as Record<string, string>
  const even = Buffer.from(n, 'base64url')
  even[even.length - 1] = (even.at(-1) ?? 0) & 0xfe
  test.each([
    ['that is symmetric', { kty: 'oct', kid: 'k', alg: 'HS256', k: 'c2VjcmV0' }],
    ['that is symmetric and says RS256', { kty: 'oct', kid: 'k', alg: 'RS256', k: 'c2VjcmV0' }],
    ...['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].flatMap((name): [string, object][] => [
      [`with the private member ${name}`, { ...rsa, [name]: 'AAAA' }],
      [`with ${name} that says nothing`, { ...ec, [name]: undefined }],
    ]),
    ['without a kid', { ...ec, kid: undefined }],
    ['whose kid is empty', { ...ec, kid: '' }],
    ['whose kid is a number', { ...ec, kid: 1 }],
    ['whose kid is long', { ...ec, kid: 'k'.repeat(129) }],
    ['for encryption', { ...ec, use: 'enc' }],
    ['for signing', { ...ec, key_ops: ['sign'] }],
    ['with odd operations', { ...ec, key_ops: 'verify' }],
    ['of another algorithm', { ...rsa, alg: 'PS256' }],
    ['of another algorithm of its kind', { ...rsa, alg: 'RS512' }],
    ['whose algorithm is that of another kind', { ...rsa, alg: 'ES256' }],
    ['whose algorithm is HS256', { ...rsa, alg: 'HS256' }],
    ['whose algorithm is an array', { ...rsa, alg: ['RS256'] }],
    ['on another curve', { ...ec, crv: 'P-384' }],
    ['on another curve that names no algorithm', { ...ec, crv: 'P-384', alg: undefined }],
    ['of a kind that is not known', { kty: 'XYZ', kid: 'k' }],
    ['of another kind than its curve', { ...ec, kty: 'OKP', alg: undefined }],
    ['on the curve of key agreement', { ...ed, crv: 'X25519' }],
    ['off its curve', { ...ec, x: y, y: x }],
    [
      'at infinity',
      { ...ec, x: encodeBase64url(new Uint8Array(32)), y: encodeBase64url(new Uint8Array(32)) },
    ],
    ['with a short coordinate', { ...ec, x: x.slice(0, 42) }],
    ['with another short coordinate', { ...ec, y: y.slice(0, 42) }],
    ['with a long coordinate', { ...ec, x: `AAAA${x}` }],
    ['with another long coordinate', { ...ec, y: `AAAA${y}` }],
    ['of another kind that says its curve', { ...rsa, crv: 'P-256' }],
    ['without a curve', { ...ec, crv: undefined }],
    ['for no use at all', { ...ec, use: null }],
    ['for no operation', { ...ec, key_ops: [] }],
    ['with padding', { ...ec, x: `${x}=` }],
    ['without a member', { ...ec, y: undefined }],
    ['with a member that is a number', { ...ec, y: 1 }],
    ['of another length', { ...ed, x: 'AAAA' }],
    ['without its only member', { ...ed, x: undefined }],
    ['with exponent 1', { ...rsa, e: 'AQ' }],
    ['with an even exponent', { ...rsa, e: 'Ag' }],
    ['with a giant exponent', { ...rsa, e: n }],
    ['with an exponent that workerd does not take', { ...rsa, e: 'Iw' }],
    ['with exponent 0', { ...rsa, e: 'AA' }],
    ['without an exponent', { ...rsa, e: undefined }],
    ['without a modulus', { ...rsa, n: undefined }],
    ['with an empty modulus', { ...rsa, n: '' }],
    ['with an exponent of five bytes', { ...rsa, e: 'AQAAAAAD' }],
    ['with an empty exponent', { ...rsa, e: '' }],
    ['with a zero in front of its exponent', { ...rsa, e: 'AAEAAQ' }],
    ['with an even modulus', { ...rsa, n: even.toString('base64url') }],
    [
      'with a zero in front of its modulus',
      {
        ...rsa,
        n: Buffer.concat([Buffer.of(0), Buffer.from(n, 'base64url')]).toString('base64url'),
      },
    ],
    ['of 1024 bits', { ...rsaOf(1024), kid: 'k' }],
    ['of 2040 bits', { ...rsaOf(2040), kid: 'k' }],
    ['of 4104 bits', { ...rsa, n: encodeBase64url(new Uint8Array(513).fill(255)) }],
  ])('%s', async (_, key) => {
    expect(await kidsOf(key)).toEqual([])
  })
})

test('a key may say that it is for verifying, that it may sign as well, or nothing', async () => {
  const saying: object[] = [
    { use: undefined },
    { use: 'sig', key_ops: ['verify'] },
    { key_ops: ['sign', 'verify'] },
  ]
  const keys = saying.map((members, at) => ({ ...ec, ...members, kid: `k${at}` }))
  expect(await kidsOf(...keys)).toEqual(['k0', 'k1', 'k2'])
})

test('a kid of 128 characters is taken', async () => {
  const kid = 'k'.repeat(128)
  expect(await kidsOf({ ...ec, kid })).toEqual([kid])
})

test('the exponents that are in use are taken', async () => {
  const keys = ['Aw', 'EQ', 'AQAB'].map((e) => ({ ...rsa, e, kid: e }))
  expect(await kidsOf(...keys)).toEqual(['Aw', 'EQ', 'AQAB'])
})

describe('an Ed25519 key of low order, for which one signature fits many messages, is skipped', () => {
  // The y coordinates, little-endian: 0, 1, -1, those of order 8, and the two that are not reduced.
  test.each([
    '0000000000000000000000000000000000000000000000000000000000000000',
    '0100000000000000000000000000000000000000000000000000000000000000',
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
    'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
    'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
    'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('%s, of either sign', async (y) => {
    const point = Buffer.from(y, 'hex')
    for (const sign of [0, 0x80]) {
      const bytes = Uint8Array.from(point)
      bytes[31] = (bytes[31] ?? 0) | sign
      expect(await kidsOf({ ...ed, x: encodeBase64url(bytes) })).toEqual([])
    }
  })
})

test('2048 and 4096 bits are taken', async () => {
  const largest = { ...rsa, n: encodeBase64url(new Uint8Array(512).fill(255)) }
  expect(await kidsOf({ ...rsaOf(2048), kid: 'a' }, { ...largest, kid: 'b' })).toEqual(['a', 'b'])
})

test('a kid that stands twice names no key, whatever the keys are', async () => {
  expect(await kidsOf(ec, { ...rsa, kid: 'ES256' }, ed)).toEqual(['EdDSA'])
  expect(await kidsOf(ec, { kty: 'oct', kid: 'ES256', k: 'AAAA' })).toEqual([])
})

test('names of Object’s own are kids like any other', async () => {
  const names = ['__proto__', 'constructor', 'toString']
  expect(await kidsOf(...names.map((kid) => ({ ...ec, kid })))).toEqual(names)
  const keys = await importKeySet(engine, { keys: [ec] })
  for (const name of names) expect(keys.get(name)).toBeUndefined()
})

test('of a giant set the first 256 keys are looked at', async () => {
  const many = Array.from({ length: 1_000 }, (_, at) => ({ ...ec, kid: `k${at}` }))
  expect(await kidsOf(...many)).toHaveLength(256)
})

test.each([null, undefined, [], 'text', 1, {}, { keys: {} }, { keys: null }])(
  'what is no key set is told: %j',
  async (set) => {
    expect(isJwkSet(set)).toBe(false)
  },
)

test('a key that has not changed is not imported again, and one that has is another', async () => {
  const before = await importKeySet(engine, { keys: [rsa, ec] })
  const after = await importKeySet(engine, { keys: [ec, { ...ed, kid: 'RS256' }] }, before)
  expect(after.get('ES256')).toBe(before.get('ES256'))
  expect(after.get('RS256')).not.toBe(before.get('RS256'))
  expect(after.get('RS256')?.algorithm).toBe('EdDSA')
})

test('of two keys with one kid none is taken, however far apart they stand', async () => {
  const many = Array.from({ length: 200 }, (_, at) => ({ ...ec, kid: `k${at}` }))
  expect(await kidsOf(ec, ...many, ec)).not.toContain('ES256')
})
