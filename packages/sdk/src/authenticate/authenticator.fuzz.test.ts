import fc from 'fast-check'
import { expect, test } from 'vitest'
import { requestWith } from '../testing/requests.ts'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  GOOD_PAYLOAD,
  headerOf,
  instanceSecret,
  machineSecretOf,
  RECEIVER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import { createAuthenticator } from './authenticator.ts'
import type { AcceptsToken } from './options.ts'

/** Whatever a request presents gives a state: nothing is thrown, and nobody is let in by chance. */

const key = await createTestKey('EdDSA', 'key')
const jwks = { keys: [key.publicJwk] }
const { authenticate } = createAuthenticator({
  apiUrl: TEST_ISSUER,
  secretKey: instanceSecret(),
  machineSecretKey: machineSecretOf(RECEIVER),
  jwks,
  // To opaque access tokens, the only ones without a checksum, the answer is no.
  fetch: scriptedFetch(json({ errors: [] }, 404)).fetch,
  clock: () => TEST_NOW_MS,
  session: { issuer: 'https://clerk.test', jwks, audience: null, authorizedParties: null },
  oauth: { issuer: 'https://oauth.test', jwks, audience: null },
})

const accepts = fc.constantFrom<AcceptsToken>(
  'm2m_token',
  'api_key',
  'oauth_token',
  'session_token',
  'any',
  ['api_key', 'm2m_token'],
  ['session_token', 'oauth_token'],
)

/** Any header: of words that mean something, and of any characters. */
const header = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc
    .array(
      fc.oneof(
        fc.constantFrom('Bearer', 'bearer', 'Basic', ' ', ' ', ',', ';', '=', '\t', '"', '.', '..'),
        fc.constantFrom('mt_', 'ak_', 'oat_', '__session', 'e30', 'e30.e30.e30', 'a.b.c'),
        fc.string({ maxLength: 20 }),
      ),
      { maxLength: 12 },
    )
    .map((parts) => parts.join('')),
)

test('any header and any cookie', async () => {
  await fc.assert(
    fc.asyncProperty(header, header, accepts, async (authorization, cookie, acceptsToken) => {
      const request = {
        headers: { get: (name: string) => (name === 'cookie' ? cookie : authorization) },
      }
      const state = await authenticate(request, { acceptsToken })
      expect(state.status).toBe('signed-out')
      expect(state.toAuth().isAuthenticated).toBe(false)
      if (!state.isAuthenticated) expect(state.toResponse().status).toBe(401)
    }),
    { numRuns: 3_000 },
  )
})

const odd = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.constantFrom('', 'mch_', 'x y'))
const ISSUERS = [TEST_ISSUER, 'https://clerk.test', 'https://oauth.test']
const claim = fc.constantFrom(
  ...['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'scopes', 'scope', 'scp', 'client_id'],
  ...['azp', 'sid', 'sts', 'act', 'fva', 'v', 'o', 'fea', 'org_id', 'org_permissions'],
  ...['cnf', 'status', 'constructor', 'toString'],
)
const member = fc.constantFrom('typ', 'cat', 'kid', 'alg', 'crit', 'b64', 'jwk', 'toString')

test('any JWT that the right key has signed', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...ISSUERS),
      fc.constantFrom(GOOD_PAYLOAD['sub'], 'user_1'),
      fc.dictionary(claim, odd, { maxKeys: 3 }),
      fc.dictionary(member, odd, { maxKeys: 1 }),
      accepts,
      async (iss, sub, claims, members, acceptsToken) => {
        const payload = { ...GOOD_PAYLOAD, iss, sub, client_id: 'client_1', ...claims }
        const base = iss === TEST_ISSUER ? headerOf(key) : { alg: 'EdDSA', kid: 'key' }
        const typ = iss === 'https://oauth.test' ? { typ: 'at+jwt' } : {}
        const token = await signToken(key, payload, { ...base, ...typ, ...members })
        const state = await authenticate(requestWith(`Bearer ${token}`), { acceptsToken })
        const auth = state.toAuth()
        expect(auth.isAuthenticated).toBe(state.isAuthenticated)
        if (!state.isAuthenticated) {
          expect([401, 503]).toContain(state.toResponse().status)
          return
        }
        // Each class has its own issuer, whatever else the token says.
        const types = { m2m_token: 0, session_token: 1, oauth_token: 2, api_key: -1 }
        expect(ISSUERS[types[state.tokenType]]).toBe(payload.iss)
        if (auth.tokenType === 'm2m_token') expect(auth.subject).toMatch(/^mch_\w{27}$/)
        else expect(auth.userId).not.toMatch(/^mch_/)
      },
    ),
    { numRuns: 1_000 },
  )
})
