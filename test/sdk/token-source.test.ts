import {
  type Client,
  createAuthenticator,
  createClient,
  createTokenSource,
  type Machine,
  type TokenSourceOptions,
  type TokenStore,
} from 'countersign'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { type Receiver, startReceiver } from '../support/receiver.ts'

/** A machine that calls another, all of it real: authority, sockets, the platform's own `fetch`. */

let authority: TestAuthority
let admin: Client
let api: Machine
let other: Machine
let worker: Machine
let nowMs = Date.now()
const clock = (): number => nowMs

beforeAll(async () => {
  authority = await startTestAuthority({ clock: { now: clock } })
  admin = createClient({ apiUrl: authority.url, secretKey: authority.secretKey, clock })
  api = await admin.machines.create({ name: 'api' })
  other = await admin.machines.create({ name: 'other' })
})

beforeEach(async () => {
  worker = await admin.machines.create({ name: 'worker', scopedMachines: [api.id, other.id] })
})

afterAll(() => authority.close())

/** Creations are counted where they are made: by the authority. */
const made = async (): Promise<number> => {
  const all = { subject: worker.id, tokenFormat: 'all', revoked: true, expired: true } as const
  return (await admin.m2m.list(all)).totalCount
}

const sourceOf = (options: Partial<TokenSourceOptions> = {}) =>
  createTokenSource({
    apiUrl: authority.url,
    machineSecretKey: worker.secretKey,
    clock,
    ...options,
  })

/** A service that answers with who called it. */
const startApi = async (machine: Machine): Promise<Receiver> => {
  const authenticator = createAuthenticator({
    apiUrl: authority.url,
    machineSecretKey: machine.secretKey,
    revocation: null,
    clock,
  })
  return startReceiver(async ({ authorization = '' }) => {
    const request = new Request('http://api.test', { headers: { authorization } })
    const state = await authenticator.authenticate(request, { acceptsToken: 'm2m_token' })
    return state.isAuthenticated ? Response.json(state.toAuth().subject) : state.toResponse()
  })
}

describe.each(['opaque', 'jwt'] as const)('of format %s', (tokenFormat) => {
  test('in a burst of 10,000 calls one token is minted', async () => {
    const { getToken } = sourceOf({ tokenFormat })
    const tokens = await Promise.all(Array.from({ length: 10_000 }, () => getToken()))
    expect(new Set(tokens).size).toBe(1)
    expect(await made()).toBe(1)
    const asApi = createClient({
      apiUrl: authority.url,
      machineSecretKey: api.secretKey ?? '',
      clock,
    })
    await expect(asApi.m2m.verify({ token: tokens[0] ?? '' })).resolves.toMatchObject({
      subject: worker.id,
    })
  })

  test('a call is known at the receiver, with hundreds at once on one token', async () => {
    await using service = await startApi(api)
    const { fetch } = sourceOf({ tokenFormat, origins: [service.url] })
    const responses = await Promise.all(
      Array.from({ length: 300 }, () => fetch(`${service.url}/orders`)),
    )
    for (const response of responses) expect(await response.json()).toBe(worker.id)
    expect(await made()).toBe(1)
  })

  test('a token that has ended is never handed out, nor is one that ends on its way', async () => {
    await using service = await startApi(api)
    const { fetch } = sourceOf({ tokenFormat, origins: [service.url], secondsUntilExpiration: 60 })
    for (let step = 0; step < 40; step++) {
      expect((await fetch(service.url)).status).toBe(200)
      nowMs += 7_000
    }
    expect(service.received).toHaveLength(40)
    expect(await made()).toBeLessThan(12)
  })

  test('narrowed to one receiver a token is of no use at another', async () => {
    await using service = await startApi(api)
    await using elsewhere = await startApi(other)
    const origins = [service.url, elsewhere.url]
    const { fetch, getToken } = sourceOf({ tokenFormat, origins, scopes: [api.id] })
    expect((await fetch(service.url)).status).toBe(200)
    expect((await fetch(elsewhere.url)).status).toBe(401)
    const verified = await admin.m2m.verify({ token: await getToken() })
    expect(verified.scopes).toEqual([api.id])
  })

  test('a machine outside its scopes gets no token, and learns which one was not allowed', async () => {
    const stranger = await admin.machines.create({ name: 'stranger' })
    const { getToken } = sourceOf({ tokenFormat, scopes: [stranger.id, api.id] })
    await expect(getToken()).rejects.toMatchObject({
      code: 'request-refused',
      errors: [
        { code: 'scope_not_granted', longMessage: expect.stringContaining(stranger.id) as string },
      ],
    })
  })

  test('processes with a store create one token', async () => {
    const entries = new Map<string, string>()
    const store: TokenStore = {
      get: (key) => entries.get(key),
      set: (key, value) => entries.set(key, value),
    }
    const first = await sourceOf({ tokenFormat, store }).getToken()
    await expect.poll(() => entries.size).toBe(1)
    for (let number = 0; number < 10; number++) {
      expect(await sourceOf({ tokenFormat, store }).getToken()).toBe(first)
    }
    expect(await made()).toBe(1)
  })
})

test('a revoked token is replaced once by a hundred calls that are refused with it', async () => {
  await using service = await startApi(api)
  const { fetch, getToken } = sourceOf({ origins: [service.url] })
  const first = await getToken()
  const { id } = await admin.m2m.verify({ token: first })
  await admin.m2m.revokeToken({ m2mTokenId: id })
  const init = { method: 'POST', body: 'text' }
  const responses = await Promise.all(
    Array.from({ length: 100 }, () => fetch(`${service.url}/orders`, init)),
  )
  expect(responses.map(({ status }) => status)).toEqual(responses.map(() => 200))
  expect(await made()).toBe(2)
  expect(service.received.every(({ body }) => body === 'text')).toBe(true)
  expect(await getToken()).not.toBe(first)
})

test('with the authority gone calls go on while the token lives, and then fail in bounded time', async () => {
  const gone = await startTestAuthority({ clock: { now: clock } })
  const theirs = createClient({ apiUrl: gone.url, secretKey: gone.secretKey })
  const { secretKey: machineSecretKey } = await theirs.machines.create({ name: 'worker' })
  const { getToken } = sourceOf({
    apiUrl: gone.url,
    machineSecretKey,
    secondsUntilExpiration: 60,
    retry: { retries: 1, backoffMs: 1 },
  })
  const token = await getToken()
  await gone.close()
  nowMs += 54_000
  expect(await getToken()).toBe(token)
  nowMs += 7_000
  await expect(getToken()).rejects.toMatchObject({ code: 'authority-unreachable' })
})

test('its fetch can stand wherever the platform’s is expected', () => {
  const { fetch }: { readonly fetch: typeof globalThis.fetch } = sourceOf()
  expect(fetch).toBeTypeOf('function')
})

test('a request is sent with the length of its body, and a stream as one', async () => {
  await using service = await startApi(api)
  const { fetch } = sourceOf({ origins: [service.url] })
  const method = 'POST'
  await fetch(new Request(service.url, { method, body: 'text' }))
  await fetch(service.url, { method, body: 'text' })
  const body = new Blob(['text']).stream()
  await fetch(service.url, { method, body, duplex: 'half' } as RequestInit)
  expect(service.received.map((one) => one.body)).toEqual(['text', 'text', 'text'])
  expect(service.received.map(({ headers }) => headers['content-length'])).toEqual([
    '4',
    '4',
    undefined,
  ])
})
