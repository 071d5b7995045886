import { describe, expect, test as base, vi } from 'vitest'
import { authenticateRequest } from '../../authenticate/authenticator.ts'
import { createClient } from '../../client/client.ts'
import { parseJws } from '../../token/jws.ts'
import { createVerifier } from '../../verify/verifier.ts'
import { testAuthorityFixture } from './fixtures.ts'
import { createTestAuthority, type TestAuthority } from './test-authority.ts'

const test = base.extend<{ authority: TestAuthority }>({ authority: testAuthorityFixture() })

const VERIFY = '/m2m_tokens/verify'
const NO_RETRY = { retry: { retries: 0 } }

async function pair(authority: TestAuthority) {
  const api = await authority.machine('api')
  return { api, worker: await authority.machine('worker', { calls: [api] }) }
}

describe('the clock', () => {
  test('stands still, and starts where it is told to', async () => {
    await using authority = await createTestAuthority({ now: new Date('2030-01-01T00:00:00Z') })
    expect(authority.clock()).toBe(1_893_456_000_000)
    const { worker } = await pair(authority)
    const { createdAt } = await createClient(worker.options).m2m.createToken()
    expect(createdAt).toBe(1_893_456_000_000)
  })

  test('drives the authority and the verifiers that are given it', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const { verify } = createVerifier(api.verifierOptions)
    const { m2m } = createClient(api.options)
    const jwt = await authority.tokens.m2mJwt(worker, { ttlSeconds: 60 })
    const opaque = await authority.tokens.m2m(worker, { ttlSeconds: 60 })
    await verify(jwt)
    await m2m.verify({ token: opaque })
    authority.clock.advance(59_999)
    await verify(jwt)
    await m2m.verify({ token: opaque })
    // Verifiers forgive 5 s; the authority, whose clock it is, nothing.
    authority.clock.advance(1)
    await expect(m2m.verify({ token: opaque })).rejects.toMatchObject({ code: 'token-invalid' })
    authority.clock.advance(5_000)
    await expect(verify(jwt)).rejects.toMatchObject({ code: 'token-expired' })
    authority.clock.set(authority.clock() - 5_000)
    await verify(jwt)
  })

  test('moves to no instant that is none', ({ authority }) => {
    expect(() => {
      authority.clock.advance(Number.NaN)
    }).toThrow(TypeError)
    expect(() => {
      authority.clock.set(new Date('never'))
    }).toThrow(TypeError)
  })

  test('lets signing keys roll when it is told to tick', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const { verify } = createVerifier(api.verifierOptions)
    const before = await authority.tokens.m2mJwt(worker, { ttlSeconds: 86_400 })
    authority.clock.advance(31 * 86_400_000)
    await authority.tick()
    authority.clock.advance(86_400_000)
    await authority.tick()
    const after = await authority.tokens.m2mJwt(worker)
    expect(parseJws(after).header['kid']).not.toBe(parseJws(before).header['kid'])
    expect((await verify(after)).subject).toBe(worker.id)
    await expect(verify(before)).rejects.toMatchObject({ code: 'token-expired' })
  })
})

test('a machine may call another once that is allowed', async ({ authority }) => {
  const [api, worker] = [await authority.machine('api'), await authority.machine('worker')]
  const { m2m } = createClient(api.options)
  const before = await authority.tokens.m2m(worker)
  await expect(m2m.verify({ token: before })).rejects.toMatchObject({ code: 'token-invalid' })
  await authority.allow(worker, api)
  const token = await authority.tokens.m2m(worker, { claims: { region: 'eu' } })
  expect(await m2m.verify({ token })).toMatchObject({
    subject: worker.id,
    claims: { region: 'eu' },
  })
})

describe('revoking', () => {
  test('ends an opaque token at once, and a JWT with the next list', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const { tokens, clock } = authority
    const { m2m } = createClient(api.options)
    const opaque = await tokens.m2m(worker)
    const jwt = await tokens.m2mJwt(worker)
    await m2m.verify({ token: opaque })
    await m2m.verify({ token: jwt })
    await tokens.revoke(opaque)
    await tokens.revoke(jwt)
    await expect(m2m.verify({ token: opaque })).rejects.toMatchObject({ code: 'token-invalid' })
    clock.advance(15_000)
    await expect(m2m.verify({ token: jwt })).rejects.toMatchObject({ code: 'token-revoked' })
  })

  test('is told to a verifier that listens', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const { tokens } = authority
    const { verify, close } = createVerifier({ ...api.verifierOptions, revocation: { push: true } })
    const token = await tokens.m2mJwt(worker)
    await verify(token)
    await tokens.revoke(token)
    // The clock stands still: nothing is due but by the stream.
    await vi.waitFor(async () => {
      await authority.tick()
      await expect(verify(token)).rejects.toMatchObject({ code: 'token-revoked' })
    })
    close()
  })

  test('ends an API key and an access token', async ({ authority }) => {
    const { tokens, options } = authority
    const { apiKeys, idPOAuthAccessToken } = createClient(options)
    const key = await tokens.apiKey({ subject: `org_${'2'.repeat(27)}`, scopes: ['read'] })
    const access = await tokens.oauth({ subject: 'somebody', clientId: 'app', scopes: ['email'] })
    expect(await apiKeys.verify(key)).toMatchObject({ scopes: ['read'] })
    expect(await idPOAuthAccessToken.verify(access)).toMatchObject({
      subject: 'somebody',
      clientId: 'app',
      scopes: ['email'],
    })
    await tokens.revoke(key)
    await tokens.revoke(access)
    const refusal = { code: 'token-invalid' }
    await expect(apiKeys.verify(key)).rejects.toMatchObject(refusal)
    await expect(idPOAuthAccessToken.verify(access)).rejects.toMatchObject(refusal)
  })
})

