import { describe, expect, test } from 'vitest'
import { requestWith } from '../testing/requests.ts'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  GOOD_PAYLOAD,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
  testId,
} from '../testing/tokens.ts'
import { authenticateRequest, createAuthenticator } from './authenticator.ts'

const key = await createTestKey('ES256', 'key')
const jwks = { keys: [key.publicJwk] }
const OPTIONS = {
  apiUrl: TEST_ISSUER,
  machineSecretKey: machineSecretOf(RECEIVER),
  jwks,
  clock: () => TEST_NOW_MS,
}

describe('a machine', () => {
  test('with a JWT is known by what it says, and nothing is asked of anybody', async () => {
    const server = scriptedFetch(json({}))
    const { authenticate } = createAuthenticator({ ...OPTIONS, fetch: server.fetch })
    const token = await signToken(key)
    for (let count = 0; count < 5; count++) {
      const state = await authenticate(requestWith(`bEaReR ${token}`), {
        acceptsToken: 'm2m_token',
      })
      expect(state).toMatchObject({ status: 'signed-in', tokenType: 'm2m_token', token })
      expect(state.toAuth()).toMatchObject({ machineId: SENDER, subject: SENDER })
    }
    expect(server.sent).toEqual([])
  })

  test('with an opaque token is known when the authority says so', async () => {
    const id = testId('m2mToken', 5)
    const server = scriptedFetch(
      json({
        object: 'machine_to_machine_token',
        id,
        subject: SENDER,
        scopes: [RECEIVER],
        claims: null,
        revoked: false,
        revocation_reason: null,
        expired: false,
        expiration: null,
        created_at: 1,
        updated_at: 1,
      }),
    )
    const state = await authenticateRequest(requestWith(`Bearer ${opaqueToken(id)}`), {
      ...OPTIONS,
      fetch: server.fetch,
      acceptsToken: ['m2m_token', 'api_key'],
    })
    const auth = state.toAuth()
    expect(auth.isAuthenticated && auth.tokenType === 'm2m_token' && auth.machineId).toBe(SENDER)
    expect(server.sent).toHaveLength(1)
  })

  test('without a token gets a challenge that says nothing', async () => {
    const state = await authenticateRequest(requestWith(), {
      ...OPTIONS,
      acceptsToken: 'm2m_token',
    })
    expect(state).toMatchObject({ status: 'signed-out', reason: 'No token in header' })
    if (state.isAuthenticated) throw new Error('nobody')
    const response = state.toResponse()
    expect(response.status).toBe(401)
    expect([...response.headers]).toEqual([['www-authenticate', 'Bearer']])
    expect(await response.text()).toBe('')
  })
})

describe('a session', () => {
  const session = {
    issuer: 'https://clerk.test',
    jwks,
    audience: null,
    authorizedParties: ['https://app.test'],
  }
  const payload = {
    iss: 'https://clerk.test',
    sub: 'user_1',
    sid: 'sess_1',
    azp: 'https://app.test',
    exp: TEST_NOW_MS / 1000 + 60,
    iat: TEST_NOW_MS / 1000,
  }
  const header = { alg: 'ES256', typ: 'JWT', kid: 'key' }

  test('is known by its cookie and by its header', async () => {
    const token = await signToken(key, payload, header)
    for (const request of [
      requestWith(`Bearer ${token}`),
      requestWith(undefined, `a=b; __session=${token}`),
    ]) {
      const state = await authenticateRequest(request, { ...OPTIONS, session })
      expect(state.toAuth()).toMatchObject({ userId: 'user_1', sessionId: 'sess_1' })
    }
  })

  test('is never accepted from an issuer that was not named', async () => {
    const token = await signToken(key, payload, header)
    const state = await authenticateRequest(requestWith(`Bearer ${token}`), OPTIONS)
    expect(state).toMatchObject({ status: 'signed-out', reason: 'token-invalid' })
  })

  test('is no machine JWT, in header or cookie', async () => {
    const token = await signToken(key)
    for (const request of [
      requestWith(`Bearer ${token}`),
      requestWith(undefined, `__session=${token}`),
    ]) {
      const state = await authenticateRequest(request, { ...OPTIONS, session })
      expect(state).toMatchObject({ status: 'signed-out', reason: 'token-type-mismatch' })
    }
  })

  test('is no machine token', async () => {
    const token = await signToken(key, payload, header)
    const state = await authenticateRequest(requestWith(`Bearer ${token}`), {
      ...OPTIONS,
      session,
      acceptsToken: 'm2m_token',
    })
    expect(state).toMatchObject({ status: 'signed-out', reason: 'token-type-mismatch' })
  })

  test('with a machine’s subject is refused whatever its tags say', async () => {
    const token = await signToken(key, { ...payload, sub: GOOD_PAYLOAD['sub'] }, header)
    const state = await authenticateRequest(requestWith(`Bearer ${token}`), { ...OPTIONS, session })
    expect(state).toMatchObject({ status: 'signed-out', reason: 'token-type-mismatch' })
  })
})

