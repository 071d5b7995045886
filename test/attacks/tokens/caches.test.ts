import { authenticateRequest, verifyM2MJwt } from 'countersign'
import { createVerifier, type Fetch } from 'countersign/verify'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Answer,
  json,
  scriptedFetch,
} from '../../../packages/sdk/src/testing/scripted-fetch.ts'
import {
  createTestKey,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  machineSecretOf,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
  type TestKey,
} from '../../../packages/sdk/src/testing/tokens.ts'
import { ec, JWKS, rsa } from './doors.ts'

/** What is kept between two verifications, and whom it could serve. */

const OTHER_ISSUER = 'https://other.test'
const theirs = await createTestKey('ES256', 'ec')

const set = (...keys: TestKey[]): Answer => json({ keys: keys.map(({ publicJwk }) => publicJwk) })

const LONG = { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 86_400 }

const codeOf = async (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'accepted',
    (error: unknown) => String((error as { code?: unknown }).code ?? error),
  )

const remote = (fetch: Fetch, clock: () => number = () => TEST_NOW_MS) =>
  createVerifier({ issuer: TEST_ISSUER, audience: RECEIVER, fetch, clock })

describe('two issuers with a key of one kid never verify each other’s tokens (Clerk #9394)', () => {
  const issuers = [
    [TEST_ISSUER, ec],
    [OTHER_ISSUER, theirs],
  ] as const
  const { fetch } = scriptedFetch((request) => {
    const key = request.url.startsWith(OTHER_ISSUER) ? theirs : ec
    return set(key)(request)
  })
  const options = (issuer: string) => ({
    issuer,
    audience: RECEIVER,
    fetch,
    clock: () => TEST_NOW_MS,
  })
  const verifiers = issuers.map(([issuer]) => createVerifier(options(issuer)))

  const doors: readonly [string, (at: number, token: string) => Promise<string>][] = [
    [
      'verifiers',
      (at, token) => codeOf(verifiers[at]?.verify(token) ?? Promise.reject(new Error())),
    ],
    ['verifyM2MJwt', (at, token) => codeOf(verifyM2MJwt(token, options(issuers[at]?.[0] ?? '')))],
    [
      'authenticateRequest',
      async (at, token) => {
        const request = new Request('https://api.test', {
          headers: { authorization: `Bearer ${token}` },
        })
        const { issuer, ...rest } = options(issuers[at]?.[0] ?? '')
        const state = await authenticateRequest(request, {
          ...rest,
          apiUrl: issuer,
          machineSecretKey: machineSecretOf(RECEIVER),
          acceptsToken: 'm2m_token',
        })
        return state.isAuthenticated ? 'accepted' : (state.error?.code ?? state.reason)
      },
    ],
  ]

  test.each(doors)('by %s, cold, warm and at once', async (_, verify) => {
    for (const round of [1, 2, 3]) {
      const tries = issuers.flatMap(([iss], at) =>
        issuers.map(async ([, key], of) => {
          const token = await signToken(key, { ...GOOD_PAYLOAD, iss })
          const expected = at === of ? 'accepted' : 'token-signature-invalid'
          expect(await verify(at, token), `round ${round}: issuer ${at}, key ${of}`).toBe(expected)
        }),
      )
      await Promise.all(tries)
    }
  })
})

test('equal options share one verifier, and others never: not by audience, keys or fetch', async () => {
  const token = await signToken(ec)
  const base = { issuer: TEST_ISSUER, clock: () => TEST_NOW_MS }
  const mine = { ...base, audience: RECEIVER }
  expect(await codeOf(verifyM2MJwt(token, { ...mine, jwks: JWKS }))).toBe('accepted')
  expect(await codeOf(verifyM2MJwt(token, { ...base, audience: SENDER, jwks: JWKS }))).toBe(
    'token-audience-mismatch',
  )
  expect(await codeOf(verifyM2MJwt(token, { ...base, audience: null, jwks: JWKS }))).toBe(
    'accepted',
  )
  for (const audience of [Number.NaN, undefined, 0, false, Symbol('any'), () => null]) {
    const odd = { ...base, audience: audience as unknown as null, jwks: JWKS }
    expect(await codeOf(verifyM2MJwt(token, odd)), String(audience)).toBe('configuration-invalid')
  }
  const stranger = { keys: [theirs.publicJwk] }
  expect(await codeOf(verifyM2MJwt(token, { ...mine, jwks: stranger }))).toBe(
    'token-signature-invalid',
  )
  const down: Fetch = () => Promise.reject(new TypeError('down'))
  expect(await codeOf(verifyM2MJwt(token, { ...mine, fetch: down }))).toBe('keys-unavailable')
})

test('a thousand cold verifications fetch once', async () => {
  const server = scriptedFetch(set(ec))
  const { verify } = remote(server.fetch)
  const token = await signToken(ec)
  await Promise.all(Array.from({ length: 1_000 }, () => verify(token)))
  expect(server.sent).toHaveLength(1)
})

