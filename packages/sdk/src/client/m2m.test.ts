import { describe, expect, test } from 'vitest'
import { type Answer, json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  instanceSecret,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
  testId,
} from '../testing/tokens.ts'
import { createClient } from './client.ts'
import type { ClientOptions } from './options.ts'

const key = await createTestKey('RS256')
const jwt = await signToken(key)
const TOKEN_ID = testId('m2mToken', 3)
const OPAQUE = opaqueToken(TOKEN_ID)

const VERIFIED = {
  object: 'machine_to_machine_token',
  id: TOKEN_ID,
  subject: SENDER,
  scopes: [RECEIVER],
  claims: null,
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: null,
  created_at: 1,
  updated_at: 2,
}

const AS_MACHINE = { machineSecretKey: machineSecretOf(RECEIVER) }
const AS_INSTANCE = { secretKey: instanceSecret() }

const started = (options: Partial<ClientOptions>, ...answers: Answer[]) => {
  const { fetch, sent } = scriptedFetch(...answers)
  const base = { apiUrl: TEST_ISSUER, fetch, clock: () => TEST_NOW_MS, retry: { retries: 0 } }
  return { client: createClient({ ...base, ...options }), sent }
}

const keySet = json({ keys: [key.publicJwk] })

describe('a JWT', () => {
  test('is verified here, with nothing but a machine’s key and the public key set', async () => {
    const { client, sent } = started(AS_MACHINE, keySet)
    const tokens = await Promise.all(
      Array.from({ length: 100 }, () => client.m2m.verify({ token: jwt })),
    )
    expect(tokens[0]).toMatchObject({ subject: SENDER, scopes: [RECEIVER] })
    expect(sent.map(({ url }) => url)).toEqual([`${TEST_ISSUER}/.well-known/jwks.json`])
    expect(sent[0]?.headers['authorization']).toBeUndefined()
  })

  test('is refused where another machine was meant, in whichever way the key is given', async () => {
    const other = machineSecretOf(SENDER)
    const refused = { code: 'token-audience-mismatch' }
    const { client } = started({ machineSecretKey: other }, keySet)
    await expect(client.m2m.verify({ token: jwt })).rejects.toMatchObject(refused)
    const perCall = { token: jwt, machineSecretKey: other }
    const { client: machine } = started(AS_MACHINE, keySet)
    await expect(machine.m2m.verify(perCall)).rejects.toMatchObject(refused)
    await expect(machine.m2m.verify({ token: jwt })).resolves.toMatchObject({ subject: SENDER })
    const both = started({ ...AS_INSTANCE, machineSecretKey: other }, keySet)
    await expect(both.client.m2m.verify({ token: jwt })).rejects.toMatchObject(refused)
    const instance = started(AS_INSTANCE, keySet)
    await expect(instance.client.m2m.verify(perCall)).rejects.toMatchObject(refused)
  })

  test('is accepted for every receiver with the instance’s key, as at Clerk', async () => {
    for (const secretKey of [instanceSecret(), 'sk_test_of-clerk']) {
      const { client } = started({ secretKey }, keySet)
      const none = await signToken(key, { ...GOOD_PAYLOAD, aud: [] })
      await expect(client.m2m.verify({ token: none })).resolves.toMatchObject({ subject: SENDER })
    }
  })

  test('is refused with a machine’s key that does not tell its machine', async () => {
    for (const machineSecretKey of ['ak_of-clerk', 'ak_', `${machineSecretOf(RECEIVER)}0`]) {
      const { client, sent } = started({ ...AS_INSTANCE, machineSecretKey }, keySet)
      await expect(client.m2m.verify({ token: jwt })).rejects.toMatchObject({
        code: 'configuration-invalid',
      })
      expect(sent).toEqual([])
    }
  })

  test('is refused when the instance’s key is given as a machine’s, though it was used before', async () => {
    const secretKey = 'key-without-a-prefix'
    const { client } = started({ secretKey }, keySet)
    await client.m2m.verify({ token: jwt })
    await expect(
      client.m2m.verify({ token: jwt, machineSecretKey: secretKey }),
    ).rejects.toMatchObject({ code: 'configuration-invalid' })
  })

  test('is judged for each of more machines than a client remembers', async () => {
    const { client, sent } = started(AS_INSTANCE, keySet)
    for (let number = 0; number < 100; number++) {
      const machineSecretKey = machineSecretOf(testId('machine', number))
      const verified = client.m2m.verify({ token: jwt, machineSecretKey })
      // The token is for the second.
      if (number === 2) await expect(verified).resolves.toMatchObject({ subject: SENDER })
      else await expect(verified).rejects.toMatchObject({ code: 'token-audience-mismatch' })
    }
    const last = { token: jwt, machineSecretKey: machineSecretOf(RECEIVER) }
    await expect(client.m2m.verify(last)).resolves.toMatchObject({ subject: SENDER })
    expect(sent).toHaveLength(1)
  })

  test('is judged for the issuer, which may be reached at another URL', async () => {
    const wrong = started({ ...AS_MACHINE, apiUrl: 'http://127.0.0.1:4100' }, keySet)
    await expect(wrong.client.m2m.verify({ token: jwt })).rejects.toMatchObject({
      code: 'token-issuer-mismatch',
    })
    const options = { ...AS_MACHINE, apiUrl: 'http://10.0.0.1/', issuer: `${TEST_ISSUER}/` }
    const { client, sent } = started(options, keySet)
    await client.m2m.verify({ token: jwt })
    expect(sent[0]?.url).toBe('http://10.0.0.1/.well-known/jwks.json')
  })

  test('of another class is refused without a call', async () => {
    const { client, sent } = started(AS_INSTANCE, keySet)
    for (const token of [
      await signToken(key, { ...GOOD_PAYLOAD, sub: 'user_1' }),
      await signToken(key, GOOD_PAYLOAD, { ...headerOf(key), typ: 'at+jwt' }),
      await signToken(key, GOOD_PAYLOAD, { ...headerOf(key), cat: 'cl_B7d4PD111AAA' }),
    ]) {
      await expect(client.m2m.verify({ token })).rejects.toMatchObject({
        code: 'token-class-mismatch',
      })
    }
    expect(sent).toEqual([])
  })

  test('whose scopes are of an odd type throws nothing of its own', async () => {
    const { client } = started(AS_MACHINE, keySet)
    for (const scopes of [['a'], 1, null, { a: 1 }]) {
      const token = await signToken(key, { ...GOOD_PAYLOAD, scopes })
      expect((await client.m2m.verify({ token })).scopes).toEqual([RECEIVER])
    }
  })
})

