import { authenticateRequest, createClient, isCountersignError } from 'countersign'
import { describe, expect, test } from 'vitest'
import {
  type Answer,
  broken,
  json,
  scriptedFetch,
  silent,
} from '../../../packages/sdk/src/testing/scripted-fetch.ts'
import {
  apiKeySecret,
  instanceSecret,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  TEST_ISSUER,
  testId,
} from '../../../packages/sdk/src/testing/tokens.ts'

/** A liar, or nobody, between us and the authority: nothing but the very answer that was promised is a yes. */

const TOKEN_ID = testId('m2mToken', 5)
const KEY_ID = testId('apiKey', 6)

const TOKEN = {
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
  updated_at: 1,
}

const API_KEY = {
  object: 'api_key',
  id: KEY_ID,
  type: 'api_key',
  subject: 'user_2aBcDeFgHiJkLmNoPqRsTuVwXyZ',
  name: 'key',
  description: null,
  claims: null,
  scopes: [],
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: null,
  created_by: null,
  last_used_at: null,
  created_at: 1,
  updated_at: 1,
}

const OAUTH = {
  object: 'clerk_idp_oauth_access_token',
  id: 'oat_0123456789abcdef0123456789abcdef',
  client_id: 'client',
  subject: 'user_2aBcDeFgHiJkLmNoPqRsTuVwXyZ',
  scopes: ['profile'],
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: null,
  created_at: 1,
  updated_at: 1,
}

const CLASSES = [
  { tokenType: 'm2m_token', presented: opaqueToken(TOKEN_ID), body: TOKEN },
  { tokenType: 'api_key', presented: apiKeySecret(KEY_ID), body: API_KEY },
  { tokenType: 'oauth_token', presented: 'oat_opaque', body: OAUTH },
] as const

const OPTIONS = {
  apiUrl: TEST_ISSUER,
  secretKey: instanceSecret(),
  machineSecretKey: machineSecretOf(RECEIVER),
  timeoutMs: 50,
  retry: { retries: 0 },
}

const html: Answer = () =>
  new Response('<html>signed in</html>', { headers: { 'content-type': 'text/html' } })

const authenticate = (presented: string, tokenType: string, answer: Answer) => {
  const request = new Request('https://api.test', {
    headers: { authorization: `Bearer ${presented}` },
  })
  const { fetch, sent } = scriptedFetch(answer)
  const accepts = tokenType as (typeof CLASSES)[number]['tokenType']
  const state = authenticateRequest(request, { ...OPTIONS, fetch, acceptsToken: accepts })
  return { state, sent }
}

describe.each(CLASSES)('a $tokenType', ({ tokenType, presented, body }) => {
  test('is accepted by the very answer that was promised', async () => {
    const { state } = authenticate(presented, tokenType, json(body))
    expect(await state).toMatchObject({ status: 'signed-in', tokenType })
    const charset = { 'content-type': 'application/json; charset=utf-8' }
    const { state: other } = authenticate(presented, tokenType, json(body, 200, charset))
    expect((await other).status).toBe('signed-in')
  })

  test.each<[string, Answer]>([
    ['HTML with status 200', html],
    ['nothing with status 204', () => new Response(null, { status: 204 })],
    ['nothing with status 200', () => new Response('')],
    ['JSON that says it is text', () => new Response(JSON.stringify(body))],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: '/' } })],
    ['status 201', json(body, 201)],
    ['a list', json([body])],
    ['null', json(null)],
    ['an empty object', json({})],
    ['`active: false`', json({ active: false })],
    ['`active: true`', json({ active: true })],
    ['one that is revoked', json({ ...body, revoked: true })],
    ['one that has expired', json({ ...body, expired: true })],
    ['one that does not say whether it is revoked', json({ ...body, revoked: undefined })],
    ['one that is revoked in words', json({ ...body, revoked: 'false' })],
    ['one without a subject', json({ ...body, subject: '' })],
    ['another kind of object', json({ ...body, object: 'session' })],
    ['a deleted one', json({ object: body.object, id: body.id, deleted: true })],
    ['a hang-up', broken('ECONNRESET')],
    ['nobody at home', broken('ECONNREFUSED')],
    ['a silence', silent],
    ['status 500', json({}, 500)],
    ['status 502 in HTML', () => new Response('<html>', { status: 502 })],
    ['our own key refused', json({ errors: [] }, 401)],
  ])('is not accepted by %s, which is no verdict: 503', async (_, answer) => {
    const state = await authenticate(presented, tokenType, answer).state
    expect(state.isAuthenticated).toBe(false)
    if (state.isAuthenticated) return
    const response = state.toResponse()
    expect(response.status).toBe(503)
    expect([...response.headers.keys()]).toEqual(['retry-after'])
    expect(await response.text()).toBe('')
    expect(state.toAuth()).toMatchObject({ isAuthenticated: false, id: null, subject: null })
  })

  test('is refused by “not found”: 401', async () => {
    const state = await authenticate(presented, tokenType, json({ errors: [] }, 404)).state
    expect(state).toMatchObject({ status: 'signed-out', reason: 'token-invalid', httpStatus: 401 })
  })

  test('is never in what is said of it', async () => {
    const echo: Answer = ({ body: sent, headers }) =>
      json(
        { errors: [{ code: 'x', message: JSON.stringify({ sent, headers }) }] },
        422,
      )({
        url: '',
        method: 'GET',
        headers: {},
        body: undefined,
      })
    for (const answer of [echo, html, json({ errors: [] }, 404), json(body)]) {
      const state = await authenticate(presented, tokenType, answer).state
      const { error, message, reason } = state
      const said = JSON.stringify([state.debug(), message, reason, error, String(error)])
      for (const secret of [presented, OPTIONS.secretKey, OPTIONS.machineSecretKey]) {
        expect(said).not.toContain(secret)
      }
      expect(JSON.stringify(state.toAuth())).not.toContain(presented)
    }
  })
})

