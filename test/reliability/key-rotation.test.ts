import type { Authority } from '@countersign/authority'
import { createVerifier, type Verifier } from 'countersign/verify'
import { decodeProtectedHeader } from 'jose'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestClock, type TestClock } from '../support/clock.ts'
import { ask, ISSUER, type Processes, startProcesses } from '../support/processes.ts'

/**
 * Signing keys roll under constant traffic and nobody notices (R10); one that was stolen is dead within
 * `max-age` (R11). Two processes share one SQLite file; the clock is set by hand.
 */

const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
const STEP_SECONDS = 20
const DAY_SECONDS = 86_400

/** What every verifier is told, and may go on with while it asks again. */
const MAX_AGE_SECONDS = 300
const WORST_CACHE_SECONDS = 2 * MAX_AGE_SECONDS

interface Issued {
  readonly kid: string
  readonly text: string
  readonly expiresAtMs: number
}

let clock: TestClock
let processes: Processes
let apiId: string
let machineKeys: readonly string[]
let firstSeenMs: Map<string, number>

beforeEach(async () => {
  clock = createTestClock()
  processes = await startProcesses([clock, clock], { keyRotationDays: 1 })
  apiId = String((await call('POST', '/machines', processes.secretKey, { name: 'api' }))['id'])
  machineKeys = await Promise.all(
    ALGORITHMS.map(async (algorithm) => {
      const machine = { name: algorithm, jwt_algorithm: algorithm, scoped_machines: [apiId] }
      return String((await call('POST', '/machines', processes.secretKey, machine))['secret_key'])
    }),
  )
  // The keys of the founding sign at once: nobody has looked before.
  firstSeenMs = new Map((await keySet()).map((kid) => [kid, Number.NEGATIVE_INFINITY]))
})

afterEach(async () => {
  await processes[Symbol.asyncDispose]()
})

async function call(
  method: string,
  path: string,
  key: string,
  body?: object,
  at = 0,
): Promise<Record<string, unknown>> {
  const { status, body: answer } = await ask(authority(at), method, path, key, body)
  expect(status, JSON.stringify(answer)).toBeLessThan(300)
  return answer
}

const authority = (at: number): Authority =>
  processes.authorities[at % processes.authorities.length] as Authority

async function keySet(at = 0): Promise<string[]> {
  const answer = await authority(at).fetch(new Request(`${ISSUER}/.well-known/jwks.json`))
  return ((await answer.json()) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)
}

async function issue(machineKey: string, at: number, ttlSeconds: number): Promise<Issued> {
  const wanted = { token_format: 'jwt', seconds_until_expiration: ttlSeconds }
  const { token } = await call('POST', '/m2m_tokens', machineKey, wanted, at)
  const text = String(token)
  const { kid = '' } = decodeProtectedHeader(text)
  const expiresAtMs = Math.floor(clock.now() / 1000 + ttlSeconds) * 1000
  return { kid, text, expiresAtMs }
}

const issueAll = (at: number, ttlSeconds: number): Promise<Issued[]> =>
  Promise.all(machineKeys.map((key, index) => issue(key, at + index, ttlSeconds)))

/** Time passes, as slowly as both processes beat. */
async function beat(seconds: number): Promise<void> {
  clock.advance(seconds * 1000)
  await Promise.all(processes.authorities.map((one) => one.tick()))
  for (const kid of [...(await keySet(0)), ...(await keySet(1))]) {
    if (!firstSeenMs.has(kid)) firstSeenMs.set(kid, clock.now())
  }
}