test('in a flood of unknown kids a key that is really new is found within the cool-down (Engram #1641)', async () => {
  const clock = { now: TEST_NOW_MS }
  let isPublished = false
  const fresh = await createTestKey('ES256', 'fresh')
  const server = scriptedFetch((request) => set(...(isPublished ? [ec, fresh] : [ec]))(request))
  const { verify } = remote(server.fetch, () => clock.now)
  const known = await signToken(ec, LONG)
  await verify(known)
  isPublished = true
  const wanted = await signToken(fresh, LONG)
  let foundAfterMs: number | null = null
  for (let step = 0; step < 600 && foundAfterMs === null; step++) {
    clock.now += 100
    const kid = `random-${step}`
    const flood = await signToken(ec, LONG, { ...headerOf(ec), kid })
    expect(await codeOf(verify(flood))).toBe('token-key-unknown')
    expect(await codeOf(verify(known))).toBe('accepted')
    if ((await codeOf(verify(wanted))) === 'accepted') foundAfterMs = (step + 1) * 100
  }
  expect(foundAfterMs).not.toBeNull()
  expect(foundAfterMs ?? 0).toBeLessThanOrEqual(30_000)
  expect(server.sent.length).toBeLessThanOrEqual(3)
})

describe('a key set that', () => {
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(65_536).fill(0x20))
      },
    })
  const type = { headers: { 'content-type': 'application/json' } }

  test.each<[string, Answer]>([
    ['turns to HTML', () => new Response('<html>', { headers: { 'content-type': 'text/html' } })],
    ['is HTML that says it is JSON', () => new Response('<html>', type)],
    [
      'redirects',
      () => new Response(null, { status: 302, headers: { location: 'https://x.test' } }),
    ],
    ['never ends', () => new Response(endless(), type)],
    ['is gone', json({ error: 'not found' }, 404)],
    ['breaks down', json({}, 500)],
    ['is an array', json([])],
    ['has no keys', json({ keys: { rsa: rsa.publicJwk } })],
    ['is empty', () => new Response('', type)],
    ['says nothing', () => new Response(null, { status: 204 })],
    ['is no UTF-8', () => new Response(Uint8Array.of(0x7b, 0xff, 0x7d), type)],
  ])('%s is none, and the one before it goes on serving', async (_, answer) => {
    const clock = { now: TEST_NOW_MS }
    const cold = remote(scriptedFetch(answer).fetch)
    expect(await codeOf(cold.verify(await signToken(ec)))).toBe('keys-unavailable')

    const server = scriptedFetch(set(ec), answer)
    const warm = remote(server.fetch, () => clock.now)
    const token = await signToken(ec, { ...LONG, exp: TEST_NOW_MS / 1000 + 200_000 })
    await warm.verify(token)
    for (let hour = 0; hour < 23; hour++) {
      clock.now += 3_600_000
      expect(await codeOf(warm.verify(token)), `after ${hour + 1} h`).toBe('accepted')
    }
    clock.now += 3_600_001
    expect(await codeOf(warm.verify(token))).toBe('keys-unavailable')
  })

  test('shrinks ends the keys that are gone, and one that grows adds what is new', async () => {
    const clock = { now: TEST_NOW_MS }
    const server = scriptedFetch(set(ec, rsa), set(rsa), set(rsa, ec))
    const { verify } = remote(server.fetch, () => clock.now)
    const token = await signToken(ec, LONG)
    expect(await codeOf(verify(token))).toBe('accepted')
    clock.now += 301_000
    expect(await codeOf(verify(token))).toBe('token-key-unknown')
    clock.now += 31_000
    expect(await codeOf(verify(token))).toBe('accepted')
  })
})

test('what a verifier remembers changes no verdict, whatever the clock does (fast-jwt GHSA-rp9m-7r4c-75qg)', async () => {
  const good = await signToken(ec)
  const [head = '', , signature = ''] = good.split('.')
  const tokens = [
    good,
    await signToken(ec, { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 5 }),
    await signToken(ec, { ...GOOD_PAYLOAD, aud: [SENDER] }),
    await signToken(rsa),
    `${head}.${encodePart({ ...GOOD_PAYLOAD, exp: 9_999_999_999 })}.${signature}`,
    await signToken(ec, GOOD_PAYLOAD, { ...headerOf(ec), kid: 'ed' }),
  ]
  const step = fc.tuple(fc.nat(tokens.length - 1), fc.integer({ min: -120, max: 120 }))
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      let now = TEST_NOW_MS
      const base = { issuer: TEST_ISSUER, audience: RECEIVER, jwks: JWKS, clock: () => now }
      const old = createVerifier(base)
      for (const [at, seconds] of steps) {
        now = TEST_NOW_MS + seconds * 1000
        const token = tokens[at] ?? ''
        const [first, second] = await Promise.allSettled([
          old.verify(token),
          createVerifier({ ...base, cacheSize: 0 }).verify(token),
        ])
        expect(first).toEqual(second)
      }
    }),
    { numRuns: 50 },
  )
})

describe('what fails never lets anybody in (next-auth GHSA-8fpg-xm3f-6cx3)', () => {
  test.each<[string, () => number]>([
    [
      'a clock that throws',
      () => {
        throw new Error('no time')
      },
    ],
    ['a clock that knows no time', () => Number.NaN],
    ['a clock that says nothing', () => undefined as unknown as number],
  ])('%s', async (_, clock) => {
    const options = { issuer: TEST_ISSUER, audience: RECEIVER, jwks: JWKS, clock }
    expect(await codeOf(createVerifier(options).verify(await signToken(ec)))).not.toBe('accepted')
  })

  test.each<[string, () => Promise<Response>]>([
    ['throws', () => Promise.reject(new Error('down'))],
    [
      'throws at once',
      () => {
        throw new Error('down')
      },
    ],
    ['answers nothing', async () => undefined as unknown as Response],
    ['answers no response', async () => ({ status: 200 }) as Response],
    ['gives no promise', () => 1 as unknown as Promise<Response>],
  ])('a fetch that %s', async (_, fetch) => {
    expect(await codeOf(remote(fetch).verify(await signToken(ec)))).toBe('keys-unavailable')
  })
})