describe('one call with all options', () => {
  const request = async () => requestWith(`Bearer ${await signToken(key)}`)
  const keySet = json({ keys: [key.publicJwk] })
  const { jwks: _, ...remote } = OPTIONS
  const accepts = { acceptsToken: 'm2m_token' } as const

  test('shares an authenticator, and so the key set, with every call of equal options', async () => {
    const { fetch, sent } = scriptedFetch(keySet)
    for (const acceptsToken of ['m2m_token', ['m2m_token', 'api_key'], 'any'] as const) {
      const options = { ...remote, fetch, acceptsToken }
      expect((await authenticateRequest(await request(), options)).status).toBe('signed-in')
    }
    expect(sent).toHaveLength(1)
  })

  test('shares nothing with a call of another fetch, of other keys or of another audience', async () => {
    const stranger = await createTestKey('ES256', 'key')
    const server = scriptedFetch(keySet)
    const good = { ...remote, ...accepts, fetch: server.fetch }
    // Thrice, so that the token is remembered.
    for (let count = 0; count < 3; count++) {
      expect((await authenticateRequest(await request(), good)).status).toBe('signed-in')
    }
    const theirs = scriptedFetch(json({ keys: [stranger.publicJwk] }))
    for (const options of [
      { ...good, fetch: theirs.fetch },
      { ...good, jwks: { keys: [stranger.publicJwk] } },
      { ...good, audience: SENDER },
      { ...good, issuer: 'https://other.test' },
      { ...good, machineSecretKey: machineSecretOf(SENDER) },
    ]) {
      expect(await authenticateRequest(await request(), options)).toMatchObject({
        status: 'signed-out',
        reason: 'token-verification-failed',
      })
    }
  })

  test('never takes an audience that went wrong for null', async () => {
    const every = { ...OPTIONS, ...accepts, audience: null }
    expect((await authenticateRequest(await request(), every)).status).toBe('signed-in')
    await expect(
      authenticateRequest(await request(), { ...every, audience: NaN as never }),
    ).rejects.toMatchObject({ code: 'configuration-invalid' })
  })

  test('is not changed by what is done to the options afterwards', async () => {
    const jwks = { keys: [key.publicJwk] }
    const options = { ...OPTIONS, jwks }
    const { authenticate } = createAuthenticator(options)
    jwks.keys.length = 0
    options.machineSecretKey = machineSecretOf(SENDER)
    expect((await authenticate(await request(), accepts)).status).toBe('signed-in')
  })
})

test('nothing that a request presents is shown to its caller, nor to a log', async () => {
  const { fetch } = scriptedFetch(json({ errors: [] }, 404))
  const { authenticate } = createAuthenticator({ ...OPTIONS, fetch })
  const secret = OPTIONS.machineSecretKey
  const good = await signToken(key)
  const bad = await signToken(key, { ...GOOD_PAYLOAD, aud: ['mch_of-a-secret-plan'] })
  for (const token of [good, bad, opaqueToken(testId('m2mToken', 5)), 'mt_garbage', 'garbage']) {
    const state = await authenticate(requestWith(`Bearer ${token}`), { acceptsToken: 'm2m_token' })
    const auth = state.toAuth()
    const shown = [
      JSON.stringify([...state.headers]),
      JSON.stringify([state.debug(), auth.debug(), auth]),
      state.message ?? '',
      String(state.error?.stack),
      JSON.stringify(state.error),
    ]
    if (!state.isAuthenticated) {
      const response = state.toResponse()
      shown.push(JSON.stringify([...response.headers]), await response.text())
    }
    for (const text of shown) {
      expect(text).not.toContain(token)
      expect(text).not.toContain(secret)
      expect(text).not.toContain('secret-plan')
    }
  }
})

test.each([0, 1, 2, 3])(
  'a flood of one good token, %i before it, is of one machine',
  async (warm) => {
    const { authenticate } = createAuthenticator(OPTIONS)
    const request = requestWith(`Bearer ${await signToken(key)}`)
    for (let count = 0; count < warm; count++) await authenticate(request, { acceptsToken: 'any' })
    const states = await Promise.all(
      Array.from({ length: 100 }, () => authenticate(request, { acceptsToken: 'any' })),
    )
    expect(states.every((state) => state.toAuth().subject === SENDER)).toBe(true)
    const auths = new Set(states.map((state) => state.toAuth().scopes))
    expect(auths.size).toBe(100)
  },
)
