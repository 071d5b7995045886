import {
  authenticatedMachineObject,
  invalidTokenAuthObject,
  signedOutAuthObject,
  unauthenticatedMachineObject,
} from '@clerk/backend/internal'
import { describe, expect, test } from 'vitest'
import { M2M_TOKEN } from '../testing/answers.ts'
import type { ApiKey } from '../client/types.ts'
import { M2MToken, type M2MTokenJSON } from '../token/m2m-token.ts'
import { TokenType } from '../token/token-type.ts'
import { apiKeyAuth, m2mAuth, nobody, oauthAuth, sessionAuth } from './auth-object.ts'

const TOKEN = 'the.token.itself'
const SECRET_CLAIM = 'a claim that nobody may log'

const KEY: ApiKey = {
  id: 'ak_1',
  type: 'api_key',
  name: 'deploy',
  subject: 'user_1',
  scopes: ['read'],
  claims: { note: SECRET_CLAIM },
  revoked: false,
  revocationReason: null,
  expired: false,
  expiration: null,
  createdBy: null,
  description: null,
  lastUsedAt: null,
  createdAt: 1,
  updatedAt: 2,
}
const ACCESS = { id: 'oat_1', subject: 'user_1', clientId: 'client_1', scopes: ['email'] }
const CLAIMS = {
  iss: 'https://clerk.test',
  sub: 'user_1',
  sid: 'sess_1',
  iat: 1,
  exp: 2,
  v: 2,
  note: SECRET_CLAIM,
  o: { id: 'org_1', rol: 'admin', per: 'read,write', fpm: '1' },
  fea: 'o:orders',
}

const m2m = m2mAuth(M2MToken.fromJSON(M2M_TOKEN as unknown as M2MTokenJSON), TOKEN)
const apiKey = apiKeyAuth(KEY, TOKEN)
const oauth = oauthAuth(ACCESS, TOKEN)
const session = sessionAuth(CLAIMS, TOKEN)
const EVERY = [m2m, apiKey, oauth, session]

/** Without the functions, which are compared by what they answer. */
const fieldsOf = (auth: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(auth).filter(([, value]) => typeof value !== 'function'))

describe('the object of a machine', () => {
  test.each([
    [m2m, M2MToken.fromJSON(M2M_TOKEN as unknown as M2MTokenJSON)],
    [apiKey, KEY],
    [oauth, ACCESS],
  ])('has the fields of Clerk’s: $tokenType', (ours, data) => {
    const theirs = authenticatedMachineObject(ours.tokenType, TOKEN, data as never)
    expect(fieldsOf(ours)).toEqual(fieldsOf(theirs))
    expect(Object.keys(ours).sort()).toEqual(Object.keys(theirs).sort())
  })

  test.each([
    ['user_1', 'user_1', null],
    ['org_1', null, 'org_1'],
    ['mch_1', null, null],
    ['scim_1', null, null],
  ])('of an API key of %s names the user and the organization', (subject, userId, orgId) => {
    expect(apiKeyAuth({ ...KEY, subject }, TOKEN)).toMatchObject({ subject, userId, orgId })
  })

  test('has no role and no permission', () => {
    for (const auth of [m2m, apiKey, oauth]) {
      expect(auth.has({})).toBe(false)
      expect(auth.has({ permission: 'read', role: 'org:admin' })).toBe(false)
    }
  })
})

describe('the object of nobody', () => {
  test.each(['m2m_token', 'api_key', 'oauth_token'] as const)(
    'has the fields of Clerk’s, each null: %s',
    (type) => {
      expect(fieldsOf(nobody(type))).toEqual(fieldsOf(unauthenticatedMachineObject(type)))
    },
  )

  test('of a session, or of no class, has those of Clerk’s', () => {
    expect(fieldsOf(nobody('session_token'))).toEqual(fieldsOf(signedOutAuthObject()))
    expect(fieldsOf(nobody(null))).toEqual(fieldsOf(invalidTokenAuthObject()))
  })

  test.each([null, ...Object.values(TokenType)])('has no token and no right: %s', async (type) => {
    const auth = nobody(type)
    expect(await auth.getToken()).toBeNull()
    expect(auth.has()).toBe(false)
    expect(auth.debug()).toEqual({ tokenType: type, isAuthenticated: false })
  })
})

describe('every object', () => {
  test('hands out the token when it is asked for it, and nowhere else', async () => {
    for (const auth of EVERY) {
      expect(await auth.getToken()).toBe(TOKEN)
      expect(JSON.stringify(auth)).not.toContain(TOKEN)
    }
  })

  test('shows a log no token and no claim', () => {
    for (const auth of EVERY) {
      const text = JSON.stringify(auth.debug())
      expect(text).not.toContain(TOKEN)
      expect(text).not.toContain(SECRET_CLAIM)
      expect(Object.keys(auth.debug()).sort()).toEqual(['id', 'isAuthenticated', 'tokenType'])
    }
  })
})

describe('what a session may', () => {
  test.each([
    [{ role: 'org:admin' }, true],
    [{ role: 'admin' }, true],
    [{ permission: 'org:orders:read' }, true],
    [{ permission: 'orders:read' }, true],
    [{ role: 'org:admin', permission: 'org:orders:read' }, true],
    [{}, false],
    [{ role: 'org:member' }, false],
    [{ role: '' }, false],
    [{ permission: 'org:orders:write' }, false],
    [{ permission: 'org:other:read' }, false],
    [{ role: 'org:admin', permission: 'org:orders:write' }, false],
    [{ role: 'org:member', permission: 'org:orders:read' }, false],
  ])('%j is answered by its organization: %s', (asked, answer) => {
    expect(session.has(asked)).toBe(answer)
  })

  test('is nothing without an organization, whatever else its claims say', () => {
    const { o: _, ...claims } = CLAIMS
    for (const alone of [
      sessionAuth(claims, TOKEN),
      sessionAuth({ ...claims, v: 1, org_role: 'org:admin', org_permissions: ['org:a:b'] }, TOKEN),
    ]) {
      expect(alone.has({ role: 'org:admin' })).toBe(false)
      expect(alone.has({ permission: 'org:a:b' })).toBe(false)
    }
  })

  test.each([
    { role: 'org:admin', feature: 'o:orders' },
    { permission: 'org:orders:read', plan: 'o:pro' },
    { role: 'org:admin', reverification: 'strict' },
    { feature: 'o:orders' },
    { role: 1 },
    { role: 'org:admin', permission: null },
    { permission: ['org:orders:read'] },
  ])('is nothing where more is asked than is known here: %j', (asked) => {
    expect(session.has(asked as never)).toBe(false)
  })
})
