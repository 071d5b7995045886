import { createClerkClient } from '@clerk/backend'
import fc from 'fast-check'
import { generateKeyPairSync } from 'node:crypto'
import { type JWTHeaderParameters, type JWTPayload, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { requestWith } from '../testing/requests.ts'
import { scriptedFetch } from '../testing/scripted-fetch.ts'
import { instanceSecret, RECEIVER, SENDER, testId } from '../testing/tokens.ts'
import type { JsonObject } from '../token/json.ts'
import type { TokenType } from '../token/token-type.ts'
import { createAuthenticator } from './authenticator.ts'
import type { AcceptsToken } from './options.ts'

/**
 * The same requests judged by Clerk's `authenticateRequest`, without a network, and by ours. Where the
 * two differ on purpose, the difference stands here with its reason, and in docs/divergences.md.
 */

const ISSUER = 'https://clerk.example.com'

// Clerk finds the key in this form of 2048 bits only.
const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const seconds = Math.floor(Date.now() / 1000)

const clerk = createClerkClient({
  secretKey: 'sk_test_1',
  publishableKey: `pk_test_${btoa('clerk.example.com$')}`,
  jwtKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  apiUrl: 'http://127.0.0.1:1',
  telemetry: { disabled: true },
})

const publicJwk = publicKey.export({ format: 'jwk' }) as JsonObject
const jwks = { keys: [{ ...publicJwk, kid: 'ins_1', alg: 'RS256', use: 'sig' }] }
const network = scriptedFetch()
const { authenticate } = createAuthenticator({
  apiUrl: ISSUER,
  secretKey: instanceSecret(),
  jwks,
  fetch: network.fetch,
  clock: () => seconds * 1000,
  session: { issuer: ISSUER, jwks, audience: null, authorizedParties: null },
})

const SESSION = {
  iss: ISSUER,
  sub: 'user_1',
  sid: 'sess_1',
  azp: 'https://app.example.com',
  iat: seconds - 10,
  nbf: seconds - 10,
  exp: seconds + 600,
}
const SESSION_HEADER = { alg: 'RS256', typ: 'JWT', kid: 'ins_1', cat: 'cl_B7d4PD111AAA' }
const M2M_HEADER = { ...SESSION_HEADER, cat: 'cl_B7d4PD333AAA' }

const sign = (payload: object, header: object = SESSION_HEADER): Promise<string> =>
  new SignJWT(payload as JWTPayload)
    .setProtectedHeader(header as JWTHeaderParameters)
    .sign(privateKey)

/** What either library has to say of a request; their types are not each other's. */
interface State {
  readonly status: string
  readonly reason: string | null
  readonly tokenType: TokenType | null
  readonly toAuth: () => object | null
}

const bearing = (token: string): Request => requestWith(`Bearer ${token}`)

async function both(
  request: Request,
  accepts: AcceptsToken = 'session_token',
): Promise<{ theirs: State; ours: State }> {
  // The client takes a list it may change.
  const acceptsToken = typeof accepts === 'string' ? accepts : [...accepts]
  return {
    theirs: (await clerk.authenticateRequest(request, { acceptsToken })) as unknown as State,
    ours: await authenticate(request, { acceptsToken: accepts }),
  }
}

/** The fields of an auth object. Clerk leaves some undefined that its types call null; ours are null. */
function fieldsOf({ toAuth }: State): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(toAuth() ?? {})
      .filter(([, value]) => typeof value !== 'function')
      .map(([name, value]) => [name, value ?? null]),
  )
}

const hasOf = (state: State): ((asked: object) => boolean) =>
  (state.toAuth() as { has: (asked: object) => boolean }).has

const name = fc.stringMatching(/^[a-z_]{1,8}$/)
const blank = fc.constantFrom('', '', ' ')
const list = (item: fc.Arbitrary<string>, maxLength: number): fc.Arbitrary<string> =>
  fc
    .array(fc.tuple(blank, item), { maxLength })
    .map((items) => items.map(([before, one]) => `${before}${one}`).join(','))

const features = list(
  fc
    .tuple(fc.constantFrom('o', 'o', 'u', 'uo', 'ou', 'x', 'org'), name, fc.constantFrom('', ':b'))
    .map(([scope, feature, more]) => `${scope}:${feature}${more}`),
  6,
)
const permissions = list(name, 8)
const maps = list(
  fc.oneof(
    fc.bigInt({ min: 0n, max: 300n }).map(String),
    fc.bigInt({ min: 0n, max: 1n << 80n }).map(String),
    fc.constantFrom('', '0', '007', '-1', '0x1', '1.5'),
  ),
  7,
)

/** Without the one name that copies of an object may lose. */
const anyClaim = fc
  .jsonValue({ maxDepth: 3 })
  .filter((value) => !JSON.stringify(value).includes('__proto__'))

const optional = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
  fc.option(value, { nil: undefined })

const common = {
  sts: fc.constantFrom(undefined, 'active'),
  fva: optional(fc.tuple(fc.integer({ min: -1, max: 99_999 }), fc.integer({ min: -1, max: 99 }))),
  act: optional(fc.record({ sub: name, iss: name }, { requiredKeys: ['sub'] })),
  fea: optional(features),
  metadata: optional(anyClaim),
}

