import { describe, expect, test } from 'vitest'
import { issuing, type IssuingOptions, unsignedJwt } from '../../testing/issuing.ts'
import {
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  TEST_ISSUER,
  TEST_NOW_MS,
  testId,
} from '../../testing/tokens.ts'
import type { TokenSourceOptions } from './options.ts'
import { createSharedTokens, type TokenStore } from './store.ts'
import { createTokenSource } from './token-source.ts'

const SECRET = machineSecretOf(SENDER)

interface MapStore extends TokenStore {
  readonly entries: Map<string, string>
  readonly lives: number[]
}

const mapStore = (): MapStore => {
  const entries = new Map<string, string>()
  const lives: number[] = []
  return {
    entries,
    lives,
    get: async (key) => entries.get(key),
    async set(key, value, { ttlSeconds }) {
      entries.set(key, value)
      lives.push(ttlSeconds)
    },
  }
}

/** Processes of one machine, or of several, before one authority. */
const network = (issued: Partial<IssuingOptions> = {}) => {
  let nowMs = TEST_NOW_MS
  const clock = (): number => nowMs
  const authority = issuing({ clock, ...issued })
  return {
    authority,
    clock,
    advance: (ms: number): void => {
      nowMs += ms
    },
    source: (options: Partial<TokenSourceOptions>) =>
      createTokenSource({
        apiUrl: TEST_ISSUER,
        machineSecretKey: SECRET,
        fetch: (url, init) => authority.fetch(url, init),
        clock,
        random: () => 0,
        retry: { retries: 0, backoffMs: 0 },
        ...options,
      }),
  }
}

/** What goes on beside the calls needs some turns of the platform's cryptography. */
const written = async (store: MapStore, entries = 1): Promise<void> => {
  while (store.lives.length < entries) await new Promise((resolve) => setTimeout(resolve, 1))
}

describe('processes that share a store', () => {
  test('share a token, and create the next one once', async () => {
    const { source, authority, advance } = network()
    const store = mapStore()
    const first = await source({ store }).getToken()
    await written(store)
    const others = Array.from({ length: 20 }, () => source({ store, random: () => 0.9 }))
    for (const other of others) expect(await other.getToken()).toBe(first)
    expect(authority.asked).toHaveLength(1)
    expect(store.lives).toEqual([60])

    advance(55_000)
    const next = await source({ store }).getToken()
    await written(store, 2)
    for (const other of others) expect(await other.getToken()).toBe(next)
    expect(authority.asked).toHaveLength(2)
  })

  test('renew what they share, the first of them for all', async () => {
    const { source, authority, advance } = network()
    const store = mapStore()
    const early = source({ store })
    await early.getToken()
    await written(store)
    const late = source({ store, random: () => 0.5 })
    await late.getToken()
    advance(43_000)
    await early.getToken()
    await written(store, 2)
    advance(4_000)
    await late.getToken()
    await expect.poll(() => late.getToken()).toBe(authority.given[1])
    expect(authority.asked).toHaveLength(2)
  })

  test('replace a refused token once, and nobody takes the old one back', async () => {
    const { source, authority } = network()
    const store = mapStore()
    const [one, other] = [source({ store }), source({ store })]
    const refused = await one.getToken()
    await written(store)
    expect(await other.getToken()).toBe(refused)
    const [[key = '', old = ''] = []] = store.entries
    one.invalidate(refused)
    const next = await one.getToken()
    await written(store, 2)
    other.invalidate(refused)
    expect(await other.getToken()).toBe(next)
    expect(authority.asked).toHaveLength(2)
    // Whoever writes to the store puts the old one back.
    store.entries.set(key, old)
    one.invalidate(next)
    expect(await one.getToken()).toBe(authority.given[2])
  })

  test('do not take what will end too soon, by whichever clock', async () => {
    for (const skewMs of [0, 50_000, 3_600_000]) {
      const { source, authority, clock } = network()
      const store = mapStore()
      await source({ store }).getToken()
      await written(store)
      const behind = source({ store, clock: () => clock() - 3_600_000 })
      expect(await behind.getToken()).toBe(authority.given[0])
      const ahead = source({ store, clock: () => clock() + skewMs })
      expect(await ahead.getToken()).toBe(authority.given[skewMs === 0 ? 0 : 1])
    }
  })

  test('keep a token without an end for a day', async () => {
    const { source, authority } = network({ lifetimeMs: null })
    const store = mapStore()
    await source({ store }).getToken()
    await written(store)
    expect(store.lives).toEqual([86_400])
    expect(await source({ store }).getToken()).toBe(authority.given[0])
  })

  test.each([
    ['of another machine', { machineSecretKey: machineSecretOf(RECEIVER) }],
    ['of another authority', { apiUrl: 'https://other.test' }],
    ['of another format', { tokenFormat: 'jwt' }],
    ['with other claims', { claims: { a: 1 } }],
    ['for fewer receivers', { scopes: [RECEIVER] }],
    ['with another life', { secondsUntilExpiration: 30 }],
  ] as const)('do not share a token %s', async (_, options) => {
    const { source, authority } = network()
    const store = mapStore()
    const one = await source({ store }).getToken()
    await written(store)
    expect(await source({ store, ...options }).getToken()).not.toBe(one)
    await written(store, 2)
    expect(authority.asked).toHaveLength(2)
    expect(store.entries.size).toBe(2)
  })
})

