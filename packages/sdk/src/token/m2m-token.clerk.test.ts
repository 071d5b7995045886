import { createClerkClient, type M2MToken as ClerkM2MToken } from '@clerk/backend'
import { generateKeyPairSync } from 'node:crypto'
import { SignJWT } from 'jose'
import { expect, test } from 'vitest'
import { RECEIVER, SENDER, testId } from '../testing/tokens.ts'
import { M2MToken } from './m2m-token.ts'

/** The same payloads read by Clerk's client, without a network, and by ours. */

// Clerk finds the key in this form of 2048 bits only.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const jwtKey = publicKey.export({ type: 'spki', format: 'pem' }).toString()
const clerk = createClerkClient({ jwtKey, telemetry: { disabled: true } })

const seconds = Math.floor(Date.now() / 1000)

const STRUCTURE = {
  iss: 'https://authority.test',
  sub: SENDER,
  exp: seconds + 600,
  nbf: seconds - 10,
  iat: seconds - 10,
  jti: testId('m2mToken', 3),
}

const read = async (payload: Record<string, unknown>): Promise<ClerkM2MToken> => {
  const token = await new SignJWT(payload)
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'ins_1', cat: 'cl_B7d4PD333AAA' })
    .sign(privateKey)
  return clerk.m2m.verify({ token })
}

test.each([
  ['no claims of its own', {}],
  ['scopes and receivers', { scopes: RECEIVER, aud: [RECEIVER] }],
  ['several scopes', { scopes: 'mch_a mch_b', aud: ['mch_a', 'mch_b'] }],
  ['receivers alone', { aud: ['mch_a', 'mch_b'] }],
  ['no receivers', { aud: [] }],
  ['claims that are nested', { a: { bC: [1, null, { d_e: 'f' }] }, permissions: ['x'] }],
  ['members that other tokens have', { azp: 'x', sid: 'y', org_id: 'z', cnf: null, v: 2 }],
  ['no jti', { jti: undefined }],
])('a payload with %s becomes the same token', async (_, members) => {
  const payload = { ...STRUCTURE, ...members }
  const plain = JSON.parse(JSON.stringify(payload)) as Record<string, unknown>
  expect({ ...M2MToken.fromJwtPayload(plain) }).toEqual({ ...(await read(payload)) })
})

test.each([
  ['an array of scopes', { scopes: ['mch_a'], aud: [RECEIVER] }],
  ['a number of scopes', { scopes: 1, aud: [RECEIVER] }],
])('where Clerk throws a TypeError, for %s, ours reads the receivers', async (_, members) => {
  const payload = { ...STRUCTURE, ...members }
  await expect(read(payload)).rejects.toThrow(TypeError)
  expect(M2MToken.fromJwtPayload(payload).scopes).toEqual([RECEIVER])
})

test('where Clerk gives a text for the scopes, ours gives a list of it', async () => {
  const payload = { ...STRUCTURE, aud: RECEIVER }
  expect((await read(payload)).scopes).toBe(RECEIVER)
  expect(M2MToken.fromJwtPayload(payload).scopes).toEqual([RECEIVER])
})
