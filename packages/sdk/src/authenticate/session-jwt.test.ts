import { describe, expect, test } from 'vitest'
import { requestWith } from '../testing/requests.ts'
import { scriptedFetch } from '../testing/scripted-fetch.ts'
import { createTestKey, SENDER, signToken, TEST_ISSUER, TEST_NOW_MS } from '../testing/tokens.ts'
import type { JsonObject } from '../token/json.ts'
import { createAuthenticator } from './authenticator.ts'
import type { SessionOptions } from './options.ts'
import type { RequestState } from './request-state.ts'

const key = await createTestKey('ES256', 'ins_1')
const seconds = TEST_NOW_MS / 1000

const HEADER = { alg: 'ES256', typ: 'JWT', kid: 'ins_1', cat: 'cl_B7d4PD111AAA' }
const PAYLOAD: JsonObject = {
  iss: 'https://clerk.test',
  sub: 'user_1',
  sid: 'sess_1',
  azp: 'https://app.test',
  iat: seconds,
  nbf: seconds - 10,
  exp: seconds + 60,
  sts: 'active',
}
const OPTIONS: SessionOptions = {
  issuer: 'https://clerk.test',
  jwks: { keys: [key.publicJwk] },
  audience: null,
  authorizedParties: ['https://app.test', 'https://admin.test'],
}

/** The state of a request that presents a session token with these members, in the cookie. */
async function present(
  claims: JsonObject = {},
  options: Partial<SessionOptions> = {},
  header: JsonObject = {},
): Promise<RequestState<'session_token', never>> {
  const { authenticate } = createAuthenticator({
    apiUrl: TEST_ISSUER,
    jwks: { keys: [] },
    clock: () => TEST_NOW_MS,
    fetch: scriptedFetch().fetch,
    session: { ...OPTIONS, ...options },
  })
  // What is undefined is absent.
  const token = await signToken(key, { ...PAYLOAD, ...claims }, { ...HEADER, ...header })
  return authenticate(requestWith(undefined, `__session=${token}`))
}

const signedIn = { status: 'signed-in', tokenType: 'session_token' }
const refused = (reason: string, code: string): object => ({
  status: 'signed-out',
  httpStatus: 401,
  reason,
  error: expect.objectContaining({ code }) as unknown,
})
const failed = (code: string): object => refused('token-verification-failed', code)

test('a session of the configured issuer is of its user', async () => {
  const state = await present()
  expect(state).toMatchObject(signedIn)
  expect(state.toAuth()).toMatchObject({ userId: 'user_1', sessionId: 'sess_1' })
  expect(state.toAuth().sessionClaims).toEqual(PAYLOAD)
})

describe('the issuer', () => {
  test.each([undefined, 'https://clerk.test/', 'https://CLERK.test', 'https://evil.test', null, 1])(
    'must be the configured one by every character: %j',
    async (iss) => {
      expect(await present({ iss })).toMatchObject(
        refused('token-invalid-issuer', 'token-issuer-mismatch'),
      )
    },
  )
})

describe('the party', () => {
  test.each(['https://app.test', 'https://admin.test'])('%s is one of the list', async (azp) => {
    expect(await present({ azp })).toMatchObject(signedIn)
  })

  test.each([undefined, '', 'https://evil.test', 'https://app.test/', ['https://app.test'], null])(
    '%j is none of the list',
    async (azp) => {
      expect(await present({ azp })).toMatchObject(
        refused('token-invalid-authorized-parties', 'token-party-mismatch'),
      )
    },
  )

  test.each([undefined, 'https://evil.test', null, 1])(
    '%j may be anybody with null',
    async (azp) => {
      expect(await present({ azp }, { authorizedParties: null })).toMatchObject(signedIn)
    },
  )
})

describe('the audience', () => {
  test.each(['api', ['api'], ['other', 'api']])('%j names one of ours', async (aud) => {
    expect(await present({ aud }, { audience: ['api', 'web'] })).toMatchObject(signedIn)
    expect(await present({ aud }, { audience: 'api' })).toMatchObject(signedIn)
  })

  test.each(['other', [], ['other'], 'ap', 'API'])('%j names none of ours', async (aud) => {
    expect(await present({ aud }, { audience: 'api' })).toMatchObject(
      failed('token-audience-mismatch'),
    )
  })

  test.each([undefined, null, 1, ['api', 1]])('%j is none', async (aud) => {
    expect(await present({ aud }, { audience: 'api' })).toMatchObject(failed('token-claim-invalid'))
  })

  test('may be absent or anybody with null', async () => {
    expect(await present({ aud: undefined })).toMatchObject(signedIn)
    expect(await present({ aud: 'anybody' })).toMatchObject(signedIn)
  })
})

describe('the status of the session', () => {
  test.each(['pending', 'ended', '', 'ACTIVE', null, 1])('%j is not active', async (sts) => {
    const state = await present({ sts })
    expect(state).toMatchObject(failed('token-claim-invalid'))
    expect(state.toAuth()).toMatchObject({ userId: null, sessionClaims: null })
  })

  test('may be absent, as in older tokens and at other providers', async () => {
    const state = await present({ sts: undefined })
    expect(state.toAuth()).toMatchObject({ userId: 'user_1', sessionStatus: null })
  })
})

test.each([undefined, '', 1, null, ['user_1']])('a subject that is %j is nobody', async (sub) => {
  expect(await present({ sub })).toMatchObject(failed('token-subject-invalid'))
})

test.each([SENDER, 'mch_', 'mch_1'])('a session of the machine %s is no session', async (sub) => {
  expect(await present({ sub })).toMatchObject(
    refused('token-type-mismatch', 'token-class-mismatch'),
  )
})

