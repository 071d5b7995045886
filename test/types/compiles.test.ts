import {
  type AcceptedNone,
  type AcceptedType,
  type AcceptsToken,
  type ApiKeyAuth,
  type Auth,
  authenticateRequest,
  type AuthenticateRequestOptions,
  createAuthenticator,
  type M2MAuth,
  type OAuthAuth,
  type RequestState,
  type SessionAuth,
  type SignedInAuth,
} from 'countersign'
import { createVerifier } from 'countersign/verify'
import { describe, expect, expectTypeOf, test } from 'vitest'

/**
 * What must compile: `npm run types` checks these files (tsc, through the tsconfig.json at the root).
 * Vitest runs them as well, so that what compiles is also what happens; for it `expectTypeOf` does
 * nothing.
 */

const OPTIONS = { apiUrl: 'https://authority.test', secretKey: 'sk_test_1', jwks: { keys: [] } }

const request = (): Request => new Request('https://api.test/')

describe('for one class of token', () => {
  test('the state gives the object of that class, without a look at its type', async () => {
    const state = await authenticateRequest(request(), { ...OPTIONS, acceptsToken: 'm2m_token' })
    expectTypeOf(state).toEqualTypeOf<RequestState<'m2m_token', never>>()
    expectTypeOf(state.tokenType).toEqualTypeOf<'m2m_token'>()
    const auth = state.toAuth()
    expectTypeOf(auth.machineId).toEqualTypeOf<string | null>()
    expectTypeOf(auth.scopes).toEqualTypeOf<string[] | null>()
    if (auth.isAuthenticated) {
      expectTypeOf(auth).toExtend<M2MAuth>()
      expectTypeOf(auth.machineId).toEqualTypeOf<string>()
    } else {
      expectTypeOf(auth.tokenType).toEqualTypeOf<'m2m_token'>()
      expectTypeOf(auth.machineId).toEqualTypeOf<null>()
    }
    expect(auth.machineId).toBeNull()
  })

  test('a state that is authenticated has an object that is', async () => {
    const state = await authenticateRequest(request(), { ...OPTIONS, acceptsToken: 'api_key' })
    if (state.isAuthenticated) {
      expectTypeOf(state.toAuth()).toExtend<ApiKeyAuth>()
      expectTypeOf(state.token).toEqualTypeOf<string>()
      expectTypeOf(state.reason).toEqualTypeOf<null>()
    } else {
      expectTypeOf(state.token).toEqualTypeOf<null>()
      expectTypeOf(state.httpStatus).toEqualTypeOf<401 | 503>()
    }
    expect(state.isAuthenticated).toBe(false)
  })

  test('the class is a session when none is named', async () => {
    const state = await authenticateRequest(request(), OPTIONS)
    expectTypeOf(state).toEqualTypeOf<RequestState<'session_token', never>>()
    const auth = state.toAuth()
    expectTypeOf(auth.userId).toEqualTypeOf<string | null>()
    if (auth.isAuthenticated) expectTypeOf(auth).toExtend<SessionAuth>()
    expect(state.tokenType).toBe('session_token')
  })
})

describe('for several classes of token', () => {
  test('every field can be taken at once, and is exact after one check (clerk/javascript #7452)', async () => {
    const acceptsToken = ['api_key', 'm2m_token'] as const
    const state = await authenticateRequest(request(), { ...OPTIONS, acceptsToken })
    const { userId, scopes, isAuthenticated, machineId } = state.toAuth()
    expectTypeOf(userId).toEqualTypeOf<string | null | undefined>()
    expectTypeOf(machineId).toEqualTypeOf<string | null | undefined>()
    expectTypeOf(scopes).toEqualTypeOf<string[] | null | undefined>()
    if (isAuthenticated) expectTypeOf(scopes).toEqualTypeOf<string[]>()

    const auth = state.toAuth()
    if (auth.isAuthenticated) expectTypeOf(auth.scopes).toEqualTypeOf<string[]>()
    expect([userId, scopes, machineId]).toEqual([undefined, undefined, undefined])
  })

  test('the array may be written where it is used', async () => {
    const state = await authenticateRequest(request(), {
      ...OPTIONS,
      acceptsToken: ['api_key', 'm2m_token'],
    })
    const { scopes, isAuthenticated } = state.toAuth()
    if (isAuthenticated) expectTypeOf(scopes).toEqualTypeOf<string[]>()
    expectTypeOf(state.tokenType).toEqualTypeOf<'api_key' | 'm2m_token' | null>()
    expect(state.tokenType).toBeNull()
  })

  test('the type of the token tells the exact fields', () => {
    const read = (auth: SignedInAuth<'api_key' | 'm2m_token' | 'oauth_token'>): string => {
      switch (auth.tokenType) {
        case 'm2m_token':
          expectTypeOf(auth).toExtend<M2MAuth>()
          expectTypeOf(auth.machineId).toEqualTypeOf<string>()
          expectTypeOf(auth.clientId).toEqualTypeOf<undefined>()
          return auth.machineId
        case 'api_key':
          expectTypeOf(auth).toExtend<ApiKeyAuth>()
          expectTypeOf(auth.name).toEqualTypeOf<string>()
          expectTypeOf(auth.orgId).toEqualTypeOf<string | null>()
          return auth.name
        case 'oauth_token':
          expectTypeOf(auth).toExtend<OAuthAuth>()
          expectTypeOf(auth.userId).toEqualTypeOf<string | null>()
          return auth.clientId
      }
    }
    expect(read).toBeTypeOf('function')
  })

  test('nobody is told from nobody of a class by the type', () => {
    const read = (auth: Auth<'api_key' | 'm2m_token'>): void => {
      if (auth.tokenType === null) expectTypeOf(auth.isAuthenticated).toEqualTypeOf<false>()
      if (!auth.isAuthenticated) expectTypeOf(auth.subject).toEqualTypeOf<null | undefined>()
    }
    expect(read).toBeTypeOf('function')
  })
})

