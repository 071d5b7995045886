import { createVerifier } from 'countersign/verify'
import { describe, expect, test } from 'vitest'
import { json, scriptedFetch } from '../../../packages/sdk/src/testing/scripted-fetch.ts'
import {
  createTestKey,
  GOOD_PAYLOAD,
  headerOf,
  RECEIVER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../../../packages/sdk/src/testing/tokens.ts'
import { ec, JWKS, verdict } from './doors.ts'

const withKid = (kid: unknown) => signToken(ec, GOOD_PAYLOAD, { ...headerOf(ec), kid })

describe('a kid that names no key', () => {
  test.each<unknown>([undefined, null, 1, true, {}, ['ec'], '', { toString: 'ec' }])(
    '%j',
    async (kid) => {
      expect(await verdict(await withKid(kid))).toBe('token-malformed')
    },
  )

  test.each(['a'.repeat(129), 'a'.repeat(100_000)])('of many characters', async (kid) => {
    expect(await verdict(await withKid(kid))).toBe('token-malformed')
  })

  test.each([
    '../../../dev/null',
    'https://attacker.test/keys',
    "x' UNION SELECT 'key",
    'ec\u0000',
    ' ec',
    'EC',
    '\u0435c',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    'toString',
  ])('%j', async (kid) => {
    expect(await verdict(await withKid(kid))).toBe('token-key-unknown')
  })
})

test('a kid that stands twice in the set names no key, whichever was first', async () => {
  const other = await createTestKey('ES256', 'ec')
  for (const keys of [
    [ec.publicJwk, other.publicJwk],
    [other.publicJwk, ec.publicJwk],
  ]) {
    expect(await verdict(await signToken(ec), { jwks: { keys } })).toBe('token-key-unknown')
  }
})

test('a key called like a member of Object is a key like any other', async () => {
  for (const kid of ['__proto__', 'constructor', 'toString']) {
    const key = await createTestKey('ES256', kid)
    const jwks = { keys: [ec.publicJwk, key.publicJwk] }
    expect(await verdict(await signToken(key), { jwks })).toBe('accepted')
    expect(await verdict(await signToken(key))).toBe('token-key-unknown')
  }
})

test('a kid leads to no other place than the key set (Centrifugo #1142)', async () => {
  const server = scriptedFetch(json(JWKS))
  const verifier = createVerifier({
    issuer: TEST_ISSUER,
    audience: RECEIVER,
    clock: () => TEST_NOW_MS,
    fetch: server.fetch,
  })
  for (const kid of ['../../../dev/null', 'https://attacker.test/keys', '?x=1', '#']) {
    await expect(verifier.verify(await withKid(kid))).rejects.toMatchObject({
      code: 'token-key-unknown',
    })
  }
  expect(new Set(server.sent.map(({ url }) => url))).toEqual(
    new Set([`${TEST_ISSUER}/.well-known/jwks.json`]),
  )
})