test('a session that is bound to a key is refused without its proof', async () => {
  expect(await present({ cnf: { jkt: 'x' } })).toMatchObject(failed('token-claim-invalid'))
})

test('a session whose revocation is published elsewhere is refused by who does not look there', async () => {
  expect(
    await present({ status: { status_list: { idx: 0, uri: 'https://x.test' } } }),
  ).toMatchObject({ status: 'signed-out', httpStatus: 503, reason: 'token-verification-failed' })
})

describe('the times', () => {
  test.each([
    ['expired', { exp: seconds - 6 }, 'token-expired', 'token-expired'],
    ['not valid yet', { nbf: seconds + 6 }, 'token-not-active-yet', 'token-not-yet-valid'],
    ['issued in the future', { iat: seconds + 6 }, 'token-not-active-yet', 'token-not-yet-valid'],
  ])('a session that is %s is refused', async (_, claims, reason, code) => {
    expect(await present(claims)).toMatchObject(refused(reason, code))
  })

  test.each(['exp', 'iat'])('%s must be there, as a number', async (name) => {
    for (const value of [undefined, null, '1800000060', -1, [seconds + 60]]) {
      expect(await present({ [name]: value })).toMatchObject(failed('token-claim-invalid'))
    }
  })

  test('clocks may be five seconds apart, or as far as is said', async () => {
    expect(await present({ exp: seconds - 4 })).toMatchObject(signedIn)
    expect(await present({ iat: seconds + 5, nbf: undefined })).toMatchObject(signedIn)
    const strict = { clockToleranceSeconds: 0 }
    expect(await present({ exp: seconds }, strict)).toMatchObject({ reason: 'token-expired' })
  })
})

describe('the header', () => {
  test.each([undefined, 'cl_B7d4PD111AAA', 'cl_I7d4PD111III'])(
    'may have the tag %j',
    async (cat) => {
      expect(await present({}, {}, { cat })).toMatchObject(signedIn)
    },
  )

  test.each(['cl_B7d4PD222AAA', 'cl_B7d4PD333AAA', 'cl_b7d4pd111aaa', '', 1, null, []])(
    'with the tag %j is of another class',
    async (cat) => {
      expect(await present({}, {}, { cat })).toMatchObject(
        refused('token-type-mismatch', 'token-class-mismatch'),
      )
    },
  )

  test.each(['at+jwt', 'application/at+jwt', 'AT+JWT'])(
    'of the type %s is an access token, and no session',
    async (typ) => {
      expect(await present({}, {}, { typ, cat: undefined })).toMatchObject(
        refused('token-type-mismatch', 'token-class-mismatch'),
      )
    },
  )

  test.each(['dpop+jwt', 'statuslist+jwt', 'secevent+jwt', 'logout+jwt', 'JOSE', '', 1])(
    'of the type %j is no session',
    async (typ) => {
      expect(await present({}, {}, { typ })).toMatchObject(
        refused('token-invalid', 'token-class-mismatch'),
      )
    },
  )

  test('names a key of the issuer, and its algorithm', async () => {
    expect(await present({}, {}, { kid: 'ins_2' })).toMatchObject(
      refused('jwk-kid-mismatch', 'token-key-unknown'),
    )
    expect(await present({}, {}, { alg: 'none' })).toMatchObject(
      refused('token-invalid-algorithm', 'token-algorithm-not-allowed'),
    )
    expect(await present({}, { algorithms: ['RS256'] })).toMatchObject(
      refused('token-invalid-algorithm', 'token-algorithm-not-allowed'),
    )
  })
})

test('the ID token of an OIDC provider is a session, when its client is the audience', async () => {
  const idToken = {
    iss: 'https://accounts.test',
    sub: '248289761001',
    aud: 'client_1',
    azp: undefined,
    sid: undefined,
    sts: undefined,
    nbf: undefined,
    nonce: 'n-0S6_WzA2Mj',
    auth_time: seconds - 100,
  }
  const options = { issuer: 'https://accounts.test', audience: 'client_1', authorizedParties: null }
  const state = await present(idToken, options, { cat: undefined, typ: undefined })
  expect(state.toAuth()).toMatchObject({
    isAuthenticated: true,
    userId: '248289761001',
    sessionId: null,
    orgId: null,
  })
})

test('a session longer than its own options allow is refused, whatever others may be', async () => {
  const claims = { note: 'x'.repeat(2_000) }
  expect(await present(claims, { maxTokenBytes: 1_000 })).toMatchObject({
    reason: 'token-invalid',
    error: { code: 'token-malformed' },
  })
  expect(await present({ note: 'x'.repeat(20_000) })).toMatchObject({ reason: 'token-invalid' })
  expect(await present({ note: 'x'.repeat(20_000) }, { maxTokenBytes: 65_536 })).toMatchObject(
    signedIn,
  )
})

test('what is done to the claims of one request is not seen by the next', async () => {
  const { authenticate } = createAuthenticator({
    apiUrl: TEST_ISSUER,
    jwks: { keys: [] },
    clock: () => TEST_NOW_MS,
    session: OPTIONS,
  })
  const token = await signToken(key, { ...PAYLOAD, act: { sub: 'user_2' } }, HEADER)
  // The third is remembered from the second.
  for (let count = 0; count < 4; count++) {
    const auth = (await authenticate(requestWith(`Bearer ${token}`))).toAuth()
    expect(auth.actor).toEqual({ sub: 'user_2' })
    Object.assign(auth.sessionClaims ?? {}, { sub: 'user_3' })
    Object.assign(auth.actor ?? {}, { sub: 'user_3' })
    expect(auth.userId).toBe('user_1')
  }
})
