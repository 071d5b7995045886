import { describe, expect, test } from 'vitest'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  apiKeySecret,
  instanceSecret,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  testId,
} from '../testing/tokens.ts'
import { createClient } from './client.ts'

const KEY_ID = testId('apiKey', 4)
const SECRET = apiKeySecret(KEY_ID)

const KEY = {
  object: 'api_key',
  id: KEY_ID,
  type: 'api_key',
  subject: 'user_1',
  name: 'key',
  description: null,
  claims: null,
  scopes: ['a'],
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: null,
  created_by: null,
  last_used_at: null,
  created_at: 1,
  updated_at: 2,
}

const answered = (body: unknown, status = 200, secretKey = instanceSecret()) => {
  const { fetch, sent } = scriptedFetch(json(body, status))
  const options = { apiUrl: 'https://authority.test', secretKey, fetch, retry: { retries: 0 } }
  return { apiKeys: createClient(options).apiKeys, sent }
}

const UNEXPECTED = { code: 'answer-unexpected' }

describe('a secret that is presented', () => {
  test('is verified by the authority', async () => {
    const { apiKeys, sent } = answered(KEY)
    expect((await apiKeys.verify(SECRET)).id).toBe(KEY_ID)
    expect(sent).toMatchObject([{ method: 'POST', body: { secret: SECRET } }])
  })

  test('whose checksum does not fit, or of another kind, is refused without a call', async () => {
    const { apiKeys, sent } = answered(KEY)
    for (const secret of [
      '',
      'garbage',
      'ak_abc',
      `${SECRET}0`,
      SECRET.replace(/.$/, '-'),
      machineSecretOf(RECEIVER),
      opaqueToken(testId('m2mToken', 3)),
      `ak_${'a'.repeat(10_000_000)}`,
    ]) {
      await expect(apiKeys.verify(secret)).rejects.toMatchObject({ code: 'token-malformed' })
    }
    expect(sent).toEqual([])
  })

  test('of another authority has no checksum, and is asked about with a key of that one', async () => {
    const { apiKeys, sent } = answered(KEY, 200, 'sk_test_of-clerk')
    expect((await apiKeys.verify('ak_of/clerk=')).id).toBe(KEY_ID)
    await expect(apiKeys.verify(`ak_${'a'.repeat(10_000_000)}`)).rejects.toMatchObject({
      code: 'token-malformed',
    })
    expect(sent).toHaveLength(1)
  })

  test.each([undefined, null, 1, {}, ['ak_a']])('that is %j is no argument', async (secret) => {
    const { apiKeys, sent } = answered(KEY)
    await expect(apiKeys.verify(secret as string)).rejects.toMatchObject({
      code: 'argument-invalid',
    })
    expect(sent).toEqual([])
  })

  test.each([
    ['not found', { errors: [] }, 404, 'token-invalid'],
    ['a page that is not there', {}, 404, 'answer-unexpected'],
    ['a wrong key', {}, 401, 'request-refused'],
    ['out of order', {}, 503, 'request-refused'],
    ['revoked', { ...KEY, revoked: true }, 200, 'answer-unexpected'],
    ['expired', { ...KEY, expired: true }, 200, 'answer-unexpected'],
    ['another key', { ...KEY, id: testId('apiKey', 5) }, 200, 'answer-unexpected'],
    ['another kind', { ...KEY, object: 'machine_to_machine_token' }, 200, 'answer-unexpected'],
    ['inactive', { active: false }, 200, 'answer-unexpected'],
  ])('is refused when the answer is: %s', async (_, body, status, code) => {
    await expect(answered(body, status).apiKeys.verify(SECRET)).rejects.toMatchObject({ code })
  })
})

describe('an answer that does not say that it was done is an error', () => {
  test('a created key without its secret', async () => {
    const { apiKeys } = answered(KEY)
    const call = apiKeys.create({ name: 'key', subject: 'user_1' })
    await expect(call).rejects.toMatchObject(UNEXPECTED)
  })

  test('a revoked key that is not', async () => {
    const { apiKeys } = answered(KEY)
    await expect(apiKeys.revoke({ apiKeyId: KEY_ID })).rejects.toMatchObject(UNEXPECTED)
  })

  test('a deleted key that is not, or that is another', async () => {
    for (const body of [KEY, { object: 'api_key', id: testId('apiKey', 5), deleted: true }]) {
      await expect(answered(body).apiKeys.delete(KEY_ID)).rejects.toMatchObject(UNEXPECTED)
    }
  })

  test('but an id of hexadecimal digits may be asked for in capitals', async () => {
    const capitals = KEY_ID.replace(/[a-f0-9]{32}$/, (digits) => digits.toUpperCase())
    expect((await answered(KEY).apiKeys.get(capitals)).id).toBe(KEY_ID)
  })
})
