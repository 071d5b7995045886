import { describe, expect, test } from 'vitest'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import { createTestKey, GOOD_PAYLOAD, SENDER, signToken, TEST_NOW_MS } from '../testing/tokens.ts'
import { TokenType } from '../token/token-type.ts'
import { acceptedTypes, createOAuthVerifier, createSessionVerifier } from './options.ts'

const key = await createTestKey('ES256', 'key')
const jwks = { keys: [key.publicJwk] }
const clock = (): number => TEST_NOW_MS

const ISSUER = 'https://clerk.test'
const PAYLOAD = { ...GOOD_PAYLOAD, iss: ISSUER, sub: 'user_1', client_id: 'client_1' }
const HEADER = { alg: 'ES256', kid: 'key' }
const SESSION = { issuer: ISSUER, audience: null, authorizedParties: null }

const mismatch = { code: 'token-class-mismatch' }

test('any is every class; one and several are themselves', () => {
  expect(acceptedTypes('any')).toEqual(Object.values(TokenType))
  expect(acceptedTypes('api_key')).toEqual(['api_key'])
  expect(acceptedTypes(['api_key', 'm2m_token'])).toEqual(['api_key', 'm2m_token'])
})

describe('whoever chose the verifier, it refuses the tokens of every other class', () => {
  const sessions = createSessionVerifier({ ...SESSION, jwks }, { clock })
  const accesses = createOAuthVerifier({ issuer: ISSUER, audience: null, jwks }, { clock })

  test('of sessions', async () => {
    await sessions.verify(await signToken(key, PAYLOAD, HEADER))
    for (const [payload, header] of [
      [PAYLOAD, { ...HEADER, typ: 'at+jwt' }],
      [{ ...PAYLOAD, sub: SENDER }, HEADER],
      [PAYLOAD, { ...HEADER, cat: 'cl_B7d4PD222AAA' }],
      [PAYLOAD, { ...HEADER, cat: 'cl_B7d4PD333AAA' }],
    ] as const) {
      const token = await signToken(key, payload, header)
      await expect(sessions.verify(token)).rejects.toMatchObject(mismatch)
    }
  })

  test('of access tokens', async () => {
    await accesses.verify(await signToken(key, PAYLOAD, { ...HEADER, typ: 'at+jwt' }))
    for (const [payload, header] of [
      [PAYLOAD, HEADER],
      [PAYLOAD, { ...HEADER, typ: 'JWT' }],
      [
        { ...PAYLOAD, sub: SENDER },
        { ...HEADER, typ: 'at+jwt' },
      ],
      [PAYLOAD, { ...HEADER, typ: 'at+jwt', cat: 'cl_B7d4PD111AAA' }],
    ] as const) {
      const token = await signToken(key, payload, header)
      await expect(accesses.verify(token)).rejects.toMatchObject(mismatch)
    }
  })
})

test('the key set of sessions is renewed behind an answer, with the platform’s consent', async () => {
  let now = TEST_NOW_MS
  const work: Promise<unknown>[] = []
  const { fetch, sent } = scriptedFetch(json(jwks))
  const inherited = {
    fetch,
    clock: () => now,
    waitUntil: (one: Promise<unknown>) => work.push(one),
  }
  const sessions = createSessionVerifier(SESSION, inherited)
  const later = { ...PAYLOAD, exp: TEST_NOW_MS / 1000 + 86_400 }
  await sessions.verify(await signToken(key, later, HEADER))
  const before = work.length
  now += 250_000
  await sessions.verify(await signToken(key, { ...later, jti: 'other' }, HEADER))
  expect(work.length).toBe(before + 1)
  await Promise.all(work)
  expect(sent).toHaveLength(2)
})