describe('what is no machine token is refused without a call', () => {
  test.each([
    ['an API key', 'ak_abc', 'token-class-mismatch'],
    ['an OAuth token', 'oat_abc', 'token-class-mismatch'],
    ['nothing', '', 'token-class-mismatch'],
    ['garbage', 'garbage', 'token-class-mismatch'],
    ['garbage with dots', 'a.b.c', 'token-malformed'],
    ['an encrypted token', 'a.b.c.d.e', 'token-malformed'],
    ['half a JWT', encodePart(GOOD_PAYLOAD) + '.', 'token-malformed'],
    ['a giant', `mt_${'a'.repeat(10_000_000)}`, 'token-malformed'],
    ['a giant with dots', `a.${'a'.repeat(10_000_000)}.a`, 'token-malformed'],
    ['a number', 1, 'argument-invalid'],
    ['nothing at all', undefined, 'argument-invalid'],
  ])('%s', async (_, token, code) => {
    for (const keys of [AS_MACHINE, AS_INSTANCE, { secretKey: 'sk_test_of-clerk' }]) {
      const { client, sent } = started(keys, json(VERIFIED))
      await expect(client.m2m.verify({ token: token as string })).rejects.toMatchObject({ code })
      expect(sent).toEqual([])
    }
  })
})

