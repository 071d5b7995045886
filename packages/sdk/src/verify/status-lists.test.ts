import { describe, expect, test } from 'vitest'
import { json, scriptedFetch, type SentRequest } from '../testing/scripted-fetch.ts'
import {
  LIST_URI,
  listAnswer,
  type ListContent,
  signStatusList,
  statusOf,
} from '../testing/status-lists.ts'
import {
  createTestKey,
  GOOD_PAYLOAD,
  RECEIVER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import { isCountersignError } from '../token/errors.ts'
import { createVerifier } from './verifier.ts'

const key = await createTestKey('ES256', 'key')
const jwks = { keys: [key.publicJwk] }
const HOUR = { exp: TEST_NOW_MS / 1000 + 86_400 }

const tokenAt = (idx: unknown, uri?: unknown): Promise<string> =>
  signToken(key, { ...GOOD_PAYLOAD, ...HOUR, status: statusOf(idx, uri) })

/** A verifier and an issuer whose lists are signed when they are asked for, with a clock for both. */
const started = (options: object = {}) => {
  const clock = { now: TEST_NOW_MS }
  const beside: Promise<unknown>[] = []
  const state: {
    content: ListContent
    answer: ((request: SentRequest) => Promise<Response>) | null
  } = { content: {}, answer: null }
  const serve = async (request: SentRequest): Promise<Response> => {
    if (state.answer !== null) return state.answer(request)
    const iat = Math.floor(clock.now / 1000)
    const payload = { sub: request.url, iat, exp: iat + 3_600, ...state.content.payload }
    return listAnswer(await signStatusList(key, { ...state.content, payload }))
  }
  const server = scriptedFetch(serve)
  const verifier = createVerifier({
    issuer: TEST_ISSUER,
    audience: RECEIVER,
    jwks,
    fetch: server.fetch,
    clock: () => clock.now,
    waitUntil: (work: Promise<unknown>) => beside.push(work),
    ...options,
  })
  const verdict = async (token: string): Promise<string> => {
    try {
      await verifier.verify(token)
      return 'accepted'
    } catch (error) {
      return isCountersignError(error) ? error.code : String(error)
    }
  }
  const down = (): void => {
    state.answer = () => Promise.reject(new TypeError('down'))
  }
  /** Lets what goes on beside an answer come to its end. */
  const settle = () => Promise.all(beside.splice(0))
  return { verifier, clock, state, sent: server.sent, verdict, down, settle }
}

test('a token whose place in its list is set is refused, and others are not', async () => {
  const { state, verdict } = started()
  state.content = { revoked: [3, 63] }
  expect(await verdict(await tokenAt(2))).toBe('accepted')
  expect(await verdict(await tokenAt(3))).toBe('token-revoked')
  expect(await verdict(await tokenAt(63))).toBe('token-revoked')
})

test('a token without a status passes, and nobody is asked', async () => {
  const { verdict, sent } = started()
  expect(await verdict(await signToken(key))).toBe('accepted')
  expect(sent).toEqual([])
})

test('with revocation: null a status is not looked at', async () => {
  const { verdict, sent } = started({ revocation: null })
  expect(await verdict(await tokenAt(3))).toBe('accepted')
  expect(await verdict(await tokenAt('nonsense'))).toBe('accepted')
  expect(sent).toEqual([])
})

test('every status but 0 is a refusal, in lists of more bits too', async () => {
  const { state, verdict } = started()
  const { deflated } = await import('../testing/status-lists.ts')
  const lst = await deflated(Uint8Array.of(0b11_10_01_00))
  state.content = { payload: { status_list: { bits: 2, lst } } }
  for (const [idx, expected] of [
    'accepted',
    'token-revoked',
    'token-revoked',
    'token-revoked',
  ].entries()) {
    expect(await verdict(await tokenAt(idx))).toBe(expected)
  }
})

test('a list is fetched once for a thousand tokens, and not again while it is young', async () => {
  const { verdict, sent, clock, settle } = started()
  const tokens = await Promise.all(Array.from({ length: 64 }, (_, idx) => tokenAt(idx)))
  const many = Array.from({ length: 1_000 }, (_, index) => tokens[index % 64] ?? '')
  expect(new Set(await Promise.all(many.map(verdict)))).toEqual(new Set(['accepted']))
  clock.now += 8_999
  await verdict(tokens[0] ?? '')
  await settle()
  expect(sent.map(({ url }) => url)).toEqual([LIST_URI])
  expect(sent[0]?.headers).toEqual({ accept: 'application/statuslist+jwt' })
})

test('a list is refreshed beside a verification before its ttl is over', async () => {
  const { verdict, sent, clock, state, settle } = started()
  const token = await tokenAt(3)
  await verdict(token)
  state.content = { revoked: [3] }
  clock.now += 9_000
  expect(await verdict(token)).toBe('accepted')
  await settle()
  expect(sent).toHaveLength(2)
  expect(await verdict(token)).toBe('token-revoked')
})

test('a revocation is known when the ttl is over, also to a verifier that was idle and to its cache', async () => {
  const { verdict, clock, state } = started()
  const token = await tokenAt(3)
  for (let time = 0; time < 5; time++) expect(await verdict(token)).toBe('accepted')
  state.content = { revoked: [3] }
  clock.now += 15_000
  expect(await verdict(token)).toBe('token-revoked')
})

test('a copy that a cache has kept is as old as it was signed', async () => {
  const { verdict, clock, state, sent } = started()
  state.content = { payload: { iat: TEST_NOW_MS / 1000 - 15 } }
  const token = await tokenAt(3)
  expect(await verdict(token)).toBe('accepted')
  state.content = { revoked: [3] }
  clock.now += 5_000
  expect(await verdict(token)).toBe('token-revoked')
  expect(sent).toHaveLength(2)
})

test('a copy that is too old is as good as none, though it was only now fetched', async () => {
  const { verdict, clock, state } = started()
  const token = await tokenAt(3)
  state.content = { payload: { iat: TEST_NOW_MS / 1000 } }
  clock.now += 299_999
  expect(await verdict(token)).toBe('accepted')
  clock.now += 5_000
  expect(await verdict(token)).toBe('status-unavailable')
  const late = started()
  late.state.content = { payload: { iat: TEST_NOW_MS / 1000 - 300 } }
  expect(await late.verdict(token)).toBe('status-unavailable')
})

test('a list by a key that has just taken the place of a revoked one is read at once, once for each look', async () => {
  const next = await createTestKey('ES256', 'next')
  let published = [key]
  let signer = key
  let revoked: readonly number[] = []
  const { clock, state, sent, verdict } = started({ jwks: undefined })
  state.answer = async (request) => {
    const { url } = request
    if (url.endsWith('/jwks.json')) {
      return json({ keys: published.map(({ publicJwk }) => publicJwk) })(request)
    }
    const iat = Math.floor(clock.now / 1000)
    const payload = { sub: url, iat, exp: iat + 3_600 }
    return listAnswer(await signStatusList(signer, { revoked, payload }))
  }
  expect(await verdict(await tokenAt(3))).toBe('accepted')
  // Within the cool-down of the key set, which strangers could use up otherwise.
  clock.now += 15_000
  published = [key, next]
  signer = next
  revoked = [4]
  expect(await verdict(await tokenAt(4))).toBe('token-revoked')
  const keySets = () => sent.filter(({ url }) => url.endsWith('/jwks.json')).length
  expect(keySets()).toBe(2)
  // One that is not published at all is no list, and is not asked about by each token.
  clock.now += 15_000
  signer = await createTestKey('ES256', 'nobody')
  for (const idx of [3, 3, 3]) expect(await verdict(await tokenAt(idx))).toBe('accepted')
  expect(keySets()).toBe(3)
})

test('an older list never takes the place of a younger one', async () => {
  const { verdict, clock, state } = started()
  const token = await tokenAt(3)
  state.content = { revoked: [3] }
  expect(await verdict(token)).toBe('token-revoked')
  clock.now += 15_000
  state.content = { payload: { iat: TEST_NOW_MS / 1000 - 1 } }
  expect(await verdict(token)).toBe('token-revoked')
})

test('of two lists that were made in the same second the later answer counts', async () => {
  const { verdict, clock, state, settle } = started()
  const iat = TEST_NOW_MS / 1000
  state.content = { payload: { iat } }
  const token = await tokenAt(3)
  expect(await verdict(token)).toBe('accepted')
  state.content = { payload: { iat }, revoked: [3] }
  clock.now += 9_000
  await verdict(token)
  await settle()
  expect(await verdict(token)).toBe('token-revoked')
})

describe('while nothing is to be had', () => {
  test('a list is gone on with until it is too old, and then tokens are refused', async () => {
    const { verdict, clock, down, settle } = started()
    const token = await tokenAt(3)
    await verdict(token)
    down()
    for (let second = 0; second < 299; second += 13) {
      clock.now = TEST_NOW_MS + second * 1000
      expect(await verdict(token)).toBe('accepted')
      await settle()
    }
    clock.now = TEST_NOW_MS + 300_000
    expect(await verdict(token)).toBe('status-unavailable')
  })

  test('it is asked for now and then, and no oftener, whatever comes', async () => {
    const { verdict, clock, down, sent, settle } = started()
    const token = await tokenAt(3)
    await verdict(token)
    down()
    for (let tick = 0; tick < 600; tick++) {
      clock.now = TEST_NOW_MS + tick * 100
      await verdict(token)
    }
    await settle()
    expect(sent.length).toBeGreaterThan(5)
    expect(sent.length).toBeLessThanOrEqual(1 + 60 / 5 + 1)
  })

  test('it goes on as long as it is told, and accepts when it is told', async () => {
    const strict = started({ revocation: { maxStaleSeconds: 20 } })
    const lenient = started({ revocation: { maxStaleSeconds: 20, whenUnavailable: 'accept' } })
    for (const { verdict, clock, down } of [strict, lenient]) {
      const token = await tokenAt(3)
      await verdict(token)
      down()
      clock.now += 19_999
      expect(await verdict(token)).toBe('accepted')
      clock.now += 1
    }
    expect(await strict.verdict(await tokenAt(3))).toBe('status-unavailable')
    expect(await lenient.verdict(await tokenAt(3))).toBe('accepted')
    expect(await lenient.verdict(await tokenAt(-1))).toBe('token-claim-invalid')
  })

  test('a list that has expired is not gone on with', async () => {
    const { verdict, clock, state, down } = started()
    state.content = { payload: { exp: TEST_NOW_MS / 1000 + 30 } }
    const token = await tokenAt(3)
    expect(await verdict(token)).toBe('accepted')
    down()
    clock.now += 30_000
    expect(await verdict(token)).toBe('status-unavailable')
  })

  test('a verifier that knows no list refuses, unless it is told otherwise, and recovers', async () => {
    const { verdict, clock, state, down, verifier } = started()
    down()
    expect(await verdict(await tokenAt(3))).toBe('status-unavailable')
    expect(verifier.isReady()).toBe(false)
    state.answer = null
    clock.now += 1_000
    expect(await verdict(await tokenAt(3))).toBe('accepted')
    expect(verifier.isReady()).toBe(true)
    const lenient = started({ revocation: { whenUnavailable: 'accept' } })
    lenient.down()
    expect(await lenient.verdict(await tokenAt(3))).toBe('accepted')
    expect(lenient.verifier.isReady()).toBe(true)
  })

  test('it is not asked by each token either, where there never was a list', async () => {
    const { verdict, sent, down, clock } = started()
    down()
    for (let count = 0; count < 50; count++) {
      expect(await verdict(await tokenAt(3))).toBe('status-unavailable')
    }
    expect(sent).toHaveLength(1)
    clock.now += 1_000
    for (let count = 0; count < 50; count++) await verdict(await tokenAt(3))
    expect(sent).toHaveLength(2)
  })
})

describe('warming', () => {
  const remote = { jwks: undefined, jwksUri: `${TEST_ISSUER}/keys` }
  const answers =
    (uris: readonly string[] | null, list: () => Promise<Response>) =>
    async (request: SentRequest): Promise<Response> => {
      if (request.url === remote.jwksUri) return json(jwks)(request)
      if (request.url !== `${TEST_ISSUER}/status-lists`) return list()
      return uris === null
        ? new Response(null, { status: 404 })
        : json({ status_lists: uris })(request)
    }

  test('fetches every list that the issuer names, and a token costs nothing then', async () => {
    const { verifier, state, sent, verdict } = started(remote)
    state.answer = answers([LIST_URI], async () => listAnswer(await signStatusList(key)))
    expect(verifier.isReady()).toBe(false)
    await verifier.warm()
    expect(verifier.isReady()).toBe(true)
    expect(sent).toHaveLength(3)
    expect(await verdict(await tokenAt(3))).toBe('accepted')
    expect(sent).toHaveLength(3)
  })

  test('says when a list is not to be had, and is content where none are named', async () => {
    const broken = started(remote)
    broken.state.answer = answers([LIST_URI], async () => new Response(null, { status: 500 }))
    await expect(broken.verifier.warm()).rejects.toMatchObject({
      message: `status-unavailable: expected the status lists of ${TEST_ISSUER}`,
    })
    expect(broken.verifier.isReady()).toBe(false)
    const other = started(remote)
    other.state.answer = answers(null, async () => new Response(null, { status: 404 }))
    await other.verifier.warm()
    expect(other.verifier.isReady()).toBe(true)
    const lenient = started({ ...remote, revocation: { whenUnavailable: 'accept' } })
    lenient.state.answer = answers([LIST_URI], async () => new Response(null, { status: 500 }))
    await lenient.verifier.warm()
  })

  test('fetches nothing from elsewhere, whatever the issuer names', async () => {
    const { verifier, state, sent } = started(remote)
    state.answer = answers(['https://evil.test/list'], async () => new Response())
    await expect(verifier.warm()).rejects.toMatchObject({ code: 'status-unavailable' })
    expect(sent.every(({ url }) => url.startsWith(`${TEST_ISSUER}/`))).toBe(true)
  })
})

test('of ten thousand lists only so many are kept', async () => {
  const { verdict, sent } = started()
  const uriOf = (number: number): string => `${TEST_ISSUER}/status-lists/${number}`
  for (let number = 0; number < 300; number++) {
    expect(await verdict(await tokenAt(1, uriOf(number)))).toBe('accepted')
  }
  expect(await verdict(await tokenAt(1, uriOf(299)))).toBe('accepted')
  expect(sent).toHaveLength(300)
  expect(await verdict(await tokenAt(1, uriOf(0)))).toBe('accepted')
  expect(sent).toHaveLength(301)
})

test.each([
  { maxStaleSeconds: 0 },
  { maxStaleSeconds: 3_601 },
  { maxStaleSeconds: '1' },
  { whenUnavailable: 'maybe' },
])('an option of revocation that is wrong is refused at once: %j', (revocation) => {
  expect(() => started({ revocation })).toThrow(
    expect.objectContaining({ code: 'configuration-invalid' }),
  )
})

describe('how long a list is kept before it is looked at again', () => {
  test.each([
    ['as it says', { ttl: 100 }, {}, 60_000],
    ['no longer than it may be relied on', { ttl: 10_000 }, { maxStaleSeconds: 20 }, 12_000],
    ['an hour at most', { ttl: 1e6, exp: 2e9 }, { maxStaleSeconds: 3_600 }, 2_160_000],
  ])('%s', async (_, payload, revocation, refreshedAfterMs) => {
    const { verdict, sent, clock, state, settle } = started({ revocation })
    state.content = { payload }
    const token = await tokenAt(3)
    await verdict(token)
    clock.now += refreshedAfterMs - 1
    expect(await verdict(token)).toBe('accepted')
    await settle()
    expect(sent).toHaveLength(1)
    clock.now += 1
    expect(await verdict(token)).toBe('accepted')
    await settle()
    expect(sent).toHaveLength(2)
  })
})

test('of too many lists the one that was not used for longest goes', async () => {
  const { verdict, sent } = started()
  const used = async (number: number): Promise<void> => {
    const uri = `${TEST_ISSUER}/status-lists/${number}`
    expect(await verdict(await tokenAt(1, uri))).toBe('accepted')
  }
  for (let number = 0; number < 256; number++) await used(number)
  await used(0)
  expect(sent).toHaveLength(256)
  await used(256)
  await used(0)
  expect(sent).toHaveLength(257)
  await used(1)
  expect(sent).toHaveLength(258)
})

describe('a list of so many tokens', () => {
  test('as an authority ever makes one is read to its end', async () => {
    const { state, verdict } = started()
    const bytes = Uint8Array.from({ length: 131_072 }, (_, at) => (at * at * 31 + at * 7) >> 3)
    bytes[131_071] = 0x7f
    state.content = { bytes }
    expect(await verdict(await tokenAt(1_048_574))).toBe('token-revoked')
    expect(await verdict(await tokenAt(1_048_575))).toBe('accepted')
    expect(await verdict(await tokenAt(1_048_576))).toBe('token-claim-invalid')
  })

  test('as may be is inflated, and no larger one', async () => {
    const { state, verdict } = started()
    state.content = { bytes: new Uint8Array(1_048_576) }
    expect(await verdict(await tokenAt(3))).toBe('accepted')
    const larger = started()
    larger.state.content = { bytes: new Uint8Array(1_048_577) }
    expect(await larger.verdict(await tokenAt(3))).toBe('status-unavailable')
  })
})

test.each(['application/jwt', 'application/statuslist+jwtx', 'x-application/statuslist+jwt'])(
  'a list that is served as %s is none',
  async (type) => {
    const { state, verdict } = started()
    state.answer = async () => listAnswer(await signStatusList(key), type)
    expect(await verdict(await tokenAt(3))).toBe('status-unavailable')
  },
)

test('a refusal says what is wanting, and where that was looked for', async () => {
  const { verifier } = started()
  const beyond = { message: 'token-claim-invalid: expected an idx within its status list' }
  await expect(verifier.verify(await tokenAt(64))).rejects.toMatchObject(beyond)
  const silent = started({ jwks: undefined, jwksUri: `${TEST_ISSUER}/keys` })
  silent.state.answer = async (request) =>
    request.url.endsWith('/keys') ? json(jwks)(request) : new Response(null, { status: 500 })
  const wanting = { message: `status-unavailable: expected a status list of ${TEST_ISSUER}` }
  await expect(silent.verifier.verify(await tokenAt(3))).rejects.toMatchObject(wanting)
  await expect(silent.verifier.warm()).rejects.toMatchObject({
    message: `status-unavailable: expected the status lists of ${TEST_ISSUER}`,
    cause: { got: 'status 500 ' },
  })
})

describe('the lists that an issuer names', () => {
  const warmed = async (answer: unknown, revocation: object = {}) => {
    const { verifier, state, sent } = started({
      jwks: undefined,
      jwksUri: `${TEST_ISSUER}/keys`,
      revocation,
    })
    state.answer = async (request) => {
      if (request.url.endsWith('/keys')) return json(jwks)(request)
      if (request.url.endsWith('/status-lists')) return json(answer)(request)
      return new Response(null, { status: 500 })
    }
    const outcome = await verifier.warm().then(
      () => 'warm',
      (error: unknown) => (isCountersignError(error) ? error.code : String(error)),
    )
    return { outcome, lists: sent.filter(({ url }) => url.includes('/status-lists/')).length }
  }

  test.each([null, [], {}, 'a', { status_lists: LIST_URI }, { status_lists: [1] }])(
    'are texts in an array, and nothing else: %j',
    async (answer) => {
      expect(await warmed(answer)).toEqual({ outcome: 'status-unavailable', lists: 0 })
      const lenient = { whenUnavailable: 'accept' }
      expect(await warmed(answer, lenient)).toEqual({ outcome: 'warm', lists: 0 })
    },
  )

  test('may be none', async () => {
    expect(await warmed({ status_lists: [] })).toEqual({ outcome: 'warm', lists: 0 })
  })

  test('are fetched up to 256, however many are named', async () => {
    const uris = Array.from({ length: 300 }, (_, at) => `${TEST_ISSUER}/status-lists/${at}`)
    const lenient = { whenUnavailable: 'accept' }
    expect(await warmed({ status_lists: uris }, lenient)).toEqual({ outcome: 'warm', lists: 256 })
  })
})

describe('the stream of changes', () => {
  const listening = (options: object = {}) => {
    const signals: (AbortSignal | null | undefined)[] = []
    const { state, verifier, verdict } = started({
      ...options,
      revocation: { push: true },
      fetch: (url: string, init: RequestInit): Promise<Response> => {
        const request = { url, method: 'GET', headers: {}, body: undefined }
        if (url.endsWith('/keys')) return Promise.resolve(json(jwks)(request))
        if (url.endsWith('/status-lists'))
          return Promise.resolve(json({ status_lists: [] })(request))
        if (url !== `${TEST_ISSUER}/.well-known/status-events`) {
          return signStatusList(key, state.content).then((list) => listAnswer(list))
        }
        signals.push(init.signal)
        return new Promise(() => undefined)
      },
    })
    return { verifier, verdict, signals }
  }

  test('is opened once, with the first token that has a status, and ends with its verifier', async () => {
    const { verifier, verdict, signals } = listening()
    expect(await verdict(await signToken(key))).toBe('accepted')
    expect(signals).toEqual([])
    for (let count = 0; count < 3; count++) expect(await verdict(await tokenAt(3))).toBe('accepted')
    expect(signals).toHaveLength(1)
    expect(signals[0]?.aborted).toBe(false)
    verifier.close()
    expect(signals[0]?.aborted).toBe(true)
  })

  test('is opened by warming', async () => {
    const { verifier, signals } = listening({ jwks: undefined, jwksUri: `${TEST_ISSUER}/keys` })
    await verifier.warm()
    expect(signals).toHaveLength(1)
    verifier.close()
  })

  test('is not opened by a verifier that was closed before', async () => {
    const { verifier, verdict, signals } = listening()
    verifier.close()
    expect(await verdict(await tokenAt(3))).toBe('accepted')
    expect(signals).toEqual([])
  })
})
