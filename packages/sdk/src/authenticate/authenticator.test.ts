import { describe, expect, test } from 'vitest'
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

const requestWith = (authorization?: string, cookie?: string): Request =>
  new Request('https://api.test/', {
    headers: {
      ...(authorization !== undefined && { authorization }),
      ...(cookie !== undefined && { cookie }),
    },
  })

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
