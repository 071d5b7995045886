import { describe, expect, test } from 'vitest'
import { OAUTH_TOKEN } from '../testing/answers.ts'
import { requestWith } from '../testing/requests.ts'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  instanceSecret,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import type { JsonObject } from '../token/json.ts'
import { createAuthenticator } from './authenticator.ts'
import type { OAuthOptions } from './options.ts'
import type { RequestState } from './request-state.ts'

const key = await createTestKey('ES256', 'key')
const seconds = TEST_NOW_MS / 1000

const HEADER = { alg: 'ES256', typ: 'at+jwt', kid: 'key' }
const PAYLOAD: JsonObject = {
  iss: 'https://oauth.test',
  sub: 'user_1',
  aud: 'https://api.test',
  client_id: 'client_1',
  jti: 'oat_1',
  iat: seconds,
  exp: seconds + 60,
  scope: 'email profile',
}
const OPTIONS: OAuthOptions = {
  issuer: 'https://oauth.test',
  jwks: { keys: [key.publicJwk] },
  audience: 'https://api.test',
}

async function present(
  claims: JsonObject = {},
  options: Partial<OAuthOptions> = {},
  header: JsonObject = {},
): Promise<RequestState<'oauth_token', never>> {
  const { authenticate } = createAuthenticator({
    apiUrl: TEST_ISSUER,
    jwks: { keys: [] },
    clock: () => TEST_NOW_MS,
    fetch: scriptedFetch().fetch,
    oauth: { ...OPTIONS, ...options },
  })
  const token = await signToken(key, { ...PAYLOAD, ...claims }, { ...HEADER, ...header })
  return authenticate(requestWith(`Bearer ${token}`), { acceptsToken: 'oauth_token' })
}

const failed = (code: string): object => ({
  status: 'signed-out',
  tokenType: 'oauth_token',
  reason: 'token-verification-failed',
  error: expect.objectContaining({ code }) as unknown,
})

describe('an access token in JWT form (RFC 9068)', () => {
  test('is verified here, and says which client acts for whom', async () => {
    const auth = (await present()).toAuth()
    expect(auth).toMatchObject({
      tokenType: 'oauth_token',
      isAuthenticated: true,
      id: 'oat_1',
      subject: 'user_1',
      userId: 'user_1',
      clientId: 'client_1',
      scopes: ['email', 'profile'],
    })
  })

  test.each(['at+jwt', 'AT+JWT', 'application/at+jwt'])('has the type %s', async (typ) => {
    expect(await present({}, {}, { typ })).toMatchObject({ status: 'signed-in' })
  })

  test.each([
    ['Clerk’s array', { scp: ['a', 'b'] }, ['a', 'b']],
    ['Clerk’s array, which wins', { scp: ['a'], scope: 'b' }, ['a']],
    ['an array with what is no scope', { scp: ['a', 1, null] }, ['a']],
    ['several blanks', { scope: '  a   b ' }, ['a', 'b']],
    ['nothing', { scope: undefined }, []],
    ['something odd', { scope: 1, scp: 'a' }, []],
  ])('has the scopes of %s', async (_, claims, scopes) => {
    expect((await present(claims)).toAuth().scopes).toEqual(scopes)
  })

  test.each([
    ['of another issuer', { iss: 'https://evil.test' }, 'token-issuer-mismatch'],
    ['for another receiver', { aud: 'https://other.test' }, 'token-audience-mismatch'],
    ['for no receiver', { aud: undefined }, 'token-claim-invalid'],
    ['without subject', { sub: undefined }, 'token-subject-invalid'],
    ['without id', { jti: undefined }, 'token-claim-invalid'],
    ['without client', { client_id: undefined }, 'token-claim-invalid'],
    ['that has expired', { exp: seconds - 6 }, 'token-expired'],
    ['without end', { exp: undefined }, 'token-claim-invalid'],
    ['of the future', { iat: seconds + 6 }, 'token-not-yet-valid'],
    ['that is bound to a key', { cnf: { jkt: 'x' } }, 'token-claim-invalid'],
  ])('%s is refused', async (_, claims, code) => {
    expect(await present(claims)).toMatchObject(failed(code))
  })

  test('whose revocation is published elsewhere is refused by who does not look there', async () => {
    expect(await present({ status: {} })).toMatchObject({ status: 'signed-out', httpStatus: 503 })
  })

  test('of a machine, or with a tag, is none', async () => {
    expect(await present({ sub: SENDER })).toMatchObject({ reason: 'token-type-mismatch' })
    expect(await present({}, {}, { cat: 'cl_B7d4PD333AAA' })).toMatchObject({
      reason: 'token-invalid',
    })
  })

  test('may be for anybody with null', async () => {
    const options = { audience: null }
    expect(await present({ aud: undefined }, options)).toMatchObject({ status: 'signed-in' })
    expect(await present({ aud: 'x' }, options)).toMatchObject({ status: 'signed-in' })
  })
})

test('an opaque access token is asked about, with the instance’s key', async () => {
  const server = scriptedFetch(json(OAUTH_TOKEN))
  const { authenticate } = createAuthenticator({
    apiUrl: TEST_ISSUER,
    secretKey: instanceSecret(),
    fetch: server.fetch,
  })
  const request = requestWith('Bearer oat_1')
  const state = await authenticate(request, { acceptsToken: 'oauth_token' })
  expect(state.toAuth()).toMatchObject({
    id: OAUTH_TOKEN['id'],
    userId: OAUTH_TOKEN['subject'],
    clientId: 'client_1',
    scopes: ['email'],
  })
  expect(server.sent).toMatchObject([
    {
      url: `${TEST_ISSUER}/v1/oauth_applications/access_tokens/verify`,
      body: { access_token: 'oat_1' },
      headers: { authorization: `Bearer ${instanceSecret()}` },
    },
  ])
})

test.each([
  { active: false },
  { ...OAUTH_TOKEN, revoked: true },
  { ...OAUTH_TOKEN, expired: true },
])('the answer %j to the question about it is never a yes', async (answer) => {
  const server = scriptedFetch(json(answer))
  const { authenticate } = createAuthenticator({
    apiUrl: TEST_ISSUER,
    secretKey: instanceSecret(),
    fetch: server.fetch,
    retry: { retries: 0 },
  })
  const request = requestWith('Bearer oat_1')
  const state = await authenticate(request, { acceptsToken: 'oauth_token' })
  expect(state).toMatchObject({ status: 'signed-out', httpStatus: 503 })
})
