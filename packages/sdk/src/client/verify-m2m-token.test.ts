import { expect, test } from 'vitest'
import { live, TOKEN_ID } from '../testing/answers.ts'
import { scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import { verifyM2MToken } from './verify-m2m-token.ts'

const key = await createTestKey('ES256', 'key')
const options = {
  apiUrl: TEST_ISSUER,
  machineSecretKey: machineSecretOf(RECEIVER),
  jwks: { keys: [key.publicJwk] },
  clock: (): number => TEST_NOW_MS,
}

test('a JWT is verified here, and an opaque token by a call each time', async () => {
  const { fetch, sent } = scriptedFetch(live)
  expect((await verifyM2MToken(await signToken(key), { ...options, fetch })).subject).toBe(SENDER)
  expect(sent).toEqual([])
  for (let count = 0; count < 2; count++) {
    const { id } = await verifyM2MToken(opaqueToken(TOKEN_ID), { ...options, fetch })
    expect(id).toBe(TOKEN_ID)
  }
  expect(sent).toHaveLength(2)
})

test('a call is made with the key that was given, though another was given before', async () => {
  const { fetch, sent } = scriptedFetch(live)
  const other = machineSecretOf(SENDER)
  await verifyM2MToken(opaqueToken(TOKEN_ID), { ...options, fetch })
  await verifyM2MToken(opaqueToken(TOKEN_ID), { ...options, fetch, machineSecretKey: other })
  expect(sent.map(({ headers }) => headers['authorization'])).toEqual([
    `Bearer ${options.machineSecretKey}`,
    `Bearer ${other}`,
  ])
})

test('a JWT for one machine is refused by the key of another, though the first took it', async () => {
  const token = await signToken(key)
  for (let count = 0; count < 3; count++) await verifyM2MToken(token, options)
  await expect(
    verifyM2MToken(token, { ...options, machineSecretKey: machineSecretOf(SENDER) }),
  ).rejects.toMatchObject({ code: 'token-audience-mismatch' })
})
