import { createHash } from 'node:crypto'
import { encodeBase64url } from '../../../packages/sdk/src/testing/tokens.ts'
import type { JsonObject } from '../../../packages/sdk/src/token/json.ts'
import {
  big,
  bigEndian,
  ec,
  ecOf,
  ed,
  type Key,
  littleEndian,
  resigned,
  type Row,
  rsa,
  rsaOf,
  tokenOf,
} from './signing.ts'

/** Keys of a set. */

/** Keys that are in the set and must not be used, each with a token that is good under it. */
export function unfitKeys(): readonly Row[] {
  const unknown = 'token-key-unknown'
  const row = (name: string, key: Key, changes: JsonObject, ...more: JsonObject[]): Row => [
    name,
    tokenOf(key),
    unknown,
    { keys: [...more, { ...key.jwk, ...changes }] },
  ]
  const { x = '', y = '' } = ec.publicKey.export({ format: 'jwk' })
  const { n = '' } = rsa.publicKey.export({ format: 'jwk' })
  const modulus = Buffer.from(n, 'base64url')
  const even = encodeBase64url(Buffer.concat([modulus.subarray(0, -1), Buffer.of(254)]))
  const spelled = (bytes: Uint8Array): string => encodeBase64url(bytes)
  const short = rsaOf('short', 1024)
  const almost = rsaOf('almost', 2040)
  return [
    [
      'a secret',
      tokenOf(ec),
      unknown,
      { keys: [{ kty: 'oct', kid: 'ec', alg: 'ES256', k: 'c2VjcmV0' }] },
    ],
    row('with its private half, EC', ec, { ...ec.privateKey.export({ format: 'jwk' }) }),
    row('with its private half, RSA', rsa, { ...rsa.privateKey.export({ format: 'jwk' }) }),
    row('with its private half, Ed25519', ed, { ...ed.privateKey.export({ format: 'jwk' }) }),
    // With the exponent 1 a signature is its own padding: anybody can write one.
    [
      'with the exponent 1',
      resigned(rsa, (_, input) => paddedDigest(input)),
      unknown,
      {
        keys: [{ ...rsa.jwk, e: 'AQ' }],
      },
    ],
    row('with the exponent 2', rsa, { e: 'Ag' }),
    row('with the exponent 0', rsa, { e: 'AA' }),
    row('with an exponent of 40 bits', rsa, { e: 'AQAAAAE' }),
    row('with a zero before its exponent', rsa, { e: 'AAEAAQ' }),
    row('with an even modulus', rsa, { n: even }),
    row('with a zero before its modulus', rsa, {
      n: spelled(Buffer.concat([Buffer.of(0), modulus])),
    }),
    row('RSA of 1024 bits', short, {}),
    row('RSA of 2040 bits', almost, {}),
    row('RSA of 4104 bits', rsa, { n: spelled(new Uint8Array(513).fill(255)) }),
    row('RSA without a modulus', rsa, { n: undefined }),
    row('for PS256', rsa, { alg: 'PS256' }),
    row('for RS512', rsa, { alg: 'RS512' }),
    row('for HS256', rsa, { alg: 'HS256' }),
    row('for encryption', ec, { use: 'enc' }),
    row('for signing', ec, { key_ops: ['sign'] }),
    row('off its curve', ec, { x: y, y: x }),
    row('off its curve by a bit', ec, {
      y: spelled(bigEndian(big(Buffer.from(y, 'base64url')) ^ 1n, 32)),
    }),
    row('at infinity', ec, { x: spelled(new Uint8Array(32)), y: spelled(new Uint8Array(32)) }),
    row('with a coordinate beyond the field', ec, { x: spelled(new Uint8Array(32).fill(255)) }),
    row('with a short coordinate', ec, { x: x.slice(0, 42) }),
    row('with a coordinate in padding', ec, { x: `${x}=` }),
    row('with a coordinate that has a look-alike', ec, {
      x: String.fromCharCode(x.charCodeAt(0) + 0x100) + x.slice(1),
    }),
    row('without a coordinate', ec, { y: undefined }),
    row('of another curve', ec, { crv: 'P-384' }),
    row('of no curve', ec, { crv: undefined }),
    // No y is 2, and no platform says so before the first check.
    [
      'Ed25519 off its curve',
      tokenOf(ed),
      'token-signature-invalid',
      { keys: [{ ...ed.jwk, x: spelled(littleEndian(2n, 32)) }] },
    ],
    row('RSA with an exponent that not every runtime takes', rsaOf('k', 2048, 37), {}),
    row('of the curve of key agreement', ed, { crv: 'X25519' }),
    row('Ed25519 that is too short', ed, { x: 'AAAA' }),
    row('twice, with the same key', ec, {}, ec.jwk),
    row('twice, with another key', ec, {}, ecOf('ec').jwk),
    row('twice, with a key of another kind', ec, {}, { ...ed.jwk, kid: 'ec' }),
    row('twice, with a secret', ec, {}, { kty: 'oct', kid: 'ec', k: 'AAAA' }),
    row('without a kid', ec, { kid: undefined }),
    row('whose kid is a number', ec, { kid: 1 }),
    ...LOW_ORDER.flatMap((point): Row[] =>
      [0, 0x80].map((signOfX) => {
        const bytes = Buffer.from(point, 'hex')
        bytes[31] = (bytes[31] ?? 0) | signOfX
        return [
          `Ed25519 of low order: ${bytes.toString('hex')}`,
          // Under the identity this one fits every message.
          resigned(ed, () => Buffer.concat([littleEndian(1n, 32), new Uint8Array(32)])),
          unknown,
          { keys: [{ ...ed.jwk, x: spelled(bytes) }] },
        ]
      }),
    ),
  ]
}

/** The points whose order divides 8, by their y: 0, 1, -1, those of order 8, and two not reduced. */
const LOW_ORDER: readonly string[] = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
]

/** EMSA-PKCS1-v1_5 of 256 bytes (RFC 8017 §9.2). */
function paddedDigest(input: string): Buffer {
  const prefix = Buffer.from('003031300d060960864801650304020105000420', 'hex')
  const digest = createHash('sha256').update(input).digest()
  const filling = Buffer.alloc(256 - 2 - prefix.length - digest.length, 255)
  return Buffer.concat([Buffer.of(0, 1), filling, prefix, digest])
}

/** Keys that are unusual and fit: a runtime that takes fewer would refuse good tokens. */
export function fitKeys(): readonly Row[] {
  const used = (name: string, key: Key, changes: JsonObject = {}): Row => [
    name,
    tokenOf(key),
    'accepted',
    {
      keys: [
        { kty: 'oct', kid: 'other', k: 'AAAA' },
        { ...key.jwk, ...changes },
      ],
    },
  ]
  return [
    used('RSA of 4096 bits', rsaOf('k', 4096)),
    used('RSA of 2056 bits', rsaOf('k', 2056)),
    used('RSA of 2049 bits', rsaOf('k', 2049)),
    used('with the exponent 3', rsaOf('k', 2048, 3)),
    used('with the exponent 17', rsaOf('k', 2048, 17)),
    used('whose kid is __proto__', ecOf('__proto__')),
    used('whose kid is constructor', ecOf('constructor')),
    used('whose kid has other characters', ecOf('schlüssel 🔑')),
    used('with a use and an operation', ec, { use: 'sig', key_ops: ['verify'], ext: false }),
    used('with its algorithm', ec, { alg: 'ES256' }),
    used('Ed25519 by its full name', ed, { alg: 'Ed25519' }),
    used('with members that nobody knows', rsa, { x5t: 'AAAA', iat: 1, nested: { a: [] } }),
  ]
}