const first = fc.record({
  ...common,
  v: fc.constantFrom(undefined, 1, 3),
  org_id: optional(name.map((id) => `org_${id}`)),
  org_role: optional(name.map((role) => `org:${role}`)),
  org_slug: optional(name),
  org_permissions: optional(
    fc.array(
      name.map((one) => `org:${one}:read`),
      { maxLength: 4 },
    ),
  ),
})

const second = fc.record({
  ...common,
  v: fc.constant(2),
  o: optional(
    fc.record({
      id: name.map((id) => `org_${id}`),
      rol: optional(name),
      slg: optional(name),
      per: optional(permissions),
      fpm: optional(maps),
    }),
  ),
})

describe('a session token', () => {
  test.each([
    ['first', first],
    ['second', second],
  ] as const)('of the %s version is read as Clerk reads it', async (_, claims) => {
    await fc.assert(
      fc.asyncProperty(claims as fc.Arbitrary<object>, async (more) => {
        const { theirs, ours } = await both(bearing(await sign({ ...SESSION, ...more })))
        expect(ours.status).toBe('signed-in')
        expect(fieldsOf(ours)).toEqual(fieldsOf(theirs))
      }),
      { numRuns: 150 },
    )
  })

  test('has the roles and permissions that Clerk gives it, and no others', async () => {
    const o = { id: 'org_1', rol: 'admin', slg: 'acme', per: 'read,manage', fpm: '1,3' }
    const fea = 'o:orders,u:theme,o:users'
    const roles = [undefined, 'admin', 'org:admin', 'org:org:admin', 'member', '', 'org:']
    const rights = [undefined, 'org:orders:read', 'users:manage', 'orders:manage', 'theme:read', '']
    for (const claims of [
      { v: 2, o, fea },
      { v: 2, fea },
      { org_id: 'org_1', org_role: 'org:admin', org_permissions: ['org:orders:read'] },
      { org_role: 'org:admin', org_permissions: ['org:orders:read'] },
    ]) {
      const { theirs, ours } = await both(bearing(await sign({ ...SESSION, ...claims })))
      for (const role of roles) {
        for (const permission of rights) {
          expect(hasOf(ours)({ role, permission })).toBe(hasOf(theirs)({ role, permission }))
        }
      }
      // Ours knows roles and permissions alone: whoever asks for more is told no.
      for (const asked of [{ feature: 'o:orders' }, { role: 'admin', feature: 'o:orders' }]) {
        expect(hasOf(ours)(asked)).toBe(false)
      }
    }
  })

  const odd: readonly (readonly [string, object, string, string | null])[] = [
    ['an `sts` that is pending', { sts: 'pending' }, 'token-verification-failed', null],
    ['no `iat`', { iat: undefined }, 'token-verification-failed', null],
    ['another issuer', { iss: 'https://evil.example.com' }, 'token-invalid-issuer', null],
    ['a binding to a key', { cnf: { jkt: 'x' } }, 'token-verification-failed', null],
    ['an `exp` that is infinite', { exp: Number.MAX_VALUE }, 'token-verification-failed', null],
    ['an empty subject', { sub: '' }, 'token-verification-failed', null],
  ]

  test.each(odd)('with %s is let in by Clerk, and not here', async (_, claims, reason, none) => {
    const { theirs, ours } = await both(bearing(await sign({ ...SESSION, ...claims })))
    expect([theirs.status, theirs.reason]).toEqual(['signed-in', none])
    expect([ours.status, ours.reason]).toEqual(['signed-out', reason])
  })

  const refusals: readonly (readonly [string, object, object])[] = [
    ['no `exp`', { exp: undefined }, {}],
    ['an `exp` that is a text', { exp: '1800000000' }, {}],
    ['no subject', { sub: undefined }, {}],
    ['a subject that is a number', { sub: 1 }, {}],
    ['another type', {}, { typ: 'dpop+jwt' }],
    ['a template’s tag', {}, { cat: 'cl_B7d4PD222AAA' }],
    ['a machine’s tag', {}, { cat: 'cl_B7d4PD333AAA' }],
    ['a machine’s subject', { sub: SENDER }, {}],
    ['the type of an access token', {}, { typ: 'at+jwt' }],
  ]

  test.each(refusals)(
    'with %s is refused by both for the same reason',
    async (_, claims, header) => {
      const token = await sign({ ...SESSION, ...claims }, { ...SESSION_HEADER, ...header })
      const { theirs, ours } = await both(bearing(token))
      expect([ours.status, ours.reason, ours.tokenType]).toEqual([
        theirs.status,
        theirs.reason,
        theirs.tokenType,
      ])
      expect(fieldsOf(ours)).toEqual(fieldsOf(theirs))
    },
  )

  /** Clerk's words for these come from what a browser should do next, which here nobody does. */
  const renamed: readonly (readonly [string, object, string, string])[] = [
    [
      'has expired',
      { exp: seconds - 60 },
      'session-token-expired-refresh-non-eligible-no-refresh-cookie',
      'token-expired',
    ],
    ['is not valid yet', { nbf: seconds + 60 }, 'session-token-nbf', 'token-not-active-yet'],
    [
      'is of the future',
      { iat: seconds + 60 },
      'session-token-iat-in-the-future',
      'token-not-active-yet',
    ],
  ]

  test.each(renamed)(
    'that %s is refused by both, each in its words',
    async (_, claims, theirs, ours) => {
      const states = await both(bearing(await sign({ ...SESSION, ...claims })))
      expect([states.theirs.status, states.theirs.reason]).toEqual(['signed-out', theirs])
      expect([states.ours.status, states.ours.reason]).toEqual(['signed-out', ours])
    },
  )

  test('with a signature of another token is refused by both for the same reason', async () => {
    const [header, payload] = (await sign(SESSION)).split('.')
    const [, , signature] = (await sign({ ...SESSION, sub: 'user_2' })).split('.')
    const { theirs, ours } = await both(bearing([header, payload, signature].join('.')))
    expect([ours.status, ours.reason]).toEqual([theirs.status, theirs.reason])
  })
})

