import { describe, expect } from 'vitest'
import { test as base } from 'vitest'
import { createAuthenticator } from '../../authenticate/authenticator.ts'
import { createClient } from '../../client/client.ts'
import { isCountersignError } from '../../token/errors.ts'
import type { TokenType } from '../../token/token-type.ts'
import { createVerifier } from '../../verify/verifier.ts'
import { TOKEN_DEFECTS, type TokenDefects } from './defects.ts'
import { testAuthorityFixture } from './fixtures.ts'
import type { TestAuthority, TestMachine } from './test-authority.ts'

type Class = keyof TokenDefects

/** What a token of each class is accepted as. */
const TYPES: Readonly<Record<Class, TokenType>> = {
  m2m: 'm2m_token',
  m2mJwt: 'm2m_token',
  apiKey: 'api_key',
  oauth: 'oauth_token',
  oauthJwt: 'oauth_token',
  session: 'session_token',
}

const test = base.extend<{ authority: TestAuthority }>({ authority: testAuthorityFixture() })

interface Cast {
  readonly authority: TestAuthority
  readonly api: TestMachine
  readonly worker: TestMachine
}

async function cast(authority: TestAuthority): Promise<Cast> {
  const api = await authority.machine('api')
  return { authority, api, worker: await authority.machine('worker', { calls: [api] }) }
}

function make(
  { authority: { tokens }, worker }: Cast,
  of: Class,
  defect?: string,
): Promise<string> {
  const options = (defect === undefined ? {} : { defect }) as never
  return of === 'm2m' || of === 'm2mJwt' ? tokens[of](worker, options) : tokens[of](options)
}

/** The code of the refusal by an authenticator; `null` when the token was accepted. */
async function verdict({ authority, api }: Cast, of: Class, token: string): Promise<string | null> {
  const { session, oauth, secretKey } = authority
  // Opaque access tokens are asked about with the instance key, as at Clerk.
  const { authenticate } = createAuthenticator({ ...api.options, secretKey, session, oauth })
  const request = new Request('https://api.test/', {
    headers: { authorization: `Bearer ${token}` },
  })
  const state = await authenticate(request, { acceptsToken: TYPES[of] })
  if (state.isAuthenticated) expect(state.tokenType).toBe(TYPES[of])
  return state.isAuthenticated ? null : (state.error?.code ?? state.reason)
}

describe.each(Object.keys(TOKEN_DEFECTS) as Class[])('a token of the class %s', (of) => {
  test('is accepted when nothing is wrong with it', async ({ authority }) => {
    const stage = await cast(authority)
    expect(await verdict(stage, of, await make(stage, of))).toBeNull()
  })

  test.for(Object.entries(TOKEN_DEFECTS[of]))(
    'is refused for %s by %s, however many others are good',
    async ([defect, code], { authority }) => {
      const stage = await cast(authority)
      expect(await verdict(stage, of, await make(stage, of, defect))).toBe(code)
      expect(await verdict(stage, of, await make(stage, of))).toBeNull()
    },
  )
})

describe('a machine JWT', () => {
  test('is accepted by a verifier', async ({ authority }) => {
    const { api, worker } = await cast(authority)
    const token = await authority.tokens.m2mJwt(worker, { claims: { region: 'eu' } })
    const { subject, claims } = await createVerifier(api.verifierOptions).verify(token)
    expect(subject).toBe(worker.id)
    expect(claims).toMatchObject({ region: 'eu' })
  })

  test.for(Object.entries(TOKEN_DEFECTS.m2mJwt))(
    'is refused by a verifier for %s by %s',
    async ([defect, code], { authority }) => {
      const stage = await cast(authority)
      const { verify } = createVerifier(stage.api.verifierOptions)
      await expect(verify(await make(stage, 'm2mJwt', defect))).rejects.toMatchObject({ code })
    },
  )

  test.for(['RS256', 'ES256', 'EdDSA'] as const)(
    'of %s has every defect as well',
    async (jwtAlgorithm, { authority }) => {
      const api = await authority.machine('api')
      const worker = await authority.machine('worker', { calls: [api], jwtAlgorithm })
      const { verify } = createVerifier(api.verifierOptions)
      const stage = { authority, api, worker }
      expect((await verify(await make(stage, 'm2mJwt'))).subject).toBe(worker.id)
      for (const [defect, code] of Object.entries(TOKEN_DEFECTS.m2mJwt)) {
        const token = await make(stage, 'm2mJwt', defect)
        // Its list was fetched before it was revoked.
        if (defect === 'revoked') authority.clock.advance(15_000)
        await expect(verify(token), defect).rejects.toMatchObject({ code })
      }
    },
  )
})

describe('an opaque machine token', () => {
  test.for(Object.entries(TOKEN_DEFECTS.m2m))(
    'is refused by a client for %s',
    async ([defect], { authority }) => {
      const stage = await cast(authority)
      const { m2m } = createClient(stage.api.options)
      const token = await make(stage, 'm2m', defect)
      const refusal: unknown = await m2m.verify({ token }).catch((error: unknown) => error)
      expect(isCountersignError(refusal) && refusal.code).toMatch(/^token-/)
    },
  )

  test('that is made for another time leaves the clock and other requests alone', async ({
    authority,
  }) => {
    const { worker, api } = await cast(authority)
    const { m2m } = createClient(worker.options)
    const before = authority.clock()
    const [expired, good, ...others] = await Promise.all([
      authority.tokens.m2m(worker, { defect: 'expired' }),
      authority.tokens.m2m(worker),
      m2m.createToken(),
      m2m.createToken(),
    ])
    expect(authority.clock()).toBe(before)
    for (const { createdAt } of others) expect(createdAt).toBe(before)
    const receiver = createClient(api.options).m2m
    expect((await receiver.verify({ token: good })).createdAt).toBe(before)
    await expect(receiver.verify({ token: expired })).rejects.toMatchObject({
      code: 'token-invalid',
    })
  })
})

test('a defect that a class cannot have is no way to make a token', async ({ authority }) => {
  const { worker } = await cast(authority)
  const { tokens } = authority
  const wrong = [
    // @ts-expect-error -- an opaque token has no party
    () => tokens.m2m(worker, { defect: 'wrongParty' }),
    // @ts-expect-error -- nor has a machine's JWT
    () => tokens.m2mJwt(worker, { defect: 'wrongParty' }),
    // @ts-expect-error -- an API key has no audience
    () => tokens.apiKey({ defect: 'wrongAudience' }),
    // @ts-expect-error -- an opaque access token is not signed
    () => tokens.oauth({ defect: 'badSignature' }),
    // @ts-expect-error -- nothing tells that an access token in JWT form was revoked
    () => tokens.oauthJwt({ defect: 'revoked' }),
    // @ts-expect-error -- there is no such defect
    () => tokens.session({ defect: 'expird' }),
  ]
  for (const make of wrong) await expect(make()).rejects.toThrow(TypeError)
})
