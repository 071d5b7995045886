import { describe, expect, test } from 'vitest'
import { type Answer, useWire } from '../support/wire.ts'

/**
 * Clerk's `authenticateRequest` against this authority: the six cases of its own integration suite
 * (contract §8), each in opaque form and as a JWT, for every way to say which tokens are accepted.
 */

const wire = await useWire()
const api = await wire.machine('api')
const worker = await wire.machine('worker', [api.id])
const stranger = await wire.machine('stranger')
const clerk = wire.client({ machineSecretKey: api.secretKey })

const ACCEPTED = [
  'm2m_token',
  ['m2m_token'],
  ['m2m_token', 'api_key'],
  ['m2m_token', 'session_token'],
  'any',
] as const

type Accepted = (typeof ACCEPTED)[number]

const authenticate = (authorization: string | null, accepts: Accepted) => {
  const headers = new Headers(authorization === null ? {} : { authorization })
  const request = new Request('http://app.example.com/protected', { headers })
  return clerk.authenticateRequest(request, {
    // The client takes a list it may change.
    acceptsToken: typeof accepts === 'string' ? accepts : [...accepts],
  })
}

const opaqueOf = async ({ client }: typeof api, more = {}): Promise<string> =>
  (await client.m2m.createToken({ secondsUntilExpiration: 1800, ...more })).token ?? ''

const jwtOf = (machine: typeof api): Promise<string> => opaqueOf(machine, { tokenFormat: 'jwt' })

describe.each(ACCEPTED.map((accepts) => ({ accepts, name: JSON.stringify(accepts) })))(
  'where $name is accepted',
  ({ accepts }) => {
    test('1: no token is nobody', async () => {
      const before = wire.exchanges.length
      const state = await authenticate(null, accepts)
      expect(state).toMatchObject({ status: 'signed-out', isAuthenticated: false, token: null })
      expect(wire.exchanges.length).toBe(before)
    })

    test('1: mt_xxx is refused', async () => {
      const state = await authenticate('Bearer mt_xxx', accepts)
      expect(state).toMatchObject({
        status: 'signed-out',
        reason: 'token-invalid',
        tokenType: 'm2m_token',
      })
      expect(state.toAuth()).toMatchObject({ isAuthenticated: false, subject: null })
    })

    test('2: an opaque token of an unscoped machine is refused', async () => {
      const state = await authenticate(`Bearer ${await opaqueOf(stranger)}`, accepts)
      expect(state).toMatchObject({ isAuthenticated: false, reason: 'token-invalid' })
      expect(state.message).toContain('Machine token not found')
    })

    test('2: a JWT of an unscoped machine is let in: Clerk’s weakness §7-1, not the authority’s', async () => {
      // The JWT names no receiver (`aud` is []), but Clerk's client checks signature and time only.
      // Our SDK refuses it; nothing that the authority answers could make this client do so.
      const state = await authenticate(`Bearer ${await jwtOf(stranger)}`, accepts)
      expect(state).toMatchObject({ isAuthenticated: true, tokenType: 'm2m_token' })
      expect(state.toAuth()).toMatchObject({ subject: stranger.id, scopes: [] })
    })

    test.each(['opaque', 'JWT'])('3, 4: the %s of a scoped machine is let in', async (format) => {
      const token = await (format === 'JWT' ? jwtOf(worker) : opaqueOf(worker))
      const state = await authenticate(`Bearer ${token}`, accepts)
      expect(state).toMatchObject({
        status: 'signed-in',
        isAuthenticated: true,
        tokenType: 'm2m_token',
        reason: null,
        token,
      })
      expect(state.toAuth()).toMatchObject({
        isAuthenticated: true,
        tokenType: 'm2m_token',
        subject: worker.id,
        machineId: worker.id,
        scopes: [api.id],
      })
    })

    test('5: an API key is never taken for a machine token', async () => {
      const { secret = '' } = await wire
        .client()
        .apiKeys.create({ name: 'key', subject: `user_${'5'.repeat(27)}` })
      const state = await authenticate(`Bearer ${secret}`, accepts)
      const takesKeys = accepts === 'any' || (accepts as readonly string[]).includes('api_key')
      if (takesKeys) {
        expect(state).toMatchObject({ isAuthenticated: true, tokenType: 'api_key' })
      } else {
        expect(state).toMatchObject({ isAuthenticated: false, reason: 'token-type-mismatch' })
      }
      expect(state.toAuth()).not.toMatchObject({ isAuthenticated: true, tokenType: 'm2m_token' })
    })

    test('5: a machine’s secret key is no token at all', async () => {
      const state = await authenticate(`Bearer ${worker.secretKey}`, accepts)
      expect(state.isAuthenticated).toBe(false)
    })

    test('6: an OAuth token is refused', async () => {
      const state = await authenticate(`Bearer oat_${'a'.repeat(32)}`, accepts)
      const reason = accepts === 'any' ? 'token-invalid' : 'token-type-mismatch'
      expect(state).toMatchObject({ isAuthenticated: false, reason })
    })

    test('a revoked token and an expired JWT are refused by the next request', async () => {
      const { token = '', id } = await worker.client.m2m.createToken()
      expect((await authenticate(`Bearer ${token}`, accepts)).isAuthenticated).toBe(true)
      await worker.client.m2m.revokeToken({ m2mTokenId: id })
      expect(await authenticate(`Bearer ${token}`, accepts)).toMatchObject({
        isAuthenticated: false,
        reason: 'token-invalid',
      })

      const anHour = 3_600_000
      wire.clock.advance(-anHour)
      const stale = await worker.client.m2m.createToken({
        tokenFormat: 'jwt',
        secondsUntilExpiration: 60,
      })
      wire.clock.advance(anHour)
      expect(await authenticate(`Bearer ${stale.token ?? ''}`, accepts)).toMatchObject({
        isAuthenticated: false,
        reason: 'token-verification-failed',
      })
    })

    test('a JWT with an altered payload is refused', async () => {
      const [header = '', , signature = ''] = (await jwtOf(worker)).split('.')
      const [, payload = ''] = (await jwtOf(stranger)).split('.')
      const state = await authenticate(`Bearer ${header}.${payload}.${signature}`, accepts)
      expect(state).toMatchObject({ isAuthenticated: false, reason: 'token-verification-failed' })
    })
  },
)