/** A verifier that fetches from one of the processes, or through a cache that does as it is told. */
function aVerifier(at: number, isBehindCache = false): Verifier {
  const cache = new Map<string, { readonly untilMs: number; readonly answer: Response }>()
  return createVerifier({
    issuer: ISSUER,
    audience: apiId,
    clock: () => clock.now(),
    async fetch(url) {
      const kept = cache.get(url)
      if (isBehindCache && kept !== undefined && clock.now() < kept.untilMs) {
        return kept.answer.clone()
      }
      const answer = await authority(at).fetch(new Request(url))
      const maxAge = /max-age=(\d+)/.exec(answer.headers.get('cache-control') ?? '')?.[1]
      cache.set(url, { untilMs: clock.now() + Number(maxAge) * 1000, answer: answer.clone() })
      return answer
    },
  })
}

/** Refreshing beside a verification goes on after it. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('ten rotations under constant traffic', () => {
  it(
    'refuse no valid token, at three verifiers and both processes, and no key signs too early',
    { timeout: 120_000 },
    async () => {
      const verifiers = [aVerifier(0), aVerifier(1, true), aVerifier(1)]
      await Promise.all(verifiers.map((verifier) => verifier.warm()))
      const live: Issued[] = []
      const signers = new Set<string>()

      const traffic = async (turn: number): Promise<void> => {
        const fresh = await issueAll(turn, turn % 3 === 0 ? DAY_SECONDS : 60)
        for (const { kid } of fresh) {
          signers.add(kid)
          const age = (clock.now() - (firstSeenMs.get(kid) ?? clock.now())) / 1000
          expect(age).toBeGreaterThanOrEqual(WORST_CACHE_SECONDS)
        }
        live.push(...fresh)
        const old = live[(turn * 7) % live.length] as Issued
        const tokens = old.expiresAtMs > clock.now() ? [...fresh, old] : fresh
        for (const [index, verifier] of verifiers.entries()) {
          // The third has little to do, and looks at the key set only when it must.
          if (index === 2 && turn % 14 !== 0) continue
          for (const { text } of tokens) await verifier.verify(text)
        }
        const body = { token: tokens.at(-1)?.text }
        await call('POST', '/m2m_tokens/verify', processes.secretKey, body, turn + 1)
        await settle()
      }

      let turn = 0
      for (let rotation = 0; rotation < 10; rotation++) {
        const { data } = await call(
          'POST',
          '/signing_keys/rotate',
          processes.secretKey,
          {},
          rotation,
        )
        const switches = (data as { active_from: number }[]).map((key) => key.active_from)
        expect(switches).toHaveLength(3)
        while (clock.now() <= Math.max(...switches)) {
          await beat(STEP_SECONDS)
          await traffic(turn++)
        }
      }
      expect(signers.size).toBe(3 * 11)

      // Until the last of the long ones has expired, through rotations that come by themselves.
      const last = Math.max(...live.map(({ expiresAtMs }) => expiresAtMs))
      while (clock.now() < last + 200_000) {
        await beat(1_800)
        for (let index = 0; index < 30; index++) await beat(1)
        for (const { text, expiresAtMs } of live) {
          if (expiresAtMs > clock.now()) await verifiers[0]?.verify(text)
        }
      }
      const published = await keySet()
      expect(published.length).toBeLessThanOrEqual(9)
      expect(live.slice(0, 99).some(({ kid }) => published.includes(kid))).toBe(false)
    },
  )
})

describe('two processes that race to rotate', () => {
  it('rotate once, and agree on when', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, at) =>
        call('POST', '/signing_keys/rotate', processes.secretKey, {}, at).then(({ data }) => data),
      ),
    )
    for (const answer of answers) expect(answer).toEqual(answers[0])
    for (let step = 0; step < 35; step++) await beat(STEP_SECONDS)
    const keys = await call('GET', '/signing_keys', processes.secretKey)
    const states = (keys['data'] as { state: string }[]).map(({ state }) => state)
    expect(states.toSorted()).toEqual(
      ['active', 'next', 'retired'].flatMap((state) => [state, state, state]),
    )
    expect((await keySet(0)).toSorted()).toEqual((await keySet(1)).toSorted())
  })

  it('roll by themselves once, at the end of the period', async () => {
    const before = await issueAll(0, 60)
    clock.advance(DAY_SECONDS * 1000 - 5_000)
    await beat(0)
    const versions = await Promise.all(processes.stores.map((store) => store.signingKeysVersion()))
    expect(versions).toEqual([2, 2])
    for (let second = 0; second < 15; second++) await beat(1)
    const after = [...(await issueAll(0, 60)), ...(await issueAll(1, 60))]
    expect(new Set(after.map(({ kid }) => kid)).size).toBe(3)
    for (const { kid } of before) expect(after.map((one) => one.kid)).not.toContain(kid)
  })
})

describe('a stolen key', () => {
  it('that is revoked is dead after max-age at every verifier, and at once after a refresh', async () => {
    await beat(1_000)
    const verifiers = [aVerifier(0), aVerifier(1), aVerifier(1)]
    await Promise.all(verifiers.map((verifier) => verifier.warm()))
    const stolen = await issueAll(0, DAY_SECONDS)
    for (const verifier of verifiers) for (const { text } of stolen) await verifier.verify(text)

    for (const { kid } of stolen) {
      const body = { revocation_reason: 'stolen' }
      await call('POST', `/signing_keys/${kid}/revoke`, processes.secretKey, body)
    }
    // At once: where it was revoked, at whoever looks anew, and for new tokens.
    const fresh = await issueAll(0, DAY_SECONDS)
    for (const { kid, text } of stolen) {
      expect(await keySet()).not.toContain(kid)
      await expect(aVerifier(0).verify(text)).rejects.toMatchObject({ code: 'token-key-unknown' })
      expect(fresh.map((one) => one.kid)).not.toContain(kid)
    }
    // The next keys had been published for long: every verifier has them already.
    for (const verifier of verifiers) for (const { text } of fresh) await verifier.verify(text)

    let waited = 0
    for (; waited < MAX_AGE_SECONDS; waited += STEP_SECONDS) {
      await beat(STEP_SECONDS)
      expect(await keySet(1)).not.toContain(stolen[0]?.kid)
      // The third is idle, and must not wake up to an old answer.
      for (const verifier of verifiers.slice(0, 2)) {
        for (const { text } of fresh) await verifier.verify(text)
      }
      await settle()
    }
    for (const verifier of verifiers) {
      for (const { text } of stolen) {
        await expect(verifier.verify(text)).rejects.toMatchObject({ code: 'token-key-unknown' })
      }
      for (const { text } of fresh) await verifier.verify(text)
    }
  })

  it('whose next key nobody has yet is followed by it all the same, and verifiers ask for it', async () => {
    const verifier = aVerifier(0)
    await verifier.warm()
    // Twice in a row, so that the key that signs now has only just been made.
    for (let times = 0; times < 2; times++) {
      const [{ kid } = { kid: '' }] = (await issueAll(0, 60)).slice(1)
      await call('POST', `/signing_keys/${kid}/revoke`, processes.secretKey, {})
    }
    const [, { text } = { text: '' }] = await issueAll(0, 300)
    const early = verifier.verify(text)
    await expect(early).rejects.toMatchObject({ code: 'token-key-unknown' })
    // Its cool-down, so that strangers cannot make it fetch for ever.
    await beat(30)
    await expect(verifier.verify(text)).resolves.toMatchObject({ expired: false })
  })

  it('is dead at the other process with its next beat, and its tokens at its door', async () => {
    const stolen = await issueAll(0, DAY_SECONDS)
    for (const { kid } of stolen)
      await call('POST', `/signing_keys/${kid}/revoke`, processes.secretKey, {})
    await beat(1)
    for (const { text, kid } of stolen) {
      expect(await keySet(1)).not.toContain(kid)
      const { secretKey } = processes
      const verify = await ask(authority(1), 'POST', '/m2m_tokens/verify', secretKey, {
        token: text,
      })
      expect(verify.status).toBe(404)
    }
  })
})