test('any accepts all four classes, and names one even when nobody is there', async () => {
  const state = await authenticateRequest(request(), { ...OPTIONS, acceptsToken: 'any' })
  expectTypeOf(state.tokenType).toEqualTypeOf<
    'api_key' | 'm2m_token' | 'oauth_token' | 'session_token'
  >()
  const { userId, machineId, scopes, isAuthenticated } = state.toAuth()
  expectTypeOf(userId).toEqualTypeOf<string | null | undefined>()
  expectTypeOf(machineId).toEqualTypeOf<string | null | undefined>()
  if (isAuthenticated) expectTypeOf(scopes).toEqualTypeOf<string[] | undefined>()
  expect(state.tokenType).toBe('session_token')
})

test('who opts out of a check says so with null', () => {
  const issuer = 'https://authority.test'
  expect(createVerifier({ issuer, audience: null })).toBeTypeOf('object')
  expect(createVerifier({ issuer, audience: ['mch_1'], revocation: null })).toBeTypeOf('object')
  const session = { issuer, audience: null, authorizedParties: null }
  expect(createAuthenticator({ ...OPTIONS, session })).toBeTypeOf('object')
  expect(createAuthenticator({ ...OPTIONS, oauth: { issuer, audience: null } })).toBeTypeOf(
    'object',
  )
})

test('options are passed on by a function of one’s own', async () => {
  const authenticate = async <const Accepts extends AcceptsToken>(
    acceptsToken: Accepts,
    options: Omit<AuthenticateRequestOptions, 'acceptsToken'>,
  ): Promise<RequestState<AcceptedType<Accepts>, AcceptedNone<Accepts>>> =>
    authenticateRequest(request(), { ...options, acceptsToken })

  const one = await authenticate('m2m_token', OPTIONS)
  expectTypeOf(one).toEqualTypeOf<RequestState<'m2m_token', never>>()
  const several = await authenticate(['m2m_token', 'api_key'], OPTIONS)
  expectTypeOf(several).toEqualTypeOf<RequestState<'m2m_token' | 'api_key'>>()
  expect([one.tokenType, several.tokenType]).toEqual(['m2m_token', null])
})

describe('a handler as it is written', () => {
  const { authenticate } = createAuthenticator({
    apiUrl: 'https://authority.test',
    secretKey: 'sk_test_1',
    jwks: { keys: [] },
    session: {
      issuer: 'https://clerk.example.com',
      jwks: { keys: [] },
      audience: null,
      authorizedParties: ['https://app.example.com'],
    },
  })

  const handlers: Readonly<Record<string, (request: Request) => Promise<Response>>> = {
    async 'of machines alone'(request) {
      const state = await authenticate(request, { acceptsToken: 'm2m_token' })
      if (!state.isAuthenticated) return state.toResponse()
      const { machineId, scopes } = state.toAuth()
      return Response.json({ machineId, scopes: scopes.length })
    },
    async 'of machines and API keys'(request) {
      const state = await authenticate(request, { acceptsToken: ['m2m_token', 'api_key'] })
      if (!state.isAuthenticated) return state.toResponse()
      const { subject, scopes } = state.toAuth()
      if (!scopes.includes('orders:read')) return new Response(null, { status: 403 })
      return Response.json({ subject })
    },
    async 'of everybody'(request) {
      const state = await authenticate(request, { acceptsToken: 'any' })
      if (!state.isAuthenticated) return state.toResponse()
      const auth = state.toAuth()
      return Response.json({
        caller: auth.tokenType === 'session_token' ? auth.userId : auth.subject,
      })
    },
    async 'of users'(request) {
      const { userId, has } = (await authenticate(request)).toAuth()
      if (userId === null) return new Response(null, { status: 401 })
      return new Response(null, { status: has({ permission: 'org:orders:read' }) ? 200 : 403 })
    },
    async 'that everybody may call'(request) {
      const { isAuthenticated, userId = null } = (
        await authenticate(request, { acceptsToken: ['session_token', 'api_key'] })
      ).toAuth()
      return Response.json({ isAuthenticated, userId })
    },
  }

  test.each(Object.entries(handlers))('%s serves no stranger', async (name, handle) => {
    const response = await handle(request())
    expect(response.status).toBe(name === 'that everybody may call' ? 200 : 401)
    if (response.status === 200) expect(await response.json()).toMatchObject({ userId: null })
  })
})