describe('requests', () => {
  test('are seen, and those of the kit itself are not', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const token = await authority.tokens.m2mJwt(worker)
    expect(authority.requests).toEqual([])
    const { verify } = createVerifier(api.verifierOptions)
    await verify(token)
    expect(authority.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /.well-known/jwks.json',
      expect.stringMatching(/^GET \/status-lists\//),
    ])
    authority.forgetRequests()
    await verify(token)
    expect(authority.requests).toEqual([])
  })

  test('to anywhere else fail as to an unknown host, and go nowhere', async ({ authority }) => {
    await expect(authority.fetch('https://example.com/')).rejects.toThrow(TypeError)
    expect(authority.requests).toMatchObject([{ url: 'https://example.com/' }])
  })

  test('end when their sender gives up', async ({ authority }) => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(authority.fetch(authority.apiUrl, { signal })).rejects.toThrow('enough')
    expect(authority.requests).toEqual([])
  })

  test('are refused an access token without the instance key', async ({ authority }) => {
    const { api } = await pair(authority)
    const { fetch, apiUrl, tokens } = authority
    const access_token = await tokens.oauth()
    const ask = (key: string) =>
      fetch(`${apiUrl}/v1/oauth_applications/access_tokens/verify`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
        body: JSON.stringify({ access_token }),
      })
    expect((await ask(authority.secretKey)).status).toBe(200)
    expect((await ask(api.machineSecretKey)).status).toBeGreaterThanOrEqual(401)
    expect((await ask('sk_test_wrong')).status).toBe(401)
  })
})

