import { describe, expect, test } from 'vitest'
import { API_KEY_ID, live, OAUTH_TOKEN_ID, TOKEN_ID } from '../testing/answers.ts'
import { requestWith } from '../testing/requests.ts'
import { type Answer, broken, json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  apiKeySecret,
  createTestKey,
  instanceSecret,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import { TokenType } from '../token/token-type.ts'
import { createAuthenticator } from './authenticator.ts'
import type { AuthenticatorOptions } from './options.ts'
import type { RequestState } from './request-state.ts'
import { createVerification } from './verification.ts'

const key = await createTestKey('ES256', 'key')
const jwt = await signToken(key)
const OPAQUE = opaqueToken(TOKEN_ID)
const API_KEY_SECRET = apiKeySecret(API_KEY_ID)
const SESSION_JWT = await signToken(key, { sub: 'user_1' }, { alg: 'ES256', kid: 'key' })
const ACCESS_JWT = await signToken(
  key,
  { sub: 'user_1' },
  { alg: 'ES256', kid: 'key', typ: 'at+jwt' },
)
const ALL = Object.values(TokenType)

const KEYS = { secretKey: instanceSecret(), machineSecretKey: machineSecretOf(RECEIVER) }
const BASE = { apiUrl: TEST_ISSUER, clock: () => TEST_NOW_MS, retry: { retries: 0 } }

/** What a request with this token turns out to be, and what was asked for it. */
async function present(
  token: string,
  options: Partial<AuthenticatorOptions>,
  ...answers: Answer[]
): Promise<{ state: RequestState<TokenType, never>; urls: string[] }> {
  const { fetch, sent } = scriptedFetch(...answers)
  const { authenticate } = createAuthenticator({ ...BASE, fetch, ...options })
  const state = await authenticate(requestWith(`Bearer ${token}`), { acceptsToken: 'any' })
  return { state, urls: sent.map(({ url }) => url.slice(TEST_ISSUER.length)) }
}

const refused = (reason: string, httpStatus: 401 | 503): object => ({
  status: 'signed-out',
  reason,
  httpStatus,
})

describe('a look', () => {
  const verification = createVerification({ ...BASE, ...KEYS, jwks: { keys: [key.publicJwk] } })

  test('tells an opaque token by its prefix, without taking it apart', () => {
    expect(verification.look(OPAQUE, ALL)).toEqual({ type: 'm2m_token', jws: null })
    expect(verification.look('mt_a.b.c', ALL)).toEqual({ type: 'm2m_token', jws: null })
    expect(verification.look(API_KEY_SECRET, ALL)).toEqual({ type: 'api_key', jws: null })
    expect(verification.look(OAUTH_TOKEN_ID, ALL)).toEqual({ type: 'oauth_token', jws: null })
  })

  test('tells a JWT by what it says, whichever classes are accepted', () => {
    for (const types of [ALL, ...ALL.map((type) => [type])]) {
      expect(verification.look(jwt, types)).toMatchObject({
        type: 'm2m_token',
        jws: { header: { kid: 'key' } },
      })
    }
  })

  test('says why it is nothing', () => {
    expect(verification.look('garbage', ALL)).toMatchObject({
      type: null,
      jws: null,
      error: { code: 'token-malformed' },
    })
  })
})

describe('each class of token is asked about at its own place', () => {
  test.each([
    ['m2m_token', OPAQUE, '/v1/m2m_tokens/verify'],
    ['api_key', API_KEY_SECRET, '/v1/api_keys/verify'],
    ['oauth_token', OAUTH_TOKEN_ID, '/v1/oauth_applications/access_tokens/verify'],
  ])('%s', async (tokenType, token, url) => {
    const { state, urls } = await present(token, KEYS, live)
    expect(state).toMatchObject({ status: 'signed-in', tokenType, token })
    expect(urls).toEqual([url])
  })

  test('and a JWT nowhere, but its key set, which is fetched once', async () => {
    const { fetch, sent } = scriptedFetch(json({ keys: [key.publicJwk] }))
    const { authenticate } = createAuthenticator({ ...BASE, ...KEYS, fetch })
    for (let count = 0; count < 5; count++) {
      const state = await authenticate(requestWith(`Bearer ${jwt}`), { acceptsToken: 'm2m_token' })
      expect(state.status).toBe('signed-in')
    }
    expect(sent.map(({ url }) => url)).toEqual([`${TEST_ISSUER}/.well-known/jwks.json`])
  })
})

describe('garbage costs no call', () => {
  test.each([
    ['a token whose checksum is wrong', OPAQUE.replace(/.$/, '-')],
    ['a token that was cut', OPAQUE.slice(0, -1)],
    ['a token with more at its end', `${OPAQUE}0`],
    ['a prefix and no more', 'mt_'],
    ['a token that was made up', 'mt_garbage'],
    ['a machine’s secret for an API key', machineSecretOf(RECEIVER)],
    ['an API key whose checksum is wrong', `${API_KEY_SECRET}0`],
    ['an API key that was made up', 'ak_garbage'],
    ['an access token that is too long', `oat_${'a'.repeat(20_000)}`],
    ['an API key that is too long', `ak_${'a'.repeat(100_000)}`],
  ])('%s', async (_, token) => {
    const { state, urls } = await present(token, KEYS, live)
    expect(state).toMatchObject(refused('token-invalid', 401))
    expect(urls).toEqual([])
  })

  test('nor does a JWT of no known class, or without a key', async () => {
    const { kid: _, ...header } = { alg: 'ES256', typ: 'JWT', cat: 'cl_B7d4PD333AAA', kid: 'key' }
    const withoutKey = await signToken(key, undefined, header)
    expect((await present(withoutKey, KEYS, live)).urls).toEqual([])
    expect((await present(`${jwt}.`, KEYS, live)).urls).toEqual([])
    expect((await present(jwt.slice(0, -40).replaceAll('.', ''), KEYS, live)).urls).toEqual([])
  })
})

describe('what the authority answers', () => {
  const answered = (status: number, body: unknown = { errors: [] }, headers = {}) =>
    present(OPAQUE, KEYS, json(body, status, headers))

  test('404 is a verdict: the token is not accepted', async () => {
    expect((await answered(404)).state).toMatchObject(refused('token-invalid', 401))
  })

  test('401 is about our own key, and sends nobody away for good', async () => {
    const { state } = await answered(401)
    expect(state).toMatchObject(refused('secret-key-invalid', 503))
    expect(state.headers.has('www-authenticate')).toBe(false)
  })

  test.each([400, 403, 409, 422, 429, 500, 502, 503])(
    '%i says nothing of the token',
    async (status) => {
      const { state } = await answered(status)
      expect(state).toMatchObject(refused('unexpected-error', 503))
      expect(state.headers.get('retry-after')).toBe('1')
    },
  )

  test('the authority’s own Retry-After is passed on', async () => {
    const { state } = await answered(429, { errors: [] }, { 'retry-after': '17' })
    expect(state.headers.get('retry-after')).toBe('17')
  })

  test.each<[string, Answer]>([
    [
      'a page of a proxy',
      () => new Response('<html>', { headers: { 'content-type': 'text/html' } }),
    ],
    ['nothing', () => new Response(null, { status: 204 })],
    ['an empty body', json('')],
    ['another object', json({ object: 'machine', id: RECEIVER })],
    ['a broken connection', broken('ECONNRESET')],
  ])('%s is never a yes', async (_, answer) => {
    expect((await present(OPAQUE, KEYS, answer)).state).toMatchObject(
      refused('unexpected-error', 503),
    )
  })

  test('a key set that cannot be fetched says nothing of the token either', async () => {
    const { state, urls } = await present(jwt, KEYS, broken('ECONNREFUSED'))
    expect(state).toMatchObject(refused('token-verification-failed', 503))
    expect(state.headers.get('retry-after')).toBe('1')
    expect(urls.every((url) => url === '/.well-known/jwks.json')).toBe(true)
  })
})

describe('what is not configured gives a state, and no call', () => {
  test.each([
    ['an opaque token without any key', OPAQUE, {}, 'secret-key-invalid', 503],
    ['a JWT without any key', jwt, {}, 'secret-key-invalid', 503],
    [
      'an API key',
      API_KEY_SECRET,
      { machineSecretKey: KEYS.machineSecretKey },
      'secret-key-invalid',
      503,
    ],
    [
      'an access token',
      'oat_1',
      { machineSecretKey: KEYS.machineSecretKey },
      'secret-key-invalid',
      503,
    ],
    [
      'a JWT with a machine’s key of another kind',
      jwt,
      { machineSecretKey: 'ak_of_another_authority' },
      'secret-key-invalid',
      503,
    ],
    ['a session', SESSION_JWT, KEYS, 'token-invalid', 401],
    ['an access token in JWT form', ACCESS_JWT, KEYS, 'token-invalid', 401],
  ] as const)('%s', async (_, token, options, reason, httpStatus) => {
    const { state, urls } = await present(token, options, live)
    expect(state).toMatchObject(refused(reason, httpStatus))
    expect(urls).toEqual([])
  })
})

describe('an issuer of sessions', () => {
  const claims = {
    iss: 'https://clerk.test',
    sub: 'user_1',
    iat: 1_800_000_000,
    exp: 1_800_000_060,
  }
  const header = { alg: 'ES256', typ: 'JWT', kid: 'key' }
  const session = { issuer: claims.iss, audience: null, authorizedParties: null }

  test('has the network and the clock of the authority, unless it has its own', async () => {
    const token = await signToken(key, claims, header)
    const keySet = json({ keys: [key.publicJwk] })
    const theirs = scriptedFetch(keySet)
    const own = scriptedFetch(keySet)
    for (const [fetch, clock] of [
      [undefined, undefined],
      [own.fetch, () => TEST_NOW_MS],
    ] as const) {
      const { authenticate } = createAuthenticator({
        ...BASE,
        fetch: theirs.fetch,
        session: { ...session, fetch, clock },
      })
      expect((await authenticate(requestWith(`Bearer ${token}`))).status).toBe('signed-in')
    }
    expect(theirs.sent.map(({ url }) => url)).toEqual(['https://clerk.test/.well-known/jwks.json'])
    expect(own.sent).toHaveLength(1)
  })

  test('cannot issue machine tokens, nor the authority sessions, with the same key and kid', async () => {
    const jwks = { keys: [key.publicJwk] }
    const options = { ...KEYS, jwks, session: { ...session, jwks } }
    const theirMachine = await signToken(key, { ...claims, sub: RECEIVER, jti: 'x', nbf: 1 })
    expect((await present(theirMachine, options)).state).toMatchObject(
      refused('token-verification-failed', 401),
    )
    const ourSession = await signToken(key, { ...claims, iss: TEST_ISSUER }, header)
    expect((await present(ourSession, options)).state).toMatchObject(
      refused('token-invalid-issuer', 401),
    )
  })
})

test('a token that is remembered is judged anew: it expires, and its key goes', async () => {
  let now = TEST_NOW_MS
  const { authenticate } = createAuthenticator({
    ...BASE,
    ...KEYS,
    jwks: { keys: [key.publicJwk] },
    clock: () => now,
  })
  const state = () => authenticate(requestWith(`Bearer ${jwt}`), { acceptsToken: 'm2m_token' })
  for (let count = 0; count < 4; count++) expect((await state()).status).toBe('signed-in')
  now += 65_000
  expect(await state()).toMatchObject(refused('token-verification-failed', 401))
  now = NaN
  expect((await state()).status).toBe('signed-out')
})

test.each([
  undefined,
  null,
  {},
  { apiUrl: 'x' },
  { ...BASE, session: null },
  { ...BASE, session: {} },
  { ...BASE, session: { issuer: 'https://a.test', audience: null, authorizedParties: [] } },
  { ...BASE, session: { issuer: 'https://a.test', audience: [], authorizedParties: null } },
  { ...BASE, oauth: 'https://a.test' },
  { ...BASE, oauth: { issuer: 'https://a.test' } },
  { ...BASE, oauth: { issuer: 'not a url', audience: null } },
])('options %# that are not usable are told at once', (options) => {
  expect(() => createVerification(options as never)).toThrow(
    expect.objectContaining({ code: 'configuration-invalid' }),
  )
})