describe('a machine JWT', () => {
  const payload = fc
    .record({
      scopes: fc.constantFrom(undefined, RECEIVER, `${RECEIVER} ${SENDER}`),
      aud: fc.constantFrom(undefined, [], [RECEIVER], [RECEIVER, SENDER]),
      permissions: optional(fc.array(name)),
      fooBar: optional(anyClaim),
      nested_claim: optional(fc.record({ camelCase: fc.boolean(), snake_case: fc.integer() })),
    })
    // Ours always name their receivers, as an array.
    .map((claims) => ({ ...claims, aud: claims.aud ?? [] }))

  test('is read as Clerk reads it', async () => {
    await fc.assert(
      fc.asyncProperty(payload, async (claims) => {
        const jti = testId('m2mToken', 3)
        const token = await sign({ ...SESSION, sub: SENDER, jti, ...claims }, M2M_HEADER)
        for (const accepts of ['m2m_token', 'any', ['api_key', 'm2m_token']] as const) {
          const { theirs, ours } = await both(bearing(token), accepts)
          expect(ours.status).toBe('signed-in')
          expect(fieldsOf(ours)).toEqual(fieldsOf(theirs))
        }
      }),
      { numRuns: 100 },
    )
  })

  test('whose scopes are an empty text has one empty scope for Clerk, and none here', async () => {
    const claims = { sub: SENDER, jti: testId('m2mToken', 3), aud: [], scopes: '' }
    const { theirs, ours } = await both(
      bearing(await sign({ ...SESSION, ...claims }, M2M_HEADER)),
      'm2m_token',
    )
    expect(fieldsOf(theirs)['scopes']).toEqual([''])
    expect(fieldsOf(ours)['scopes']).toEqual([])
  })
})

describe('which tokens are accepted', () => {
  const EVERY: readonly AcceptsToken[] = [
    'm2m_token',
    'api_key',
    'oauth_token',
    'session_token',
    'any',
    ['m2m_token'],
    ['api_key', 'm2m_token'],
    ['session_token', 'm2m_token'],
    ['session_token'],
  ]

  test.each(EVERY.map((accepts) => [JSON.stringify(accepts), accepts] as const))(
    '%s: every refusal without a call is Clerk’s, by reason and type',
    async (_, accepts) => {
      const jwts = {
        session: await sign(SESSION),
        machine: await sign({ ...SESSION, sub: SENDER, jti: 'mt_1', aud: [] }, M2M_HEADER),
        template: await sign(SESSION, { ...SESSION_HEADER, cat: 'cl_B7d4PD222AAA' }),
      }
      const tokens = [
        'mt_garbage',
        'ak_garbage',
        'oat_garbage',
        'garbage',
        'a.b.c',
        ...Object.values(jwts),
      ]
      for (const token of tokens) {
        const { theirs, ours } = await both(bearing(token), accepts)
        // Clerk asks about any garbage with the right prefix; ours knows what its own look like.
        if (theirs.reason === 'unexpected-error') {
          expect(ours).toMatchObject({ status: 'signed-out', tokenType: theirs.tokenType })
          continue
        }
        expect([token, ours.status, ours.reason, ours.tokenType]).toEqual([
          token,
          theirs.status,
          theirs.reason,
          theirs.tokenType,
        ])
        expect(Object.keys(fieldsOf(ours)).sort()).toEqual(Object.keys(fieldsOf(theirs)).sort())
      }
    },
    30_000,
  )

  test.each(['m2m_token', 'api_key', 'oauth_token', ['api_key', 'm2m_token']] as const)(
    'no token where %j is accepted is nobody for both',
    async (...accepts) => {
      const asked = (accepts.length === 1 ? accepts[0] : accepts) as AcceptsToken
      const { theirs, ours } = await both(requestWith(), asked)
      expect([ours.reason, ours.tokenType]).toEqual([theirs.reason, theirs.tokenType])
      expect(fieldsOf(ours)).toEqual(fieldsOf(theirs))
    },
  )
})
