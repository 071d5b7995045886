import {
  type Authenticator,
  type AuthenticatorOptions,
  type Client,
  createAuthenticator,
  createClient,
  type Machine,
} from 'countersign'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** `authenticateRequest` in a service that real machines call, against the real authority. */

const USER = `user_${'a'.repeat(27)}`

let authority: TestAuthority
let admin: Client
let api: Machine
let worker: Machine
let stranger: Machine
/** The service that is called: `api`, with its own key and the instance's. */
let service: Authenticator
/** What the service asked of the authority. */
const calls: string[] = []

beforeAll(async () => {
  authority = await startTestAuthority()
  admin = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  api = await admin.machines.create({ name: 'api' })
  worker = await admin.machines.create({ name: 'worker', scopedMachines: [api.id] })
  stranger = await admin.machines.create({ name: 'stranger' })
  service = serve(authority, api)
})

beforeEach(() => {
  calls.length = 0
})

afterAll(async () => {
  await authority.close()
})

function serve(
  { url, secretKey }: Pick<TestAuthority, 'url' | 'secretKey'>,
  machine: Machine,
  options: Partial<AuthenticatorOptions> = {},
): Authenticator {
  return createAuthenticator({
    apiUrl: url,
    secretKey,
    machineSecretKey: machine.secretKey ?? '',
    fetch: (target, init) => {
      calls.push(target.slice(url.length))
      return fetch(target, init)
    },
    retry: { retries: 0 },
    ...options,
  })
}

const bearing = (token: string): Request =>
  new Request('https://api.example.com/orders', { headers: { authorization: `Bearer ${token}` } })

const tokenOf = async (
  machine: Machine,
  tokenFormat: 'opaque' | 'jwt',
  url = authority.url,
): Promise<{ readonly id: string; readonly token: string }> => {
  const client = createClient({ apiUrl: url, machineSecretKey: machine.secretKey ?? '' })
  const { id, token = '' } = await client.m2m.createToken({ tokenFormat, claims: { region: 'eu' } })
  return { id, token }
}

describe.each(['opaque', 'jwt'] as const)('a machine with a token of format %s', (format) => {
  it('is let in when it has a scope for this machine, and is known', async () => {
    const { id, token } = await tokenOf(worker, format)
    const state = await service.authenticate(bearing(token), { acceptsToken: 'm2m_token' })
    expect(state).toMatchObject({ status: 'signed-in', tokenType: 'm2m_token', token })
    expect(state.toAuth()).toMatchObject({
      id,
      subject: worker.id,
      machineId: worker.id,
      scopes: [api.id],
      claims: { region: 'eu' },
    })
  })

  it('is refused when it has none', async () => {
    const { token } = await tokenOf(stranger, format)
    const state = await service.authenticate(bearing(token), { acceptsToken: 'm2m_token' })
    expect(state).toMatchObject({ status: 'signed-out', httpStatus: 401 })
    expect(state.reason).toBe(format === 'jwt' ? 'token-verification-failed' : 'token-invalid')
  })

  it('is refused where it is the caller itself that asks', async () => {
    const { token } = await tokenOf(worker, format)
    const own = serve(authority, worker)
    const state = await own.authenticate(bearing(token), { acceptsToken: 'm2m_token' })
    expect(state).toMatchObject({ status: 'signed-out', httpStatus: 401 })
  })

  it('is a mismatch where API keys or sessions are expected, without a call', async () => {
    const { token } = await tokenOf(worker, format)
    for (const acceptsToken of ['api_key', 'oauth_token', ['api_key', 'session_token']] as const) {
      const state = await service.authenticate(bearing(token), { acceptsToken })
      expect(state).toMatchObject({ status: 'signed-out', reason: 'token-type-mismatch' })
    }
    expect((await service.authenticate(bearing(token))).status).toBe('signed-out')
    expect(calls).toEqual([])
  })

  it('of another instance is refused, in both directions', async () => {
    await using elsewhere = await startTestAuthority()
    const theirs = createClient({ apiUrl: elsewhere.url, secretKey: elsewhere.secretKey })
    const theirApi = await theirs.machines.create({ name: 'api' })
    const theirWorker = await theirs.machines.create({
      name: 'worker',
      scopedMachines: [theirApi.id],
    })
    const theirService = serve(elsewhere, theirApi)
    const ours = bearing((await tokenOf(worker, format)).token)
    const their = bearing((await tokenOf(theirWorker, format, elsewhere.url)).token)
    const accepts = { acceptsToken: 'm2m_token' } as const

    // Twice, so that whatever could be remembered is.
    for (let count = 0; count < 2; count++) {
      expect((await service.authenticate(ours, accepts)).status).toBe('signed-in')
      expect((await theirService.authenticate(their, accepts)).status).toBe('signed-in')
      for (const [one, request] of [
        [service, their],
        [theirService, ours],
      ] as const) {
        expect(await one.authenticate(request, accepts)).toMatchObject({
          status: 'signed-out',
          httpStatus: 401,
        })
      }
    }
  })
})