test.each([
  ['another machine token', { ...TOKEN, id: testId('m2mToken', 7) }],
  ['one that was revoked', { ...TOKEN, revoked: true }],
])('m2m.verify takes the object of %s for no yes', async (_, body) => {
  const { fetch } = scriptedFetch(json(body))
  const { m2m } = createClient({ ...OPTIONS, fetch })
  await expect(m2m.verify({ token: opaqueToken(TOKEN_ID) })).rejects.toMatchObject({
    code: 'answer-unexpected',
  })
})

test('authenticateRequest takes the object of another token for no yes', async () => {
  for (const [presented, tokenType, body] of [
    [opaqueToken(TOKEN_ID), 'm2m_token', { ...TOKEN, id: testId('m2mToken', 7) }],
    [apiKeySecret(KEY_ID), 'api_key', { ...API_KEY, id: testId('apiKey', 7) }],
  ] as const) {
    const state = await authenticate(presented, tokenType, json(body)).state
    expect(state.isAuthenticated).toBe(false)
  }
})

describe('on a public route garbage costs no call', () => {
  const garbage = [
    'mt_garbage',
    `${opaqueToken(TOKEN_ID).slice(0, -1)}!`,
    opaqueToken(TOKEN_ID).toUpperCase(),
    'ak_garbage',
    'eyJhbGciOiJub25lIn0.e30.',
    'a.b.c',
    'abc',
    'x'.repeat(100_000),
  ]

  test.each(garbage)('%s', async (presented) => {
    const { fetch, sent } = scriptedFetch(json(TOKEN))
    const request = {
      headers: { get: (name: string) => (name === 'authorization' ? `Bearer ${presented}` : null) },
    }
    const state = await authenticateRequest(request, { ...OPTIONS, fetch, acceptsToken: 'any' })
    expect(state.isAuthenticated).toBe(false)
    expect(sent).toEqual([])
  })

  test('and neither does a token of a class that is not accepted', async () => {
    for (const { presented, tokenType } of CLASSES) {
      for (const { tokenType: accepted } of CLASSES) {
        if (accepted === tokenType) continue
        const { state, sent } = authenticate(presented, accepted, json(TOKEN))
        expect(await state).toMatchObject({ reason: 'token-type-mismatch', tokenType: accepted })
        expect(sent).toEqual([])
      }
    }
  })
})

test('what it throws is for the operator of a wrong configuration alone', async () => {
  const request = new Request('https://api.test')
  for (const options of [{}, { apiUrl: 'x' }, { apiUrl: TEST_ISSUER, acceptsToken: 'all' }]) {
    const error: unknown = await authenticateRequest(
      request,
      options as unknown as typeof OPTIONS,
    ).catch((reason: unknown) => reason)
    expect(isCountersignError(error) && error.code).toBe('configuration-invalid')
  }
})