describe('an opaque token', () => {
  test('is verified by the authority', async () => {
    for (const keys of [AS_MACHINE, AS_INSTANCE]) {
      const { client, sent } = started(keys, json(VERIFIED))
      expect((await client.m2m.verify({ token: OPAQUE })).subject).toBe(SENDER)
      expect(sent).toMatchObject([
        { method: 'POST', url: `${TEST_ISSUER}/v1/m2m_tokens/verify`, body: { token: OPAQUE } },
      ])
    }
  })

  test('whose checksum does not fit is refused without a call, where the authority is ours', async () => {
    const { client, sent } = started(AS_MACHINE, json(VERIFIED))
    for (const token of [
      'mt_abc',
      `${OPAQUE}0`,
      OPAQUE.replace(/.$/, '-'),
      AS_MACHINE.machineSecretKey.replace('ak_', 'mt_'),
    ]) {
      await expect(client.m2m.verify({ token })).rejects.toMatchObject({ code: 'token-malformed' })
    }
    expect(sent).toEqual([])
  })

  test('of another authority has no checksum, and is asked about with a key of that one', async () => {
    const { client, sent } = started({ machineSecretKey: 'ak_of-clerk' }, json(VERIFIED))
    expect((await client.m2m.verify({ token: 'mt_of-clerk' })).id).toBe(TOKEN_ID)
    expect(sent).toHaveLength(1)
  })

  test.each([
    ['not found', json({ errors: [] }, 404), 'token-invalid'],
    ['a wrong key', json({ errors: [] }, 401), 'request-refused'],
    ['a failure', json({ errors: [] }, 500), 'request-refused'],
    ['revoked', json({ ...VERIFIED, revoked: true }), 'answer-unexpected'],
    ['expired', json({ ...VERIFIED, expired: true }), 'answer-unexpected'],
    ['whether revoked left out', json({ ...VERIFIED, revoked: undefined }), 'answer-unexpected'],
    ['expired as a text', json({ ...VERIFIED, expired: 'false' }), 'answer-unexpected'],
    ['inactive', json({ active: false }), 'answer-unexpected'],
    ['active and nothing more', json({ active: true }), 'answer-unexpected'],
    ['another token', json({ ...VERIFIED, id: testId('m2mToken', 9) }), 'answer-unexpected'],
    ['another kind', json({ ...VERIFIED, object: 'api_key' }), 'answer-unexpected'],
    ['no subject', json({ ...VERIFIED, subject: undefined }), 'answer-unexpected'],
    ['an empty subject', json({ ...VERIFIED, subject: '' }), 'answer-unexpected'],
    ['scopes that are a text', json({ ...VERIFIED, scopes: RECEIVER }), 'answer-unexpected'],
    ['created', json(VERIFIED, 201), 'answer-unexpected'],
    ['nothing', () => new Response(null, { status: 204 }), 'answer-unexpected'],
    [
      'a login page',
      () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
      'answer-unexpected',
    ],
    ['a token as text', () => new Response(JSON.stringify(VERIFIED)), 'answer-unexpected'],
  ] as readonly [string, Answer, string][])(
    'answered with %s is refused',
    async (_, answer, code) => {
      const { client } = started(AS_MACHINE, answer)
      await expect(client.m2m.verify({ token: OPAQUE })).rejects.toMatchObject({ code })
    },
  )
})

test('a created token without its text, and a revocation that did not happen, are errors', async () => {
  const { client } = started(AS_MACHINE, json(VERIFIED, 201), json(VERIFIED))
  await expect(client.m2m.createToken()).rejects.toMatchObject({ code: 'answer-unexpected' })
  await expect(client.m2m.revokeToken({ m2mTokenId: TOKEN_ID })).rejects.toMatchObject({
    code: 'answer-unexpected',
  })
})
