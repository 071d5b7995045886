import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { issuing, type IssuingOptions } from '../../testing/issuing.ts'
import { broken, json, silent } from '../../testing/scripted-fetch.ts'
import {
  instanceSecret,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  TEST_ISSUER,
  TEST_NOW_MS,
  testId,
} from '../../testing/tokens.ts'
import { createClient } from '../client.ts'
import type { TokenSourceOptions } from './options.ts'
import { createTokenSource } from './token-source.ts'

const SECRET = machineSecretOf(SENDER)

const started = (
  options: Partial<TokenSourceOptions> = {},
  issued: Partial<IssuingOptions> = {},
) => {
  let nowMs = TEST_NOW_MS
  const clock = (): number => nowMs
  const authority = issuing({ clock, ...issued })
  const source = createTokenSource({
    apiUrl: TEST_ISSUER,
    machineSecretKey: SECRET,
    fetch: (url, init) => authority.fetch(url, init),
    clock,
    random: () => 0,
    retry: { retries: 0, backoffMs: 0 },
    ...options,
  })
  const advance = (ms: number): void => {
    nowMs += ms
  }
  return { source, authority, advance }
}

/** Lets what goes on beside the calls come to its end. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

const refusal = (status: number, headers = {}) => json({ errors: [] }, status, headers)

describe('a token', () => {
  test('is created as it is wanted, and carries the key nowhere but in its header', async () => {
    const { source, authority } = started({
      tokenFormat: 'jwt',
      claims: { job: 7 },
      scopes: [RECEIVER, RECEIVER],
      secondsUntilExpiration: 60,
    })
    expect(await source.getToken()).toBe(authority.given[0])
    expect(authority.asked).toMatchObject([
      {
        url: `${TEST_ISSUER}/v1/m2m_tokens`,
        method: 'POST',
        headers: { authorization: `Bearer ${SECRET}` },
        body: {
          token_format: 'jwt',
          claims: { job: 7 },
          scopes: [RECEIVER],
          seconds_until_expiration: 60,
        },
      },
    ])
  })

  test('is opaque, for all receivers, and lives as its machine says, unless told otherwise', async () => {
    const { source, authority } = started()
    await source.getToken()
    expect(authority.asked[0]?.body).toEqual({
      token_format: 'opaque',
      claims: null,
      seconds_until_expiration: null,
    })
  })

  test('is given by a source of a client as well, with its key or another', async () => {
    const authority = issuing({ clock: () => TEST_NOW_MS })
    const { fetch } = authority
    const client = createClient({ apiUrl: TEST_ISSUER, machineSecretKey: SECRET, fetch })
    expect(await client.tokenSource().getToken()).toBe(authority.given[0])
    const other = machineSecretOf(RECEIVER)
    await client.tokenSource({ machineSecretKey: other }).getToken()
    expect(authority.asked[1]?.headers['authorization']).toBe(`Bearer ${other}`)
  })

  test('of which the claims are changed by their owner later is what it was to be', async () => {
    const claims = { job: 7 }
    const { source, authority } = started({ claims })
    claims.job = 8
    await source.getToken()
    expect(authority.asked[0]?.body).toMatchObject({ claims: { job: 7 } })
  })
})

describe('calls to the authority', () => {
  test('are one, however many ask at once and after one another', async () => {
    const { source, authority } = started()
    const tokens = await Promise.all(Array.from({ length: 10_000 }, () => source.getToken()))
    expect(new Set(tokens)).toEqual(new Set(authority.given))
    for (let number = 0; number < 100; number++) await source.getToken()
    expect(authority.asked).toHaveLength(1)
  })

  test('are one when it fails, and all who asked learn of it; the next who asks tries again', async () => {
    const { source, authority } = started()
    authority.answer = refusal(500)
    const asked = await Promise.allSettled(Array.from({ length: 1_000 }, () => source.getToken()))
    expect(authority.asked).toHaveLength(1)
    for (const one of asked) {
      expect(one).toMatchObject({ status: 'rejected', reason: { status: 500 } })
    }
    authority.answer = null
    expect(await source.getToken()).toBe(authority.given[0])
  })

  test('are one after a failure as well: those who ask in the pause wait for its end', async () => {
    const { source, authority } = started({ retry: { retries: 0, backoffMs: 40 } })
    authority.answer = refusal(500)
    await expect(source.getToken()).rejects.toMatchObject({ status: 500 })
    authority.answer = null
    const tokens = await Promise.all(Array.from({ length: 1_000 }, () => source.getToken()))
    expect(new Set(tokens)).toEqual(new Set(authority.given))
    expect(authority.asked).toHaveLength(2)
  })

  test('are repeated within one try, as often as the client may, also when their fate is unknown', async () => {
    const { source, authority } = started({ retry: { retries: 2, backoffMs: 0 } })
    const answers = [broken('ECONNRESET'), refusal(504)]
    authority.answer = (request) => {
      const answer = answers.shift()
      if (answers.length === 0) authority.answer = null
      return (answer ?? silent)(request)
    }
    await expect(source.getToken()).resolves.toMatch(/^mt_/)
    expect(authority.asked).toHaveLength(3)
  })

  test('become fewer while it goes on failing, and nobody waits for long', async () => {
    const { source, authority, advance } = started({ retry: { retries: 0, backoffMs: 4_000 } })
    authority.answer = refusal(500)
    for (const [failures, pauseMs] of [2_000, 4_000, 5_000, 5_000].entries()) {
      await expect(source.getToken()).rejects.toMatchObject({ status: 500 })
      expect(authority.asked).toHaveLength(failures + 1)
      advance(pauseMs - 1_001)
      await expect(source.getToken()).rejects.toMatchObject({ status: 500 })
      expect(authority.asked).toHaveLength(failures + 1)
      advance(1_001)
    }
    authority.answer = null
    expect(await source.getToken()).toBe(authority.given[0])
  })

  test('wait as the authority asks with Retry-After, up to a minute', async () => {
    for (const [asked, pauseMs] of [
      ['20', 20_000],
      ['999999999', 60_000],
    ] as const) {
      const { source, authority, advance } = started()
      authority.answer = refusal(503, { 'retry-after': asked })
      await expect(source.getToken()).rejects.toMatchObject({ status: 503 })
      advance(pauseMs - 2_000)
      await expect(source.getToken()).rejects.toMatchObject({ status: 503 })
      expect(authority.asked).toHaveLength(1)
      authority.answer = null
      advance(2_000)
      await source.getToken()
      expect(authority.asked).toHaveLength(2)
    }
  })

  test('end when it hangs, whatever the network does', async () => {
    const { source, authority } = started({ timeoutMs: 50 })
    authority.answer = silent
    await expect(source.getToken()).rejects.toMatchObject({ code: 'authority-unreachable' })
  })
})

describe('renewal', () => {
  test('begins before the end, at most once at a time, and nobody waits for it', async () => {
    const { source, authority, advance } = started()
    await source.getToken()
    advance(41_999)
    await source.getToken()
    expect(authority.asked).toHaveLength(1)
    advance(1)
    const tokens = await Promise.all(Array.from({ length: 100 }, () => source.getToken()))
    expect(new Set(tokens)).toEqual(new Set([authority.given[0]]))
    await settled()
    expect(authority.asked).toHaveLength(2)
    expect(await source.getToken()).toBe(authority.given[1])
  })

  test('is at another moment in each process', async () => {
    for (const [random, renewAtMs] of [
      [0, 42_000],
      [0.5, 46_500],
      [0.999, 50_991],
    ] as const) {
      const { source, authority, advance } = started({ random: () => random })
      await source.getToken()
      advance(renewAtMs - 1)
      await source.getToken()
      await settled()
      expect(authority.asked).toHaveLength(1)
      advance(1)
      await source.getToken()
      await settled()
      expect(authority.asked).toHaveLength(2)
    }
  })

  test('that fails leaves the old token in use while it lives, and not a moment longer', async () => {
    const { source, authority, advance } = started()
    const first = await source.getToken()
    authority.answer = refusal(500)
    for (const ms of [45_000, 9_999, 1, 4_999]) {
      advance(ms)
      expect(await source.getToken()).toBe(first)
      await settled()
    }
    advance(1)
    await expect(source.getToken()).rejects.toMatchObject({ status: 500 })
    authority.answer = null
    expect(await source.getToken()).toBe(authority.given[1])
  })

  test('is waited for when the token could expire on its way', async () => {
    const { source, authority, advance } = started()
    await source.getToken()
    advance(55_000)
    expect(await source.getToken()).toBe(authority.given[1])
  })

  test('goes on after the call in which it began, where the platform must be told', async () => {
    const works: Promise<unknown>[] = []
    const { source, advance } = started({ waitUntil: (work) => works.push(work) })
    await source.getToken()
    expect(works).toHaveLength(0)
    advance(50_000)
    await source.getToken()
    expect(works).toHaveLength(1)
    await expect(works[0]).resolves.toBeDefined()
  })

  test('never comes for a token without an end', async () => {
    const { source, authority, advance } = started({}, { lifetimeMs: null })
    await source.getToken()
    advance(10 * 365 * 86_400_000)
    expect(await source.getToken()).toBe(authority.given[0])
  })
})

describe('the clock of this machine', () => {
  test('may be wrong: how long a token lives is the authority’s to say', async () => {
    for (const skewMs of [-3_600_000, 3_600_000]) {
      const { source, authority, advance } = started({}, { clock: () => TEST_NOW_MS + skewMs })
      await source.getToken()
      advance(41_000)
      expect(await source.getToken()).toBe(authority.given[0])
      await settled()
      expect(authority.asked).toHaveLength(1)
      advance(20_000)
      expect(await source.getToken()).toBe(authority.given[1])
    }
  })

  test('may be set back, and no token lives longer for it', async () => {
    const { source, authority, advance } = started()
    await source.getToken()
    advance(30_000)
    await source.getToken()
    advance(-3_600_000)
    await source.getToken()
    advance(31_000)
    expect(await source.getToken()).toBe(authority.given[1])
  })
})

test('a clock that was ahead during a failure does not make the pause after it longer', async () => {
  const { source, authority, advance } = started({ retry: { retries: 0, backoffMs: 4_000 } })
  advance(3_600_000)
  authority.answer = refusal(500)
  await expect(source.getToken()).rejects.toMatchObject({ status: 500 })
  advance(-3_600_000)
  await expect(source.getToken()).rejects.toMatchObject({ status: 500 })
  expect(authority.asked).toHaveLength(1)
  advance(2_000)
  authority.answer = null
  expect(await source.getToken()).toBe(authority.given[0])
})

describe('a token that was refused', () => {
  test('is not handed out again, and one is created in its place', async () => {
    const { source, authority } = started()
    const first = await source.getToken()
    source.invalidate(first)
    source.invalidate(first)
    const tokens = await Promise.all(Array.from({ length: 100 }, () => source.getToken()))
    expect(new Set(tokens)).toEqual(new Set([authority.given[1]]))
    expect(authority.asked).toHaveLength(2)
  })

  test('is not handed out either when there is no other, whatever else is refused meanwhile', async () => {
    const { source, authority } = started()
    source.invalidate(await source.getToken())
    authority.answer = refusal(503)
    for (let number = 0; number < 100; number++) source.invalidate(`mt_${number}`)
    await expect(source.getToken()).rejects.toMatchObject({ status: 503 })
  })

  test('and that is not the one in use changes nothing', async () => {
    const { source, authority } = started()
    const first = await source.getToken()
    source.invalidate(first)
    const second = await source.getToken()
    source.invalidate(first)
    source.invalidate('mt_somebody-else')
    expect(await source.getToken()).toBe(second)
    expect(authority.asked).toHaveLength(2)
  })

  test('by somebody who refuses all does not have the authority flooded', async () => {
    const { source, authority } = started({ retry: { retries: 2, backoffMs: 10_000 } })
    const begin = performance.now()
    for (let number = 0; number < 3; number++) source.invalidate(await source.getToken())
    expect(authority.asked).toHaveLength(3)
    // The first two follow at once; then there is a pause, but none so long that a call would fail.
    expect(performance.now() - begin).toBeGreaterThan(400)
  })
})

describe('an answer that is no such token is an error', () => {
  test.each([
    ['a JWT where an opaque token was asked for', { token: 'e30.e30.AA' }],
    ['a token that would break out of its header', { token: 'mt_a\r\nx-admin: 1' }],
    ['a token that is two', { token: 'mt_a mt_b' }],
    ['a giant', { token: `mt_${'a'.repeat(20_000)}` }],
    ['another credential', { token: SECRET }],
    ['no token', { token: undefined }],
    ['a token that was revoked', { revoked: true }],
    ['a token that has expired', { expired: true }],
    ['a token that ends before it begins', { expiration: 1 }],
    ['an API key', { object: 'api_key' }],
  ])('%s', async (_, more) => {
    const { source } = started({}, { more })
    await expect(source.getToken()).rejects.toMatchObject({ code: 'answer-unexpected' })
  })

  test('an opaque token, or a JWT of another class, where a JWT was asked for', async () => {
    for (const token of [opaqueToken(testId('m2mToken', 1)), 'e30.e30.AA']) {
      const { source } = started({ tokenFormat: 'jwt' }, { more: { token } })
      await expect(source.getToken()).rejects.toMatchObject({ code: 'answer-unexpected' })
    }
  })

  test('a token that reaches further than was asked for, or less far', async () => {
    for (const scopes of [[RECEIVER, SENDER], [SENDER], [], undefined]) {
      const { source } = started({ scopes: [RECEIVER] }, { more: { scopes } })
      await expect(source.getToken()).rejects.toMatchObject({ code: 'answer-unexpected' })
    }
  })

  test('a token that is dead on arrival; and it is not asked for without end', async () => {
    const { source, authority, advance } = started({ retry: { retries: 0, backoffMs: 60_000 } })
    authority.answer = (request) => {
      authority.answer = null
      advance(60_000)
      return json({ ...tokenOf(TEST_NOW_MS) }, 201)(request)
    }
    await expect(source.getToken()).rejects.toMatchObject({ code: 'answer-unexpected' })
    await expect(source.getToken()).rejects.toMatchObject({ code: 'answer-unexpected' })
    expect(authority.asked).toHaveLength(1)
  })
})

const tokenOf = (createdAt: number) => ({
  object: 'machine_to_machine_token',
  id: testId('m2mToken', 1),
  subject: SENDER,
  scopes: [RECEIVER],
  claims: null,
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: createdAt + 60_000,
  created_at: createdAt,
  updated_at: createdAt,
  token: opaqueToken(testId('m2mToken', 1)),
})

describe('a signal', () => {
  test('ends the waiting of its caller with its own reason, and of no other', async () => {
    const { source, authority } = started()
    let answer: (response: Response) => void = () => undefined
    authority.answer = () => new Promise((resolve) => (answer = resolve))
    const controller = new AbortController()
    const ended = source.getToken({ signal: controller.signal })
    const other = source.getToken()
    await settled()
    const reason = new Error('no longer wanted')
    controller.abort(reason)
    await expect(ended).rejects.toBe(reason)
    answer(await json(tokenOf(TEST_NOW_MS), 201)(authority.asked[0] as never))
    await expect(other).resolves.toMatch(/^mt_/)
    expect(authority.asked).toHaveLength(1)
  })

  test('that was given before ends it before anything is asked', async () => {
    const { source, authority } = started()
    const signal = AbortSignal.abort()
    await expect(source.getToken({ signal })).rejects.toBe(signal.reason)
    expect(authority.asked).toHaveLength(0)
  })

  test('ends a pause as well', async () => {
    const { source, authority } = started({ retry: { retries: 0, backoffMs: 1_900 } })
    authority.answer = refusal(500)
    await expect(source.getToken()).rejects.toMatchObject({ status: 500 })
    const signal = AbortSignal.timeout(5)
    await expect(source.getToken({ signal })).rejects.toMatchObject({ name: 'TimeoutError' })
    expect(authority.asked).toHaveLength(1)
  })
})

describe('options', () => {
  test.each([
    ['apiUrl', { apiUrl: 'authority.test' }],
    ['machineSecretKey', { machineSecretKey: undefined }],
    ['machineSecretKey', { machineSecretKey: '' }],
    ['machineSecretKey', { machineSecretKey: instanceSecret() }],
    ['tokenFormat', { tokenFormat: 'JWT' }],
    ['claims', { claims: [] }],
    ['claims', { claims: 'text' }],
    ['claims', { claims: { big: 1n } }],
    ['scopes', { scopes: [] }],
    ['scopes', { scopes: RECEIVER }],
    ['scopes', { scopes: ['api'] }],
    ['scopes', { scopes: [1] }],
    ['secondsUntilExpiration', { secondsUntilExpiration: 0 }],
    ['secondsUntilExpiration', { secondsUntilExpiration: Number.NaN }],
    ['secondsUntilExpiration', { secondsUntilExpiration: '60' }],
    ['secondsUntilExpiration', { secondsUntilExpiration: Infinity }],
    ['origins', { origins: [] }],
    ['origins', { origins: ['https://api.test/path'] }],
    ['store', { store: null }],
    ['store', { store: {} }],
    ['store', { store: { get: () => null } }],
    ['waitUntil', { waitUntil: 1 }],
    ['timeoutMs', { timeoutMs: 0 }],
  ])('of a wrong %s is told when the source is made', (name, options) => {
    expect(() => started(options as unknown as Partial<TokenSourceOptions>)).toThrow(
      expect.objectContaining({
        code: 'configuration-invalid',
        expected: expect.stringContaining(name) as string,
      }) as Error,
    )
  })
})

test('neither key nor token is in anything that can be printed', async () => {
  const { source, authority } = started({ claims: { secret: 'claim-canary' } })
  const token = await source.getToken()
  authority.answer = ({ headers, body }) =>
    json(
      { errors: [{ code: 'x', message: JSON.stringify({ headers, body }) }] },
      500,
    )(authority.asked[0] as never)
  source.invalidate(token)
  const error: unknown = await source.getToken().catch((thrown: unknown) => thrown)
  const told = [source, error].flatMap((one) => [
    inspect(one, { depth: 10, showHidden: true }),
    String(one),
    JSON.stringify(one),
  ])
  for (const text of told) {
    for (const secret of [SECRET, token]) expect(text).not.toContain(secret)
  }
})
