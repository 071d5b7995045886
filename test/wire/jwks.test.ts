import { expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { useWire } from '../support/wire.ts'

const wire = await useWire()

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

test('Clerk’s client gets the key set with the instance key: of each algorithm the key that signs and the next', async () => {
  const { keys = [] } = await wire.client().jwks.getJwks()
  expect(keys.map((key) => [key.alg, key.kty, key.use]).toSorted()).toEqual([
    ['ES256', 'EC', 'sig'],
    ['ES256', 'EC', 'sig'],
    ['EdDSA', 'OKP', 'sig'],
    ['EdDSA', 'OKP', 'sig'],
    ['RS256', 'RSA', 'sig'],
    ['RS256', 'RSA', 'sig'],
  ])
  expect(new Set(keys.map((key) => key.kid)).size).toBe(6)
})

test('the key set has no private member', async () => {
  const { json } = await wire.call('GET', '/v1/jwks')
  const keys = json['keys'] as Record<string, unknown>[]
  const members = new Set(keys.flatMap((key) => Object.keys(key)))
  expect(PRIVATE.filter((name) => members.has(name))).toEqual([])
})

test('a machine key opens the key set too, and it is the public one', async () => {
  const { secretKey } = await wire.machine()
  const asMachine = await wire.call('GET', '/v1/jwks', { key: secretKey })
  const asInstance = await wire.call('GET', '/v1/jwks')
  const asAnyone = await wire.call('GET', '/.well-known/jwks.json', { key: null })
  expect(asMachine.status).toBe(200)
  expect(asMachine.json).toEqual(asInstance.json)
  expect(asAnyone.json).toEqual(asInstance.json)
})

test('a wrong key or none is a 401 with the code that Clerk’s client branches on', async () => {
  const { jwks } = wire.client({ secretKey: 'sk_test_wrong' })
  await expectRefusal(jwks.getJwks(), 401, 'clerk_key_invalid')
  expect(await wire.call('GET', '/v1/jwks', { key: null })).toMatchObject({
    status: 401,
    code: 'clerk_key_invalid',
  })
})

test('Clerk’s client tells a wrong instance key from a bad JWT by that code', async () => {
  const { client } = await wire.machine()
  const { token = '' } = await client.m2m.createToken({ tokenFormat: 'jwt' })
  const { m2m } = wire.client({ secretKey: 'sk_test_wrong' })
  await expect(m2m.verify({ token })).rejects.toMatchObject({
    code: 'token-verification-failed',
    // The message of our own error; without the code it would be "Error loading Clerk JWKS".
    message: expect.stringContaining('The provided secret key is invalid') as string,
  })
})