describe('what a store sees', () => {
  test('is no token, no key of a machine, no claim; and never the same text twice', async () => {
    const { source } = network()
    const [one, other] = [mapStore(), mapStore()]
    const claims = { secret: 'claim-canary' }
    const token = await source({ store: one, claims }).getToken()
    await written(one)
    await source({ store: other, claims }).getToken()
    await written(other)
    const [[key = '', value = ''] = []] = one.entries
    expect([...other.entries.keys()]).toEqual([key])
    expect([...other.entries.values()]).not.toEqual([value])
    expect(key).toMatch(/^countersign:token:[\w-]{22}$/)
    for (const text of [key, value, Buffer.from(value.slice(3), 'base64url').toString('latin1')]) {
      for (const secret of [token, token.slice(3, 20), SECRET, SENDER, 'canary']) {
        expect(text).not.toContain(secret)
      }
    }
  })
})

describe('a store that', () => {
  const never = (): Promise<never> => new Promise(() => undefined)
  const fail = (): never => {
    throw new Error('no store')
  }
  test.each<[string, TokenStore]>([
    ['throws', { get: fail, set: fail }],
    ['rejects', { get: async () => fail(), set: async () => fail() }],
    ['hangs', { get: never, set: never }],
    ['forgets', { get: () => null, set: () => undefined }],
    ['gives back a number', { get: () => 1 as unknown as string, set: fail }],
    ['gives back an object', { get: () => ({ token: 'mt_x' }) as unknown as string, set: fail }],
    ['gives back a bare token', { get: () => opaqueToken(testId('m2mToken', 9)), set: fail }],
    [
      'gives back plain JSON',
      {
        get: () => JSON.stringify({ token: 'mt_x', lifetimeMs: null, expiresAtMs: null }),
        set: fail,
      },
    ],
    ['gives back nothing sealed', { get: () => 'v1.', set: fail }],
    ['gives back zeros', { get: () => `v1.${'A'.repeat(400)}`, set: fail }],
    ['gives back a giant', { get: () => `v1.${'A'.repeat(50_000_000)}`, set: fail }],
  ])('%s costs a token and nothing more', async (_, store) => {
    const { source, authority } = network()
    expect(await source({ store }).getToken()).toBe(authority.given[0])
  })

  test('gives back what was altered in a single bit is not believed', async () => {
    const { source, authority } = network()
    const store = mapStore()
    await source({ store }).getToken()
    await written(store)
    const [[key = '', value = ''] = []] = store.entries
    for (let at = 3; at < value.length - 1; at += 7) {
      const other = value.charAt(at) === 'A' ? 'B' : 'A'
      const altered = value.slice(0, at) + other + value.slice(at + 1)
      const tampered = { get: () => altered, set: () => undefined }
      await source({ store: tampered }).getToken()
    }
    expect(new Set(authority.given).size).toBe(authority.asked.length)
    expect(authority.asked.length).toBeGreaterThan(20)
    expect(key).not.toBe('')
  })

  test('gives back another kind of token under this name is not believed', async () => {
    const { source, authority } = network()
    const store = mapStore()
    // One for all receivers is wider than one for a single one.
    await source({ store }).getToken()
    await written(store)
    const [wide = ''] = store.entries.values()
    const narrow = await source({
      scopes: [RECEIVER],
      store: { get: () => wide, set: () => undefined },
    }).getToken()
    expect(narrow).toBe(authority.given[1])
    expect(authority.asked[1]?.body).toMatchObject({ scopes: [RECEIVER] })
  })
})

test.each([
  [
    'a text that is no token',
    { token: 'garbage', lifetimeMs: 60_000, expiresAtMs: TEST_NOW_MS + 60_000 },
  ],
  ['a JWT', { token: unsignedJwt(1), lifetimeMs: 60_000, expiresAtMs: TEST_NOW_MS + 60_000 }],
  ['one that has expired', { token: 'mt_a', lifetimeMs: 60_000, expiresAtMs: TEST_NOW_MS }],
  ['one that lives for ever, and not', { token: 'mt_a', lifetimeMs: null, expiresAtMs: 1 }],
  ['one without a life', { token: 'mt_a', lifetimeMs: 0, expiresAtMs: TEST_NOW_MS + 60_000 }],
  [
    'one that lives in words',
    { token: 'mt_a', lifetimeMs: '1', expiresAtMs: TEST_NOW_MS + 60_000 },
  ],
])('what an older version has sealed is looked at all the same: %s', async (_, shared) => {
  const { source, authority } = network()
  const store = mapStore()
  const wanted = { tokenFormat: 'opaque', claims: null, secondsUntilExpiration: null }
  const kind = JSON.stringify([TEST_ISSUER, wanted])
  await createSharedTokens(store, SECRET, kind).write(shared as never, 60)
  expect(store.entries.size).toBe(1)
  const good = { token: 'mt_good', lifetimeMs: 60_000, expiresAtMs: TEST_NOW_MS + 60_000 }
  expect(await source({ store }).getToken()).toBe(authority.given[0])
  // And that it was looked at is no accident of its name.
  await written(store, 2)
  await createSharedTokens(store, SECRET, kind).write(good, 60)
  expect(await source({ store }).getToken()).toBe('mt_good')
})
