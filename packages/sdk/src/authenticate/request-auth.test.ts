import { describe, expect, test } from 'vitest'
import { API_KEY, live, TOKEN_ID } from '../testing/answers.ts'
import { requestWith } from '../testing/requests.ts'
import { broken, json, type ScriptedFetch, scriptedFetch } from '../testing/scripted-fetch.ts'
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
import type { MiddlewareOptions } from './environment.ts'
import {
  createGetAuth,
  createRequestAuth,
  createRequestAuthByEnvironment,
  type GetAuth,
  type RequestAuth,
  requestAuthIn,
} from './request-auth.ts'

const key = await createTestKey('ES256', 'key')
const getAuth: GetAuth<RequestAuth> = createGetAuth((auth: RequestAuth) => auth)
const opaque = `Bearer ${opaqueToken(TOKEN_ID)}`

const on = (server: ScriptedFetch, options: MiddlewareOptions = {}) =>
  createRequestAuth({
    apiUrl: TEST_ISSUER,
    machineSecretKey: machineSecretOf(RECEIVER),
    jwks: { keys: [key.publicJwk] },
    clock: () => TEST_NOW_MS,
    fetch: server.fetch,
    retry: { retries: 0 },
    env: {},
    ...options,
  })

describe('a request', () => {
  test('is not looked at before somebody asks', () => {
    const server = scriptedFetch(live)
    const headers = {
      get: (): string => {
        throw new Error('looked at')
      },
    }
    expect(on(server)({ headers })).toBeTypeOf('object')
    expect(server.sent).toEqual([])
  })

  test('is verified once, however many ask, and for whatever classes', async () => {
    const server = scriptedFetch(live)
    const auth = on(server)(requestWith(opaque))
    const several = ['m2m_token', 'any', ['api_key', 'm2m_token'], 'm2m_token'] as const
    const found = await Promise.all(several.map((acceptsToken) => getAuth(auth, { acceptsToken })))
    for (const one of found) expect(one).toMatchObject({ isAuthenticated: true, subject: SENDER })
    expect(await getAuth(auth, { acceptsToken: 'any' })).toMatchObject({ subject: SENDER })
    expect(server.sent).toHaveLength(1)
  })

  test('is refused once, however many ask', async () => {
    const server = scriptedFetch(broken('ECONNREFUSED'), live)
    const auth = on(server)(requestWith(opaque))
    for (const acceptsToken of ['m2m_token', 'any', ['m2m_token']] as const) {
      const state = await auth.authenticate({ acceptsToken })
      expect(state).toMatchObject({ isAuthenticated: false, httpStatus: 503 })
    }
    expect(server.sent).toHaveLength(1)
  })

  test('with a token of another class than is asked for is refused without a call', async () => {
    const server = scriptedFetch(live)
    const auth = on(server)(requestWith(opaque))
    for (const acceptsToken of ['api_key', 'session_token', ['oauth_token', 'api_key']] as const) {
      expect(await getAuth(auth, { acceptsToken })).toMatchObject({ isAuthenticated: false })
    }
    expect(await getAuth(auth)).toMatchObject({ tokenType: 'session_token', userId: null })
    expect(server.sent).toEqual([])
    // What was refused for its class may still be what somebody else asks for.
    expect(await getAuth(auth, { acceptsToken: 'm2m_token' })).toMatchObject({ subject: SENDER })
  })

  test('keeps the answer that it got first, also where the token was seen before', async () => {
    const token = await signToken(key)
    let now = TEST_NOW_MS
    const begin = on(scriptedFetch(json({})), { clock: () => now })
    for (let count = 0; count < 3; count++) {
      await getAuth(begin(requestWith(`Bearer ${token}`)), { acceptsToken: 'm2m_token' })
    }
    const auth = begin(requestWith(`Bearer ${token}`))
    expect(await getAuth(auth, { acceptsToken: 'm2m_token' })).toMatchObject({ subject: SENDER })
    now += 3_600_000
    expect(await getAuth(auth, { acceptsToken: 'any' })).toMatchObject({ subject: SENDER })
    const next = begin(requestWith(`Bearer ${token}`))
    expect(await getAuth(next, { acceptsToken: 'm2m_token' })).toMatchObject({ subject: null })
  })

  test('is of one instance: another has no part in what was found out', async () => {
    const [ours, theirs] = [scriptedFetch(live), scriptedFetch(json({ errors: [] }, 404))]
    const request = requestWith(opaque)
    const [one, other] = [on(ours)(request), on(theirs)(request)]
    expect(await getAuth(one, { acceptsToken: 'm2m_token' })).toMatchObject({ subject: SENDER })
    expect(await getAuth(other, { acceptsToken: 'm2m_token' })).toMatchObject({ subject: null })
    expect([ours.sent.length, theirs.sent.length]).toEqual([1, 1])
  })
})

test('a class that does not exist is a mistake of the handler, and thrown', async () => {
  const auth = on(scriptedFetch(json(API_KEY)))(requestWith())
  const asked = getAuth(auth, { acceptsToken: 'machine' as never })
  await expect(asked).rejects.toMatchObject({ code: 'configuration-invalid' })
})

test('a middleware that is missing is said, with the line to add', () => {
  const find = (): unknown => requestAuthIn(undefined, 'app.use(countersignMiddleware())')
  expect(find).toThrow(expect.objectContaining({ code: 'configuration-invalid' }))
  expect(find).toThrow('app.use(countersignMiddleware())')
})

describe('an environment that comes with each request', () => {
  const env = () => ({
    COUNTERSIGN_URL: TEST_ISSUER,
    COUNTERSIGN_MACHINE_SECRET_KEY: machineSecretOf(RECEIVER),
    incoming: {},
  })

  test('is read by the first, and makes one instance for all that have the same', async () => {
    const server = scriptedFetch(json({ keys: [key.publicJwk] }))
    const options = { fetch: server.fetch, clock: () => TEST_NOW_MS }
    const begin = createRequestAuthByEnvironment(options)
    const request = requestWith(`Bearer ${await signToken(key)}`)
    for (let count = 0; count < 3; count++) {
      const auth = begin(request, env())
      expect(await getAuth(auth, { acceptsToken: 'm2m_token' })).toMatchObject({ subject: SENDER })
    }
    expect(server.sent).toHaveLength(1)
    expect(() => begin(request, { ...env(), COUNTERSIGN_URL: 'no place' })).toThrow('apiUrl')
  })

  test.each([undefined, null, 'env', {}])('may be none: %j', (none) => {
    const begin = createRequestAuthByEnvironment()
    expect(() => begin(requestWith(), none)).toThrow('COUNTERSIGN_URL')
  })
})