describe('an authority that is', () => {
  test('down cannot be reached, until it recovers', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const { m2m } = createClient({ ...api.options, ...NO_RETRY })
    const token = await authority.tokens.m2m(worker)
    authority.fail('down')
    const call = m2m.verify({ token })
    await expect(call).rejects.toMatchObject({ code: 'authority-unreachable' })
    authority.recover()
    expect((await m2m.verify({ token })).subject).toBe(worker.id)
  })

  test('down is 503 for an opaque token, and nothing for a JWT whose keys are known', async ({
    authority,
  }) => {
    const { api, worker } = await pair(authority)
    const { tokens } = authority
    const ask = async (token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}` }
      const state = await authenticateRequest(new Request('https://api.test/', { headers }), {
        ...api.options,
        ...NO_RETRY,
        acceptsToken: 'm2m_token',
      })
      return state.isAuthenticated ? 200 : state.httpStatus
    }
    expect(await ask(await tokens.m2mJwt(worker))).toBe(200)
    const [jwt, opaque] = [await tokens.m2mJwt(worker), await tokens.m2m(worker)]
    authority.fail('down')
    expect(await ask(opaque)).toBe(503)
    expect(await ask(jwt)).toBe(200)
  })

  test('down takes nobody else down with it', async ({ authority }) => {
    const { session, options } = authority
    const token = await authority.tokens.session({ userId: 'user_1' })
    authority.fail('down')
    const headers = { authorization: `Bearer ${token}` }
    const request = new Request('https://api.test/', { headers })
    const state = await authenticateRequest(request, { ...options, session })
    expect(state.toAuth().userId).toBe('user_1')
  })

  test('down for so many requests is up for the next', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const token = await authority.tokens.m2m(worker)
    authority.fail('down', { times: 2 })
    const { m2m } = createClient({ ...api.options, retry: { retries: 2, backoffMs: 0 } })
    await m2m.verify({ token })
    expect(authority.requests).toHaveLength(3)
  })

  test('failing at one place answers at the others', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const { m2m } = createClient({ ...worker.options, ...NO_RETRY })
    authority.fail('error', { path: VERIFY })
    const { token = '' } = await m2m.createToken()
    const receiver = createClient({ ...api.options, ...NO_RETRY }).m2m
    const refusal = { code: 'request-refused', status: 500 }
    await expect(receiver.verify({ token })).rejects.toMatchObject(refusal)
  })

  test('overloaded says so, and when to come again', async ({ authority }) => {
    const { worker } = await pair(authority)
    authority.fail('error', { status: 429 })
    const { m2m } = createClient({ ...worker.options, ...NO_RETRY })
    const refusal = { code: 'request-refused', status: 429, retryAfter: 1 }
    await expect(m2m.createToken()).rejects.toMatchObject(refusal)
  })

  test('malformed is never taken for a yes', async ({ authority }) => {
    const { api, worker } = await pair(authority)
    const [jwt, opaque] = [
      await authority.tokens.m2mJwt(worker),
      await authority.tokens.m2m(worker),
    ]
    authority.fail('malformed')
    const { m2m } = createClient({ ...api.options, ...NO_RETRY })
    await expect(m2m.verify({ token: opaque })).rejects.toMatchObject({ code: 'answer-unexpected' })
    await expect(m2m.verify({ token: jwt })).rejects.toMatchObject({ code: 'keys-unavailable' })
  })

  test('slow is given up, by who has a timeout', async ({ authority }) => {
    const { worker } = await pair(authority)
    authority.fail('slow')
    const { m2m } = createClient({ ...worker.options, ...NO_RETRY, timeoutMs: 20 })
    await expect(m2m.createToken()).rejects.toMatchObject({ code: 'authority-unreachable' })
  })

  test('slow answers in the end, or when it recovers', async ({ authority }) => {
    const { worker } = await pair(authority)
    const { m2m } = createClient(worker.options)
    authority.fail('slow', { delayMs: 5, times: 1 })
    expect((await m2m.createToken()).subject).toBe(worker.id)
    authority.fail('slow')
    const waiting = m2m.createToken()
    authority.recover()
    expect((await waiting).subject).toBe(worker.id)
  })

  test('left with stale lists tells of no revocation, until its lists are too old', async ({
    authority,
  }) => {
    const { api, worker } = await pair(authority)
    const { verify } = createVerifier(api.verifierOptions)
    const token = await authority.tokens.m2mJwt(worker, { ttlSeconds: 3600 })
    await verify(token)
    authority.fail('staleLists')
    await authority.tokens.revoke(token)
    authority.clock.advance(60_000)
    await verify(token)
    authority.clock.advance(300_000)
    await expect(verify(token)).rejects.toMatchObject({ code: 'status-unavailable' })
    authority.recover()
    authority.clock.advance(15_000)
    await expect(verify(token)).rejects.toMatchObject({ code: 'token-revoked' })
  })

  test('told to fail as nothing can is not', ({ authority }) => {
    const wrong = [
      ['gone', {}],
      ['error', { status: 200 }],
      ['down', { times: 0 }],
      ['slow', { delayMs: -1 }],
    ] as const
    for (const [kind, more] of wrong) {
      expect(() => {
        authority.fail(kind as 'down', more)
      }).toThrow(TypeError)
    }
  })
})

describe('two authorities in one process', () => {
  test('never accept each other’s tokens, secrets or keys', async ({ authority }) => {
    await using other = await createTestAuthority({ now: authority.clock() })
    const here = await pair(authority)
    const there = await pair(other)
    const strange = await other.tokens.m2mJwt(there.worker)
    const { verify } = createVerifier({ ...here.api.verifierOptions, audience: null })
    await expect(verify(strange)).rejects.toMatchObject({ code: 'token-key-unknown' })
    // Also with the other one's keys, by whatever accident: it is the issuer that counts.
    const { keys } = await other.client.jwks.getJwks()
    const mixed = createVerifier({ ...here.api.verifierOptions, audience: null, jwks: { keys } })
    await expect(mixed.verify(strange)).rejects.toMatchObject({ code: 'token-issuer-mismatch' })
    const { m2m } = createClient(here.api.options)
    const opaque = await other.tokens.m2m(there.worker)
    await expect(m2m.verify({ token: opaque })).rejects.toMatchObject({ code: 'token-invalid' })
    const stolen = createClient({
      ...here.api.options,
      machineSecretKey: there.api.machineSecretKey,
    })
    await expect(stolen.m2m.createToken()).rejects.toMatchObject({ status: 401 })
  })

  test('have no name of a key in common', async ({ authority }) => {
    await using other = await createTestAuthority()
    const names = await Promise.all(
      [authority, other].map(async ({ client }) => (await client.jwks.getJwks()).keys),
    )
    const kids = names.flat().map(({ kid }) => kid)
    expect(new Set(kids).size).toBe(12)
  })
})
