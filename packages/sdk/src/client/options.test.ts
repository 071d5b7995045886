import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import { instanceSecret, machineSecretOf, RECEIVER } from '../testing/tokens.ts'
import { createClient } from './client.ts'
import type { ClientOptions } from './options.ts'

const API = 'https://authority.test'
const list = { data: [], total_count: 0 }

describe('it refuses, before anything is sent', () => {
  test.each([
    ['no URL', 'apiUrl', { apiUrl: undefined }],
    ['an empty URL', 'apiUrl', { apiUrl: '' }],
    ['a relative URL', 'apiUrl', { apiUrl: '/v1' }],
    ['another scheme', 'apiUrl', { apiUrl: 'file:///etc/passwd' }],
    ['a URL with a password', 'apiUrl', { apiUrl: 'https://a:b@authority.test' }],
    ['a URL with a query', 'apiUrl', { apiUrl: `${API}?a=1` }],
    ['a URL with an empty query', 'apiUrl', { apiUrl: `${API}/a?` }],
    ['a URL with a fragment', 'apiUrl', { apiUrl: `${API}#a` }],
    ['a URL with an empty fragment', 'apiUrl', { apiUrl: `${API}/a#` }],
    ['a URL with a line end', 'apiUrl', { apiUrl: `${API}\n` }],
    ['a URL object', 'apiUrl', { apiUrl: new URL(API) }],
    ['an issuer that is no URL', 'issuer', { issuer: 'authority' }],
    ['a secret with a line end', 'secretKey', { secretKey: 'sk_test_a\nx: y' }],
    ['a secret that is no text', 'secretKey', { secretKey: 1 }],
    ['a machine’s key in its place', 'secretKey', { secretKey: machineSecretOf(RECEIVER) }],
    ['the instance’s in its place', 'machineSecretKey', { machineSecretKey: instanceSecret() }],
    ['a negative timeout', 'timeoutMs', { timeoutMs: -1 }],
    ['no time at all', 'timeoutMs', { timeoutMs: 0 }],
    ['a timeout that is no number', 'timeoutMs', { timeoutMs: '10' }],
    ['endless repetition', 'retry.retries', { retry: { retries: Number.POSITIVE_INFINITY } }],
    ['a wait that is no number', 'retry.backoffMs', { retry: { backoffMs: Number.NaN } }],
    ['a fetch that is none', 'fetch', { fetch: API }],
    ['a clock that is a time', 'clock', { clock: 5 }],
    ['chance that is a number', 'random', { random: 0.5 }],
  ])('%s', (_, name, options) => {
    expect(() => createClient({ apiUrl: API, ...options } as ClientOptions)).toThrow(
      expect.objectContaining({
        code: 'configuration-invalid',
        expected: expect.stringMatching(new RegExp(`^${name} to be`)) as unknown,
      }),
    )
  })

  test('no options at all', () => {
    for (const options of [undefined, null, 'https://authority.test']) {
      expect(() => createClient(options as unknown as ClientOptions)).toThrow(
        expect.objectContaining({ code: 'configuration-invalid' }),
      )
    }
  })
})

test.each([
  [API, `${API}/v1/machines`],
  [`${API}/`, `${API}/v1/machines`],
  [`${API}/clerk`, `${API}/clerk/v1/machines`],
  [`${API}/clerk//`, `${API}/clerk/v1/machines`],
])('below %s calls go to %s', async (apiUrl, url) => {
  const { fetch, sent } = scriptedFetch(json(list))
  await createClient({ apiUrl, secretKey: 'sk_test_1', fetch }).machines.list()
  expect(sent[0]?.url).toBe(url)
})

test('no secret is seen by printing a client or an error of it', async () => {
  const secretKey = instanceSecret()
  const machineSecretKey = machineSecretOf(RECEIVER)
  const echo = json({ errors: [{ code: 'x', message: `You sent ${secretKey}` }] }, 400)
  const { fetch } = scriptedFetch(echo)
  const client = createClient({ apiUrl: API, secretKey, machineSecretKey, fetch })
  const error: unknown = await client.machines.list().catch((reason: unknown) => reason)
  for (const value of [client, client.m2m, client.machines, error]) {
    const options = { depth: 20, showHidden: true, getters: true }
    const printed: unknown = JSON.stringify(value)
    const said = `${inspect(value, options)} ${String(printed)} ${String(value)}`
    expect(said).not.toContain(secretKey)
    expect(said).not.toContain(machineSecretKey)
  }
})

test('a client is fixed from the moment it is made', async () => {
  const { fetch, sent } = scriptedFetch(json(list))
  const options = { apiUrl: API, secretKey: 'sk_test_1', fetch }
  const client = createClient(options)
  options.apiUrl = 'https://attacker.test'
  options.secretKey = 'sk_test_2'
  await client.machines.list()
  expect(sent[0]?.url).toBe(`${API}/v1/machines`)
  expect(sent[0]?.headers['authorization']).toBe('Bearer sk_test_1')
  expect(Object.isFrozen(client) && Object.isFrozen(client.m2m)).toBe(true)
})

test('without the key that a call needs, it is refused and nothing is sent', async () => {
  const { fetch, sent } = scriptedFetch(json(list))
  const none = createClient({ apiUrl: API, fetch, secretKey: '', machineSecretKey: '' })
  const machine = createClient({ apiUrl: API, fetch, machineSecretKey: machineSecretOf(RECEIVER) })
  const calls = [
    () => none.m2m.verify({ token: 'mt_a' }),
    () => none.m2m.createToken(),
    () => none.m2m.list({ subject: RECEIVER }),
    () => machine.machines.list(),
    () => machine.apiKeys.verify('ak_a'),
    () => machine.jwks.getJwks(),
    () => machine.m2m.createToken({ machineSecretKey: instanceSecret() }),
    () => machine.m2m.createToken({ machineSecretKey: 'ak_a\r\nx: y' }),
  ]
  for (const call of calls) {
    await expect(call()).rejects.toMatchObject({ code: 'configuration-invalid' })
  }
  expect(sent).toEqual([])
})
