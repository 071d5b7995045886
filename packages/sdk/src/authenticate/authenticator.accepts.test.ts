import { describe, expect, test } from 'vitest'
import { API_KEY_ID, live, OAUTH_TOKEN_ID, TOKEN_ID } from '../testing/answers.ts'
import { requestWith } from '../testing/requests.ts'
import { scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  apiKeySecret,
  createTestKey,
  headerOf,
  instanceSecret,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import type { TokenType } from '../token/token-type.ts'
import { createAuthenticator } from './authenticator.ts'
import type { AcceptsToken } from './options.ts'

/**
 * The whole of the contract's table (§4.2): which token is presented, which are accepted, and what the
 * state then says. No refusal of this table costs a call.
 */

const key = await createTestKey('ES256', 'key')
const jwks = { keys: [key.publicJwk] }
const seconds = TEST_NOW_MS / 1000

const PERSON = { sub: 'user_1', iat: seconds, exp: seconds + 60 }
const SESSION = { ...PERSON, iss: 'https://clerk.test', sid: 'sess_1' }
const ACCESS = { ...PERSON, iss: 'https://oauth.test', jti: 'oat_1', client_id: 'client_1' }
const HEADER = { alg: 'ES256', kid: 'key', typ: 'JWT' }

const server = scriptedFetch(live)
const { authenticate } = createAuthenticator({
  apiUrl: TEST_ISSUER,
  secretKey: instanceSecret(),
  machineSecretKey: machineSecretOf(RECEIVER),
  jwks,
  fetch: server.fetch,
  clock: () => TEST_NOW_MS,
  session: { issuer: SESSION.iss, jwks, audience: null, authorizedParties: null },
  oauth: { issuer: ACCESS.iss, jwks, audience: null },
})

/** Every kind of token, by what it is. */
const TOKENS = {
  'm2m_token, opaque': opaqueToken(TOKEN_ID),
  'm2m_token, JWT': await signToken(key),
  'api_key, opaque': apiKeySecret(API_KEY_ID),
  'oauth_token, opaque': OAUTH_TOKEN_ID,
  'oauth_token, JWT': await signToken(key, ACCESS, { ...HEADER, typ: 'at+jwt' }),
  'session_token, JWT': await signToken(key, SESSION, HEADER),
} as const

/** What is of no class, or only looks like one. */
const STRANGE = {
  garbage: 'garbage',
  'three empty parts': '..',
  'a JWT of five parts': 'a.b.c.d.e',
  'a prefix in capitals': 'MT_1',
  'a prefix that Clerk once had': 'm2m_1',
  'an instance’s secret': 'sk_test_1',
} as const

/** JWTs whose tag says that they are of a class that nobody may present. */
const TAGGED = {
  'a template’s tag': await signToken(key, SESSION, { ...HEADER, cat: 'cl_B7d4PD222AAA' }),
  'a machine’s tag and a user’s subject': await signToken(key, SESSION, headerOf(key)),
  'a tag that nobody knows': await signToken(key, SESSION, { ...HEADER, cat: 'x' }),
  'a tag that is no text': await signToken(key, SESSION, { ...HEADER, cat: null }),
} as const

const MACHINES = ['m2m_token', 'api_key', 'oauth_token'] as const
const ARRAYS: readonly (readonly TokenType[])[] = [
  ['m2m_token'],
  ['api_key', 'm2m_token'],
  ['oauth_token', 'api_key', 'm2m_token'],
]
const ARRAYS_WITH_SESSION: readonly (readonly TokenType[])[] = [
  ['session_token'],
  ['session_token', 'm2m_token'],
  ['api_key', 'session_token'],
]
const EVERY: readonly AcceptsToken[] = [
  ...MACHINES,
  'session_token',
  'any',
  ...ARRAYS,
  ...ARRAYS_WITH_SESSION,
]

const typeOf = (name: string): TokenType => name.split(',')[0] as TokenType
const accepts = (asked: AcceptsToken, type: TokenType): boolean =>
  asked === 'any' || asked === type || (Array.isArray(asked) && asked.includes(type))
const bearing = (token: string): Request => requestWith(`Bearer ${token}`)
const inCookie = (token: string): Request => requestWith(undefined, `__session=${token}`)

/** The state of a refusal that asked nobody. */
const refusal = async (request: Request, acceptsToken: AcceptsToken) => {
  const before = server.sent.length
  const state = await authenticate(request, { acceptsToken })
  expect(server.sent.length).toBe(before)
  expect(state).toMatchObject({ status: 'signed-out', isAuthenticated: false, token: null })
  expect(state.toAuth()).toMatchObject({ tokenType: state.tokenType, isAuthenticated: false })
  const { reason, tokenType } = state
  return { reason, tokenType }
}

describe.each(EVERY.map((asked) => ({ asked, name: JSON.stringify(asked) })))(
  'where $name is accepted',
  ({ asked }) => {
    const entries = Object.entries(TOKENS)
    const right = entries.filter(([name]) => accepts(asked, typeOf(name)))
    const wrong = entries.filter(([name]) => !accepts(asked, typeOf(name)))

    test.each(right)('%s is let in by the header', async (name, token) => {
      const state = await authenticate(bearing(token), { acceptsToken: asked })
      expect(state).toMatchObject({ status: 'signed-in', tokenType: typeOf(name), token })
      expect(state.toAuth()).toMatchObject({ tokenType: typeOf(name), isAuthenticated: true })
    })

    test.runIf(wrong.length > 0).each(wrong)('%s is a mismatch', async (name, token) => {
      const isOpaque = name.endsWith('opaque')
      expect(await refusal(bearing(token), asked)).toEqual({
        // Clerk finds no JWT in it.
        reason: asked === 'session_token' && isOpaque ? 'token-invalid' : 'token-type-mismatch',
        tokenType: typeof asked === 'string' ? asked : null,
      })
    })
  },
)

describe.each(MACHINES)('where only %s is accepted', (asked) => {
  test('no token is told from a bad one', async () => {
    const expected = { reason: 'No token in header', tokenType: asked }
    expect(await refusal(requestWith(), asked)).toEqual(expected)
    expect(await refusal(requestWith('Basic dXNlcjpwYXNz'), asked)).toEqual(expected)
  })

  test.each(Object.entries({ ...STRANGE, ...TAGGED }))('%s is a mismatch', async (_, token) => {
    expect(await refusal(bearing(token), asked)).toEqual({
      reason: 'token-type-mismatch',
      tokenType: asked,
    })
  })

  test.each(Object.entries(TOKENS))(
    'a cookie is not looked at, with %s in it',
    async (_, token) => {
      expect(await refusal(inCookie(token), asked)).toEqual({
        reason: 'No token in header',
        tokenType: asked,
      })
    },
  )
})

describe.each(ARRAYS.map((asked) => ({ asked, name: asked.join(' or ') })))(
  'where $name is accepted, in an array',
  ({ asked }) => {
    test.each([
      ['no token', requestWith()],
      ['a session in the cookie', inCookie(TOKENS['session_token, JWT'])],
      ['garbage', bearing('garbage')],
      ['a template’s token', bearing(TAGGED['a template’s tag'])],
    ])('%s is a mismatch of no class', async (_, request) => {
      expect(await refusal(request, asked)).toEqual({
        reason: 'token-type-mismatch',
        tokenType: null,
      })
    })

    test('the object of nobody has no field of any class', async () => {
      const auth = (await authenticate(requestWith(), { acceptsToken: asked })).toAuth()
      expect(Object.keys(auth).sort()).toEqual([
        'debug',
        'getToken',
        'has',
        'isAuthenticated',
        'tokenType',
      ])
    })
  },
)

const WITH_SESSION: readonly AcceptsToken[] = ['session_token', 'any', ...ARRAYS_WITH_SESSION]

describe.each(WITH_SESSION.map((asked) => ({ asked, name: JSON.stringify(asked) })))(
  'where a session is accepted, by $name',
  ({ asked }) => {
    test('no token is a session that is missing', async () => {
      expect(await refusal(requestWith(), asked)).toEqual({
        reason: 'session-token-and-uat-missing',
        tokenType: 'session_token',
      })
    })

    test('the cookie is a session', async () => {
      const token = TOKENS['session_token, JWT']
      const state = await authenticate(inCookie(token), { acceptsToken: asked })
      expect(state).toMatchObject({ status: 'signed-in', tokenType: 'session_token', token })
    })

    test('the header comes before the cookie, also when it is bad', async () => {
      const cookie = `__session=${TOKENS['session_token, JWT']}`
      const state = await authenticate(requestWith('Bearer garbage', cookie), {
        acceptsToken: asked,
      })
      expect(state).toMatchObject({ status: 'signed-out', reason: 'token-invalid' })
      const other = requestWith('Basic dXNlcjpwYXNz', cookie)
      expect(await authenticate(other, { acceptsToken: asked })).toMatchObject({
        status: 'signed-in',
      })
    })

    test.each(Object.entries(STRANGE))('%s is a bad session', async (_, token) => {
      const expected = { reason: 'token-invalid', tokenType: 'session_token' }
      expect(await refusal(bearing(token), asked)).toEqual(expected)
      expect(await refusal(inCookie(token), asked)).toEqual(expected)
    })

    test.each(Object.entries(TAGGED))('a JWT with %s is a mismatch', async (_, token) => {
      const expected = { reason: 'token-type-mismatch', tokenType: 'session_token' }
      expect(await refusal(bearing(token), asked)).toEqual(expected)
      expect(await refusal(inCookie(token), asked)).toEqual(expected)
    })

    test.each(Object.entries(TOKENS).filter(([name]) => typeOf(name) !== 'session_token'))(
      'a machine has no cookie: %s in it is refused',
      async (name, token) => {
        expect(await refusal(inCookie(token), asked)).toEqual({
          reason: name.endsWith('JWT') ? 'token-type-mismatch' : 'token-invalid',
          tokenType: 'session_token',
        })
      },
    )
  },
)

describe('more than one token', () => {
  const token = TOKENS['m2m_token, JWT']
  const two = [
    requestWith(`Bearer ${token} ${token}`),
    requestWith(`Bearer ${token}, Bearer ${token}`),
    requestWith(`Basic dXNlcjpwYXNz, Bearer ${token}`),
    requestWith('Bearer'),
  ]

  test.each(MACHINES)('in the header is none, where %s is accepted', async (asked) => {
    for (const request of two) {
      expect(await refusal(request, asked)).toEqual({ reason: 'token-invalid', tokenType: asked })
    }
  })

  test('in the header is none, of no class where there are several', async () => {
    for (const request of two) {
      for (const asked of ARRAYS) expect((await refusal(request, asked)).tokenType).toBeNull()
      expect((await refusal(request, 'any')).tokenType).toBe('session_token')
    }
  })

  test('in the cookie is none, though each were good', async () => {
    const session = TOKENS['session_token, JWT']
    const request = requestWith(undefined, `__session=${session}; __session=${session}`)
    expect(await refusal(request, 'any')).toEqual({
      reason: 'token-invalid',
      tokenType: 'session_token',
    })
  })
})

test.each([[[]], ['machine_token'], [['m2m_token', 'x']], [['any']], [{}], [1]])(
  'to accept %j is a mistake that is told at once',
  async (asked) => {
    await expect(
      authenticate(requestWith(), { acceptsToken: asked as unknown as AcceptsToken }),
    ).rejects.toMatchObject({ code: 'configuration-invalid' })
  },
)

test('a class is accepted however often it is named', async () => {
  const acceptsToken = ['m2m_token', 'm2m_token'] as const
  const state = await authenticate(bearing(TOKENS['m2m_token, JWT']), { acceptsToken })
  expect(state.toAuth()).toMatchObject({ machineId: SENDER })
})
