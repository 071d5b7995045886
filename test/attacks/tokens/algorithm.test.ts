import { constants, createHmac, createPublicKey, generateKeyPairSync, sign } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  signToken,
  type TestKey,
} from '../../../packages/sdk/src/testing/tokens.ts'
import { ALL_KEYS, bytesOf, JWKS, rsa, textOf, verdict } from './doors.ts'

test('alg none in every spelling, with every kind of signature (CVE-2015-9235, CVE-2022-23540)', async () => {
  const good = await signToken(rsa)
  for (let mask = 0; mask < 16; mask++) {
    const alg = [...'none'].map((one, at) => ((mask >> at) & 1 ? one.toUpperCase() : one)).join('')
    for (const key of ALL_KEYS) {
      const input = `${encodePart({ ...headerOf(key), alg })}.${encodePart(GOOD_PAYLOAD)}`
      for (const signature of ['', 'AA', good.slice(good.lastIndexOf('.') + 1)]) {
        expect(await verdict(`${input}.${signature}`)).toBe('token-algorithm-not-allowed')
      }
    }
  }
})

/** Whatever somebody might take a published key for when it is handed over as a secret. */
const encodingsOf = ({ alg, publicJwk }: TestKey): (string | Buffer)[] => {
  const { kid: _kid, alg: _alg, use: _use, ...members } = publicJwk
  const key = createPublicKey({ key: members as Record<string, string>, format: 'jwk' })
  const types: readonly ('spki' | 'pkcs1')[] = alg === 'RS256' ? ['spki', 'pkcs1'] : ['spki']
  const pems = types.map((type) => key.export({ type, format: 'pem' }).toString())
  return [
    ...types.map((type) => Buffer.from(key.export({ type, format: 'der' }))),
    ...pems.flatMap((pem) => [pem, pem.trim(), pem.replaceAll('\n', '')]),
    ...pems.flatMap((pem) => [` ${pem}`, `\n${pem}`, `x${pem}`]),
    ...[publicJwk, members, JWKS].flatMap((one) => [textOf(one), JSON.stringify(one, null, 2)]),
  ]
}

test('HMAC by the public key in every encoding and with anything before it (CVE-2023-48223, CVE-2026-34950)', async () => {
  for (const key of ALL_KEYS) {
    for (const alg of ['HS256', 'HS384', 'HS512']) {
      const input = `${encodePart({ ...headerOf(key), alg })}.${encodePart(GOOD_PAYLOAD)}`
      for (const secret of encodingsOf(key)) {
        const mac = createHmac(alg.replace('HS', 'sha'), secret).update(input).digest('base64url')
        expect(await verdict(`${input}.${mac}`)).toBe('token-algorithm-not-allowed')
      }
    }
  }
})

test('a signature of PSS, of another hash, or in DER, under whichever name', async () => {
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const keys = [
    { ...pair.publicKey.export({ format: 'jwk' }), kid: 'r' },
    { ...curve.publicKey.export({ format: 'jwk' }), kid: 'e' },
  ]
  const forms = [
    ['r', 'RS256', 'sha256', { key: pair.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING }],
    ['r', 'RS256', 'sha512', pair.privateKey],
    ['r', 'RS256', 'sha1', pair.privateKey],
    ['e', 'ES256', 'sha256', { key: curve.privateKey, dsaEncoding: 'der' }],
    ['e', 'ES256', 'sha512', { key: curve.privateKey, dsaEncoding: 'ieee-p1363' }],
  ] as const
  for (const [kid, alg, hash, privateKey] of forms) {
    for (const name of [alg, 'PS256', 'RS512', 'ES512']) {
      const header = { alg: name, typ: 'JWT', kid, cat: 'cl_B7d4PD333AAA' }
      const input = `${encodePart(header)}.${encodePart(GOOD_PAYLOAD)}`
      const token = `${input}.${encodeBase64url(sign(hash, bytesOf(input), privateKey))}`
      expect(await verdict(token, { jwks: { keys } })).toBe(
        name === alg ? 'token-signature-invalid' : 'token-algorithm-not-allowed',
      )
    }
  }
})

test('the key decides: its token under the name of another algorithm that we know', async () => {
  for (const key of ALL_KEYS) {
    for (const { alg } of ALL_KEYS) {
      if (alg === key.alg) continue
      const token = await signToken(key, GOOD_PAYLOAD, { ...headerOf(key), alg })
      expect(await verdict(token)).toBe('token-algorithm-not-allowed')
    }
  }
})
