import { describe, expect, test } from 'vitest'
import { live, TOKEN_ID } from '../testing/answers.ts'
import { requestWith } from '../testing/requests.ts'
import { type Answer, broken, json, scriptedFetch } from '../testing/scripted-fetch.ts'
import { machineSecretOf, opaqueToken, RECEIVER, SENDER, TEST_ISSUER } from '../testing/tokens.ts'
import { createAuthGuard, createMachineGuard, toResponse } from './guards.ts'
import { createRequestAuth, type RequestAuth } from './request-auth.ts'

const opaque = `Bearer ${opaqueToken(TOKEN_ID)}`

const request = (authorization?: string, answer: Answer = live): RequestAuth =>
  createRequestAuth({
    apiUrl: TEST_ISSUER,
    machineSecretKey: machineSecretOf(RECEIVER),
    fetch: scriptedFetch(answer).fetch,
    retry: { retries: 0 },
    env: {},
  })(requestWith(authorization))

describe('a guard for machines', () => {
  test('lets a machine pass, and by from only those that it names', async () => {
    expect(await createMachineGuard()(request(opaque))).toBeNull()
    expect(await createMachineGuard({ from: [SENDER] })(request(opaque))).toBeNull()
  })

  test('answers a machine that is known and not named by 403 (RFC 6750 §3.1)', async () => {
    expect(await createMachineGuard({ from: [RECEIVER] })(request(opaque))).toEqual({
      status: 403,
      headers: { 'www-authenticate': 'Bearer error="insufficient_scope"' },
    })
  })

  test.each([
    ['nobody', undefined, 'Bearer'],
    ['a bad token', 'Bearer mt_garbage', 'Bearer error="invalid_token"'],
    ['a token of another class', 'Bearer ak_1', 'Bearer error="invalid_token"'],
  ])('answers %s by 401', async (_, authorization, challenge) => {
    for (const guard of [createMachineGuard(), createMachineGuard({ from: [SENDER] })]) {
      expect(await guard(request(authorization))).toEqual({
        status: 401,
        headers: { 'www-authenticate': challenge },
      })
    }
  })

  test.each([
    [broken('ECONNREFUSED'), '1'],
    [json({ errors: [] }, 503, { 'retry-after': '7' }), '7'],
  ])('answers by 503 when nothing could be learned of the token', async (answer, seconds) => {
    expect(await createMachineGuard({ from: [SENDER] })(request(opaque, answer))).toEqual({
      status: 503,
      headers: { 'retry-after': seconds },
    })
  })

  test.each([
    ['nobody', { from: [] }],
    ['what is not set', { from: undefined }],
    ['null', { from: null }],
    ['one text', { from: SENDER }],
    ['a name', { from: ['worker'] }],
    ['a name among ids', { from: [SENDER, 'mch_1'] }],
    ['a word that is misspelt', { form: [SENDER] }],
    ['a list', [SENDER]],
  ])('is not made for %s', (_, options) => {
    expect(() => createMachineGuard(options as never)).toThrow(
      expect.objectContaining({ code: 'configuration-invalid' }),
    )
  })

  test('keeps to the ids that it was made with', async () => {
    const from = [RECEIVER]
    const guard = createMachineGuard({ from })
    from.push(SENDER)
    expect(await guard(request(opaque))).toMatchObject({ status: 403 })
  })
})

describe('a guard for classes of token', () => {
  test('lets those pass that it names, and answers others by 401', async () => {
    for (const acceptsToken of ['m2m_token', 'any', ['api_key', 'm2m_token']] as const) {
      expect(await createAuthGuard({ acceptsToken })(request(opaque))).toBeNull()
    }
    for (const acceptsToken of ['session_token', 'api_key', ['oauth_token']] as const) {
      const denial = await createAuthGuard({ acceptsToken })(request(opaque))
      expect(denial).toMatchObject({ status: 401 })
    }
  })

  test.each([undefined, {}, { acceptsToken: undefined }, { acceptsToken: [] }, { accept: 'any' }])(
    'is not made without one: %j',
    (options) => {
      expect(() => createAuthGuard(options as never)).toThrow(
        expect.objectContaining({ code: 'configuration-invalid' }),
      )
    },
  )
})

test('an answer says nothing but its status and headers', async () => {
  const headers = { 'www-authenticate': 'Bearer' }
  const response = toResponse({ status: 401, headers })
  expect([response.status, [...response.headers]]).toEqual([401, Object.entries(headers)])
  expect(await response.text()).toBe('')
})
