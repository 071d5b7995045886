import { inspect } from 'node:util'
import {
  createAuthenticator,
  createVerifier,
  CountersignError,
  isCountersignError,
  verifyM2MJwt,
} from 'countersign'
import { expect, test } from 'vitest'
import { requestWith } from '../../../packages/sdk/src/testing/requests.ts'
import { json, scriptedFetch } from '../../../packages/sdk/src/testing/scripted-fetch.ts'
import {
  apiKeySecret,
  createTestKey,
  GOOD_PAYLOAD,
  instanceSecret,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
  testId,
} from '../../../packages/sdk/src/testing/tokens.ts'

/** Attacks by way of what stands around the verifier: options, platforms, answers that are none. */

const key = await createTestKey('ES256', 'key')
const jwks = { keys: [key.publicJwk] }
const clock = (): number => TEST_NOW_MS
const now = TEST_NOW_MS / 1000
const OTHER = testId('machine', 8)

const ANSWER = {
  ...{ object: 'machine_to_machine_token', id: testId('m2mToken', 5), subject: SENDER },
  ...{ scopes: [OTHER], claims: null, revoked: false, revocation_reason: null, expired: false },
  ...{ expiration: TEST_NOW_MS + 60_000, created_at: TEST_NOW_MS, updated_at: TEST_NOW_MS },
}
const opaque = opaqueToken(ANSWER.id)

const bearer = (token: string) => requestWith(`Bearer ${token}`)
const owner = (answer: object, options: object = {}) =>
  createAuthenticator({
    ...{ apiUrl: TEST_ISSUER, secretKey: instanceSecret(), jwks, clock },
    ...{ fetch: scriptedFetch(json(answer)).fetch, ...options },
  })

const codeOf = async (work: Promise<unknown>): Promise<string> => {
  try {
    await work
    return 'accepted'
  } catch (error) {
    return isCountersignError(error) ? error.code : String(error)
  }
}

test('an opaque token for another receiver, where a JWT for it would be refused', async () => {
  const m2m = { acceptsToken: 'm2m_token' } as const
  const mine = owner(ANSWER, { audience: OTHER })
  expect((await mine.authenticate(bearer(opaque), m2m)).isAuthenticated).toBe(true)
  const theirs = owner(ANSWER, { audience: RECEIVER })
  expect((await theirs.authenticate(bearer(opaque), m2m)).isAuthenticated).toBe(false)
})

test('an answer that says of a token that it lives, and that it ended an hour ago', async () => {
  const { authenticate } = owner({ ...ANSWER, expiration: TEST_NOW_MS - 3_600_000 })
  const state = await authenticate(bearer(opaque), { acceptsToken: 'm2m_token' })
  expect(state.isAuthenticated).toBe(false)
})

test.each([
  ['m2m_token', opaque],
  ['api_key', apiKeySecret(testId('apiKey', 6))],
  ['oauth_token', 'oat_x'],
] as const)(
  'a page that is not there, in place of an authority, is no verdict on %s',
  async (type, token) => {
    const html = () =>
      new Response('<html>', { status: 404, headers: { 'content-type': 'text/html' } })
    const { authenticate } = owner({}, { fetch: scriptedFetch(html).fetch })
    const state = await authenticate(bearer(token), { acceptsToken: type })
    expect(state.isAuthenticated ? 200 : state.httpStatus).toBe(503)
  },
)

test('a waitUntil that throws, since its request has ended, refuses no good token', async () => {
  let time = TEST_NOW_MS
  const verifier = createVerifier({
    issuer: TEST_ISSUER,
    audience: RECEIVER,
    fetch: scriptedFetch(json(jwks)).fetch,
    clock: () => time,
    waitUntil() {
      throw new TypeError('the request has ended')
    },
  })
  const token = await signToken(key, { ...GOOD_PAYLOAD, exp: now + 9_999 })
  expect(await codeOf(verifier.verify(token))).toBe('accepted')
  time += 241_000
  expect(await codeOf(verifier.verify(token))).toBe('accepted')
})

test('a clock that is no number for a moment refuses then, and not for ever', async () => {
  let time = TEST_NOW_MS
  const fetch = scriptedFetch(json(jwks)).fetch
  const verifier = createVerifier({
    issuer: TEST_ISSUER,
    audience: RECEIVER,
    fetch,
    clock: () => time,
  })
  const token = await signToken(key)
  expect(await codeOf(verifier.verify(token))).toBe('accepted')
  time = Number.NaN
  expect(await codeOf(verifier.verify(token))).not.toBe('accepted')
  time = TEST_NOW_MS
  expect(await codeOf(verifier.verify(token))).toBe('accepted')
})

test('a fetch that throws an error of ours makes no verdict of it', async () => {
  const fetch = () => Promise.reject(new CountersignError('token-expired'))
  const verifier = createVerifier({ issuer: TEST_ISSUER, audience: RECEIVER, fetch, clock })
  expect(await codeOf(verifier.verify(await signToken(key)))).toBe('keys-unavailable')
})