test('a machine JWT is never a session: it is refused where a session is expected', async () => {
  const token = await jwtOf(worker)
  const headers = { authorization: `Bearer ${token}` }
  const inHeader = await clerk.authenticateRequest(new Request('http://a.example.com', { headers }))
  expect(inHeader).toMatchObject({ isAuthenticated: false, reason: 'token-type-mismatch' })

  const cookies = { cookie: `__session=${token}; __client_uat=1; __clerk_db_jwt=x` }
  const inCookie = await clerk.authenticateRequest(
    new Request('http://a.example.com', { headers: cookies }),
  )
  expect(inCookie.isAuthenticated).toBe(false)
})

test.each(['ES256', 'EdDSA'])(
  'a JWT signed with %s is refused by Clerk’s client, which knows RSA only (§7-8)',
  async (algorithm) => {
    const modern = await wire.machine('modern', [api.id])
    const changed: Answer = await wire.call('PATCH', `/v1/machines/${modern.id}`, {
      body: { jwt_algorithm: algorithm },
    })
    expect(changed.status).toBe(200)
    expect(await authenticate(`Bearer ${await jwtOf(modern)}`, 'm2m_token')).toMatchObject({
      isAuthenticated: false,
      reason: 'token-verification-failed',
    })
  },
)

test('an opaque token is verified with the machine key of the client, a JWT with the instance key', async () => {
  await authenticate(`Bearer ${await opaqueOf(worker)}`, 'm2m_token')
  expect(wire.last('POST', '/verify').requestHeaders.authorization).toBe(`Bearer ${api.secretKey}`)
  await authenticate(`Bearer ${await jwtOf(worker)}`, 'm2m_token')
  expect(wire.last('GET', '/jwks').requestHeaders.authorization).toBe(`Bearer ${wire.secretKey}`)
})
