import { describe, expect, test } from 'vitest'
import { type Answer, json, scriptedFetch, silent } from '../testing/scripted-fetch.ts'
import { createTestKey } from '../testing/tokens.ts'
import type { JsonObject } from '../token/json.ts'
import { isCountersignError } from '../token/errors.ts'
import { engine } from '#engine'
import { fetchJson } from './fetch-json.ts'
import { checkJwtOptions, keySetOf } from './jwt-settings.ts'
import { createKeySet, type KeySet } from './key-set.ts'

const URL = 'https://authority.test/.well-known/jwks.json'

const [first, second] = await Promise.all([
  createTestKey('ES256', 'first'),
  createTestKey('ES256', 'second'),
])

const set = (...keys: (typeof first)[]): Answer =>
  json({ keys: keys.map(({ publicJwk }) => publicJwk) })

const started = (...answers: Answer[]) => {
  const server = scriptedFetch(...answers)
  const clock = { now: 5_000_000 }
  const keys = createKeySet({
    engine,
    load: () => fetchJson(server.fetch, URL),
    source: `a JWK Set at ${URL}`,
    monotonicMs: () => clock.now,
    jwksMaxStaleSeconds: 86_400,
  })
  return { keys, sent: server.sent, clock }
}

const outcome = async (keys: KeySet, kid: string): Promise<string> => {
  try {
    return (await keys.find(kid)).kid
  } catch (error) {
    return isCountersignError(error) ? error.code : `thrown: ${String(error)}`
  }
}

/** Lets what runs beside come to its end. */
const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

const MINUTE = 60_000
const HOUR = 60 * MINUTE

test('a thousand cold verifications fetch once, and the next ones wait for nothing', async () => {
  const { keys, sent } = started(set(first))
  const found = await Promise.all(Array.from({ length: 1_000 }, () => outcome(keys, 'first')))
  expect(new Set(found)).toEqual(new Set(['first']))
  expect(sent).toHaveLength(1)
  expect(sent[0]?.url).toBe(URL)
  expect(keys.find('first')).not.toBeInstanceOf(Promise)
})

describe('an unknown kid', () => {
  test('causes one early fetch and then none until the cool-down is over, whatever the flood', async () => {
    const { keys, sent, clock } = started(set(first))
    await outcome(keys, 'first')
    for (let count = 0; count < 1_000; count++) {
      clock.now += 29
      expect(await outcome(keys, `random-${count}`)).toBe('token-key-unknown')
    }
    expect(sent.length).toBe(1)
    clock.now += 1_000
    await Promise.all(Array.from({ length: 1_000 }, (_, at) => outcome(keys, `flood-${at}`)))
    expect(sent.length).toBe(2)
  })

  test('that is really new is found during the flood, within the cool-down', async () => {
    const { keys, clock } = started(set(first), set(first, second))
    await outcome(keys, 'first')
    let foundAfter = -1
    for (let elapsed = 0; elapsed <= 30_000 && foundAfter < 0; elapsed += 100) {
      clock.now += 100
      await outcome(keys, `random-${elapsed}`)
      if ((await outcome(keys, 'second')) === 'second') foundAfter = elapsed
      expect(await outcome(keys, 'first')).toBe('first')
    }
    expect(foundAfter).toBeGreaterThan(0)
  })

  test.each(['__proto__', 'constructor', 'toString', '../../etc/passwd', "' or 1=1"])(
    'called %s is an unknown kid',
    async (kid) => {
      expect(await outcome(started(set(first)).keys, kid)).toBe('token-key-unknown')
    },
  )
})