test('parties of which one was deleted from the array do not let in a session without one', async () => {
  const authorizedParties = ['https://old.test', 'https://app.test']
  Reflect.deleteProperty(authorizedParties, '0')
  const session = { issuer: TEST_ISSUER, jwks, audience: null, authorizedParties, clock }
  const payload = { iss: TEST_ISSUER, sub: 'user_1', exp: now + 60, iat: now }
  const token = await signToken(key, payload, { alg: 'ES256', kid: 'key', typ: 'JWT' })
  let isAuthenticated = false
  try {
    const { authenticate } = createAuthenticator({ apiUrl: TEST_ISSUER, session })
    ;({ isAuthenticated } = await authenticate(bearer(token)))
  } catch (error) {
    expect(error).toMatchObject({ code: 'configuration-invalid' })
  }
  expect(isAuthenticated).toBe(false)
})

test('a logout token of an OIDC provider is no session', async () => {
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
  const payload = { iss: TEST_ISSUER, sub: 'user_1', sid: 's', exp: now + 60, iat: now, events }
  const token = await signToken(key, payload, { alg: 'ES256', kid: 'key', typ: 'JWT' })
  const session = { issuer: TEST_ISSUER, jwks, audience: null, authorizedParties: null, clock }
  const { authenticate } = createAuthenticator({ apiUrl: TEST_ISSUER, session })
  expect((await authenticate(bearer(token))).isAuthenticated).toBe(false)
})

test('a client that got a token for itself is no user, whatever it is called', async () => {
  const claims = { sub: 'user_victim', client_id: 'user_victim', jti: 'j', aud: 'me' }
  const payload = { iss: TEST_ISSUER, ...claims, exp: now + 60, iat: now }
  const token = await signToken(key, payload, { alg: 'ES256', kid: 'key', typ: 'at+jwt' })
  const oauth = { issuer: TEST_ISSUER, jwks, audience: 'me', clock }
  const { authenticate } = createAuthenticator({ apiUrl: TEST_ISSUER, oauth })
  const auth = (await authenticate(bearer(token), { acceptsToken: 'oauth_token' })).toAuth()
  expect(auth).toMatchObject({ isAuthenticated: true, userId: null, clientId: 'user_victim' })
})

test('options that hide a member share no verifier with those that hide another', async () => {
  const base = { issuer: TEST_ISSUER, jwks, clock }
  const token = await signToken(key)
  const hidden = (audience: string) =>
    Object.defineProperty({ ...base, audience: RECEIVER }, 'audience', {
      value: audience,
      enumerable: false,
    })
  const inherited = (audience: string) =>
    Object.create(
      Object.assign(Object.create(null) as object, { ...base, audience }),
    ) as typeof base & {
      audience: string
    }
  for (const made of [hidden, inherited]) {
    await codeOf(verifyM2MJwt(token, made(RECEIVER)))
    expect(await codeOf(verifyM2MJwt(token, made(OTHER)))).not.toBe('accepted')
  }
})

test('a class of token that is added to what is accepted while a request waits does not count', async () => {
  const accepts: ('api_key' | 'm2m_token')[] = ['api_key']
  const state = owner(ANSWER).authenticate(bearer(opaque), { acceptsToken: accepts })
  accepts.push('m2m_token')
  expect((await state).isAuthenticated).toBe(false)
})

test.each([undefined, 1, ['Bearer a', 'Bearer b'], {}])(
  'headers that are %j let nobody in',
  async (value) => {
    const headers = { get: () => value as unknown as string }
    const state = await owner(ANSWER).authenticate({ headers }, { acceptsToken: 'any' })
    expect(state.isAuthenticated).toBe(false)
  },
)

test('a state that somebody prints shows no token', async () => {
  const token = await signToken(key)
  const { authenticate } = createAuthenticator({
    apiUrl: TEST_ISSUER,
    machineSecretKey: machineSecretOf(RECEIVER),
    ...{ jwks, clock },
  })
  const state = await authenticate(bearer(token), { acceptsToken: 'm2m_token' })
  expect(state.token).toBe(token)
  expect(inspect(state) + JSON.stringify(state)).not.toContain(token)
})

test('an expired token with a status is refused for its age: nothing is unknown of it', async () => {
  const status = { status_list: { idx: 0, uri: `${TEST_ISSUER}/status-lists/1` } }
  const times = { exp: now - 6_000, iat: now - 9_000, status }
  const session = { issuer: TEST_ISSUER, jwks, audience: null, authorizedParties: null, clock }
  const { authenticate } = createAuthenticator({ apiUrl: TEST_ISSUER, session })
  const payload = { iss: TEST_ISSUER, sub: 'user_1', ...times }
  const token = await signToken(key, payload, { alg: 'ES256', kid: 'key', typ: 'JWT' })
  expect(await authenticate(bearer(token))).toMatchObject({ httpStatus: 401 })
})