it('a revoked opaque token is refused by the next request', async () => {
  const { id, token } = await tokenOf(worker, 'opaque')
  const accepts = { acceptsToken: 'm2m_token' } as const
  expect((await service.authenticate(bearing(token), accepts)).status).toBe('signed-in')
  await admin.m2m.revokeToken({ m2mTokenId: id })
  expect(await service.authenticate(bearing(token), accepts)).toMatchObject({
    status: 'signed-out',
    reason: 'token-invalid',
    httpStatus: 401,
  })
})

describe('an API key', () => {
  it('says whose it is', async () => {
    const { id, secret = '' } = await admin.apiKeys.create({
      name: 'deploy',
      subject: USER,
      scopes: ['orders:read'],
    })
    const acceptsToken = ['m2m_token', 'api_key'] as const
    const state = await service.authenticate(bearing(secret), { acceptsToken })
    expect(state).toMatchObject({ status: 'signed-in', tokenType: 'api_key' })
    expect(state.toAuth()).toMatchObject({
      id,
      subject: USER,
      userId: USER,
      orgId: null,
      name: 'deploy',
      scopes: ['orders:read'],
    })
    await admin.apiKeys.revoke({ apiKeyId: id })
    expect(await service.authenticate(bearing(secret), { acceptsToken })).toMatchObject({
      status: 'signed-out',
      reason: 'token-invalid',
      tokenType: 'api_key',
    })
  })

  it('is no machine token, which is told without a call', async () => {
    const { secret = '' } = await admin.apiKeys.create({ name: 'deploy', subject: USER })
    expect(
      await service.authenticate(bearing(secret), { acceptsToken: 'm2m_token' }),
    ).toMatchObject({ status: 'signed-out', reason: 'token-type-mismatch', tokenType: 'm2m_token' })
    expect(calls).toEqual([])
  })

  it('is not the secret of a machine, though that begins alike', async () => {
    const secret = worker.secretKey ?? ''
    expect(await service.authenticate(bearing(secret), { acceptsToken: 'api_key' })).toMatchObject({
      status: 'signed-out',
      reason: 'token-invalid',
    })
    expect(calls).toEqual([])
  })
})

it('garbage of every kind costs no call', async () => {
  const { token } = await tokenOf(worker, 'opaque')
  const { token: jwt } = await tokenOf(worker, 'jwt')
  const [header, , signature] = jwt.split('.')
  for (const garbage of [
    'mt_xxx',
    'ak_xxx',
    `${token}x`,
    token.toUpperCase(),
    token.replace('mt_', 'ak_'),
    'garbage',
    `${jwt}.${jwt}`,
    [header, '', signature].join('.'),
  ]) {
    const state = await service.authenticate(bearing(garbage), { acceptsToken: 'any' })
    expect(state).toMatchObject({ status: 'signed-out', httpStatus: 401 })
  }
  expect(calls).toEqual([])
})

it('a service with its machine’s key alone verifies JWTs and opaque tokens', async () => {
  const alone = serve(authority, api, { secretKey: undefined })
  for (const format of ['opaque', 'jwt'] as const) {
    const { token } = await tokenOf(worker, format)
    const state = await alone.authenticate(bearing(token), { acceptsToken: 'any' })
    expect(state.toAuth()).toMatchObject({ machineId: worker.id })
  }
})

it('where the authority is gone, an opaque token may be good, and a JWT still is', async () => {
  const gone = await startTestAuthority()
  const theirs = createClient({ apiUrl: gone.url, secretKey: gone.secretKey })
  const receiver = await theirs.machines.create({ name: 'api' })
  const sender = await theirs.machines.create({ name: 'worker', scopedMachines: [receiver.id] })
  const opaque = await tokenOf(sender, 'opaque', gone.url)
  const warm = await tokenOf(sender, 'jwt', gone.url)
  const later = await tokenOf(sender, 'jwt', gone.url)
  const theirService = serve(gone, receiver)
  const accepts = { acceptsToken: 'm2m_token' } as const
  expect((await theirService.authenticate(bearing(warm.token), accepts)).status).toBe('signed-in')
  await gone.close()

  const state = await theirService.authenticate(bearing(opaque.token), accepts)
  expect(state).toMatchObject({ status: 'signed-out', reason: 'unexpected-error' })
  if (state.isAuthenticated) throw new Error('nobody')
  const response = state.toResponse()
  expect(response.status).toBe(503)
  expect([...response.headers.keys()]).toEqual(['retry-after'])

  for (const { token } of [warm, later]) {
    const known = await theirService.authenticate(bearing(token), accepts)
    expect(known.toAuth()).toMatchObject({ machineId: sender.id })
  }

  const cold = serve(gone, receiver)
  expect(await cold.authenticate(bearing(later.token), accepts)).toMatchObject({
    status: 'signed-out',
    httpStatus: 503,
    reason: 'token-verification-failed',
  })
})