describe('an old set', () => {
  test('is fetched again beside the verification that notices, before it is stale', async () => {
    const { keys, sent, clock } = started(set(first), silent)
    await outcome(keys, 'first')
    clock.now += 4 * MINUTE
    expect(keys.find('first')).not.toBeInstanceOf(Promise)
    expect(sent).toHaveLength(2)
  })

  test('that nobody used for long is not believed before it is asked for again', async () => {
    const { keys, clock } = started(set(first), set(second))
    await outcome(keys, 'first')
    clock.now += HOUR
    expect(await outcome(keys, 'first')).toBe('token-key-unknown')
    expect(await outcome(keys, 'second')).toBe('second')
  })

  test('that nobody used for long is not believed either when its last refresh failed', async () => {
    const { keys, clock, sent } = started(set(first), json({}, 500), set(second))
    await outcome(keys, 'first')
    clock.now += 4 * MINUTE
    expect(await outcome(keys, 'first')).toBe('first')
    await settled()
    clock.now += HOUR
    const found = await Promise.all(['first', 'first', 'second'].map((kid) => outcome(keys, kid)))
    expect(found).toEqual(['token-key-unknown', 'token-key-unknown', 'second'])
    expect(sent).toHaveLength(3)
  })

  test('ages on when the clock is set back by a day', async () => {
    const { keys, clock } = started(set(first), set(second))
    await outcome(keys, 'first')
    clock.now -= 24 * HOUR
    expect(await outcome(keys, 'first')).toBe('first')
    clock.now += 10 * MINUTE
    expect(await outcome(keys, 'second')).toBe('second')
    expect(await outcome(keys, 'first')).toBe('token-key-unknown')
  })

  test('is used without waiting while its source is known to be broken', async () => {
    const { keys, clock } = started(set(first), json({}, 500))
    await outcome(keys, 'first')
    clock.now += 10 * MINUTE
    expect(await outcome(keys, 'first')).toBe('first')
    for (let minute = 0; minute < 60; minute++) {
      clock.now += MINUTE
      expect(keys.find('first')).not.toBeInstanceOf(Promise)
      await settled()
    }
  })

  test('loses the key that was removed, at the next refresh', async () => {
    const { keys, clock } = started(set(first, second), set(second))
    await outcome(keys, 'first')
    clock.now += 4 * MINUTE
    await outcome(keys, 'first')
    await settled()
    expect(await outcome(keys, 'first')).toBe('token-key-unknown')
    expect(await outcome(keys, 'second')).toBe('second')
  })

  test('goes on for 24 hours while its source is broken, which is spared meanwhile, and no longer', async () => {
    const { keys, sent, clock } = started(set(first), json({}, 500))
    await outcome(keys, 'first')
    for (let hour = 0; hour < 23; hour++) {
      for (let second = 0; second < 10; second++) {
        clock.now += 1_000
        expect(await outcome(keys, 'first')).toBe('first')
        await settled()
      }
      clock.now += HOUR - 10_000
    }
    // Of each burst only the first verification is outside the cool-down.
    expect(sent.length).toBeLessThanOrEqual(1 + 23)
    clock.now += HOUR
    expect(await outcome(keys, 'first')).toBe('keys-unavailable')
  })

  test('stays when a wall of HTML takes the place of its source, and recovers after', async () => {
    const html: Answer = () =>
      new Response('<html>Log in</html>', { headers: { 'content-type': 'text/html' } })
    const { keys, clock } = started(set(first), html, set(first, second))
    await outcome(keys, 'first')
    clock.now += 10 * MINUTE
    expect(await outcome(keys, 'first')).toBe('first')
    clock.now += MINUTE
    expect(await outcome(keys, 'second')).toBe('second')
  })
})

describe('with no set at all', () => {
  test('a failure is tried again after a second, then ever later, and never by each caller', async () => {
    const { keys, sent, clock } = started(json({}, 500))
    const attempts: number[] = []
    for (let second = 0; second < 120; second++) {
      await Promise.all([outcome(keys, 'a'), outcome(keys, 'b')])
      if (attempts.at(-1) !== sent.length) attempts.push(sent.length)
      clock.now += 1_000
    }
    expect(sent.length).toBeGreaterThan(4)
    expect(sent.length).toBeLessThan(11)
    expect(await outcome(keys, 'first')).toBe('keys-unavailable')
  })

  test('it is found as soon as the source is back', async () => {
    const { keys, clock } = started(json({}, 500), set(first))
    expect(await outcome(keys, 'first')).toBe('keys-unavailable')
    expect(await outcome(keys, 'first')).toBe('keys-unavailable')
    clock.now += 1_000
    expect(await outcome(keys, 'first')).toBe('first')
  })
})

test('a waiter does not rely on a fetch that never ends', async () => {
  const { keys, clock, sent } = started(silent, set(first))
  void outcome(keys, 'first')
  clock.now += 7_000
  expect(await outcome(keys, 'first')).toBe('first')
  expect(sent).toHaveLength(2)
})

test('an answer that was stuck does not replace one that was asked for later', async () => {
  let release: (response: Response) => void = () => undefined
  const stuck: Answer = () => new Promise((resolve) => (release = resolve))
  const { keys, clock } = started(stuck, set(second))
  const early = outcome(keys, 'first')
  clock.now += 7_000
  expect(await outcome(keys, 'second')).toBe('second')
  release(await set(first)({ url: URL, method: 'GET', headers: {}, body: undefined }))
  await early
  expect(await outcome(keys, 'second')).toBe('second')
  expect(await outcome(keys, 'first')).toBe('token-key-unknown')
})

