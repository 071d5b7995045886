import { expect, test } from 'vitest'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import { verifyM2MJwt } from './verify-m2m-jwt.ts'

const key = await createTestKey('ES256', 'key')
const otherKey = await createTestKey('ES256', 'key')
const token = await signToken(key)
const clock = (): number => TEST_NOW_MS

const options = { issuer: TEST_ISSUER, audience: RECEIVER, clock }

test('calls with equal options share one key set, which is fetched once', async () => {
  const { fetch, sent } = scriptedFetch(json({ keys: [key.publicJwk] }))
  for (let count = 0; count < 5; count++) {
    expect((await verifyM2MJwt(token, { ...options, fetch })).subject).toBe(SENDER)
  }
  expect(sent).toHaveLength(1)
})

test('another fetch is another network: nothing of the first is used', async () => {
  const first = scriptedFetch(json({ keys: [key.publicJwk] }))
  const second = scriptedFetch(json({ keys: [otherKey.publicJwk] }))
  await verifyM2MJwt(token, { ...options, fetch: first.fetch })
  await expect(verifyM2MJwt(token, { ...options, fetch: second.fetch })).rejects.toMatchObject({
    code: 'token-signature-invalid',
  })
})

test('another key set with the same kid is another verifier', async () => {
  const jwks = { keys: [key.publicJwk] }
  const otherJwks = { keys: [otherKey.publicJwk] }
  // Thrice, so that it is remembered.
  for (let count = 0; count < 3; count++) await verifyM2MJwt(token, { ...options, jwks })
  await expect(verifyM2MJwt(token, { ...options, jwks: otherJwks })).rejects.toMatchObject({
    code: 'token-signature-invalid',
  })
})

test('an audience that went wrong is never taken for null', async () => {
  const jwks = { keys: [key.publicJwk] }
  await verifyM2MJwt(token, { ...options, jwks, audience: null })
  for (const audience of [NaN, undefined, [], '', {}, 0]) {
    await expect(
      verifyM2MJwt(token, { ...options, jwks, audience: audience as never }),
    ).rejects.toMatchObject({ code: 'configuration-invalid' })
  }
  await expect(verifyM2MJwt(token, { ...options, jwks, audience: SENDER })).rejects.toMatchObject({
    code: 'token-audience-mismatch',
  })
})