test('two sets do not know each other’s keys, though they have the same kid', async () => {
  const other = await createTestKey('ES256', 'first')
  const [mine, theirs] = [started(set(first)).keys, started(set(other)).keys]
  const data = new TextEncoder().encode('x')
  const signature = await first.sign(data)
  expect(await (await mine.find('first')).check(data, signature)).toBe(true)
  expect(await (await theirs.find('first')).check(data, signature)).toBe(false)
})

test('a set that is given serves without a fetch, as it was when it was given', async () => {
  const clock = { now: 5_000_000 }
  const given: JsonObject[] = [first.publicJwk]
  const options = { issuer: 'x', jwks: { keys: given }, clock: () => clock.now }
  const keys = keySetOf(checkJwtOptions(options))
  given.push(second.publicJwk)
  await keys.warm()
  const found = keys.find('first')
  expect(found).not.toBeInstanceOf(Promise)
  for (let day = 0; day < 3; day++) {
    expect(await outcome(keys, 'first')).toBe('first')
    expect(await outcome(keys, 'second')).toBe('token-key-unknown')
    clock.now += 24 * HOUR
  }
  // Nothing of it was imported anew.
  expect(await keys.find('first')).toBe(await found)
  expect(() => checkJwtOptions({ issuer: 'x', jwks: { keys: 1 as never } })).toThrow(
    expect.objectContaining({ code: 'configuration-invalid' }),
  )
})

test('a set is asked for again at four minutes, and believed without asking until five', async () => {
  const { keys, sent, clock } = started(set(first), silent)
  await outcome(keys, 'first')
  clock.now += 4 * MINUTE - 1
  expect(keys.find('first')).not.toBeInstanceOf(Promise)
  expect(sent).toHaveLength(1)
  clock.now += 1
  expect(keys.find('first')).not.toBeInstanceOf(Promise)
  expect(sent).toHaveLength(2)
  const idle = started(set(first), set(second))
  await outcome(idle.keys, 'first')
  idle.clock.now += 5 * MINUTE
  expect(await outcome(idle.keys, 'first')).toBe('token-key-unknown')
})

test('while its source is silent nobody can say that a key is unknown', async () => {
  const { keys, clock, sent } = started(set(first), json({}, 500))
  await outcome(keys, 'first')
  clock.now += 29_999
  expect(await outcome(keys, 'second')).toBe('token-key-unknown')
  clock.now += 1
  expect(await outcome(keys, 'second')).toBe('keys-unavailable')
  const message = `keys-unavailable: expected a JWK Set at ${URL}, got a recent failure`
  await expect(keys.find('second')).rejects.toMatchObject({ message })
  expect(await outcome(keys, 'first')).toBe('first')
  expect(sent).toHaveLength(2)
})

test.each([{}, [], null, 'keys', { keys: {} }])(
  'what is no JWK Set is no set: %j',
  async (body) => {
    const { keys } = started(json(body))
    const message = `keys-unavailable: expected a JWK Set at ${URL}`
    await expect(keys.find('first')).rejects.toMatchObject({ message })
  },
)

describe('a set that is to be ready', () => {
  test('is fetched, and not again before it is four minutes old', async () => {
    const { keys, sent, clock } = started(set(first))
    expect(keys.isKnown()).toBe(false)
    await keys.warm()
    expect(keys.isKnown()).toBe(true)
    expect(keys.find('first')).not.toBeInstanceOf(Promise)
    clock.now += 4 * MINUTE - 1
    await keys.warm()
    expect(sent).toHaveLength(1)
    clock.now += 1
    await keys.warm()
    expect(sent).toHaveLength(2)
  })

  test('is gone on with when its source fails, and else that is told', async () => {
    const { keys, clock, sent } = started(set(first), json({}, 500))
    await keys.warm()
    clock.now += 5 * MINUTE
    await keys.warm()
    await keys.warm()
    expect(sent).toHaveLength(2)
    expect(keys.isKnown()).toBe(true)
    clock.now += 24 * HOUR
    expect(keys.isKnown()).toBe(false)
    await expect(keys.warm()).rejects.toMatchObject({ code: 'keys-unavailable' })
    await expect(keys.warm()).rejects.toMatchObject({ got: 'a recent failure' })
  })

  test('is not ready without a key that is fit', async () => {
    const { keys } = started(json({ keys: [{ kty: 'oct', kid: 'k', k: 'AAAA' }] }))
    await expect(keys.warm()).rejects.toMatchObject({
      message: `keys-unavailable: expected a JWK Set at ${URL} with a fit key`,
    })
    expect(keys.isKnown()).toBe(false)
  })
})
