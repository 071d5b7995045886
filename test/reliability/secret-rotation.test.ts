import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createTestClock, type TestClock } from '../support/clock.ts'
import { ask, type Processes, startProcesses } from '../support/processes.ts'
import { createRandom } from '../support/random.ts'

/**
 * Secrets roll under constant traffic on two processes (R21): each works until its end and not a
 * moment longer, on every process at once. The model is a list of keys and their ends.
 */

const CALLS = process.env['COUNTERSIGN_SLOW'] === '1' ? 10_000 : 1_500

const MAX_GRACE_SECONDS = 28_800

interface Known {
  readonly key: string
  readonly version: number
  endsAt: number
}

let clock: TestClock
let processes: Processes
let machineId: string
let first: string
let random: () => number

beforeEach(async () => {
  clock = createTestClock()
  processes = await startProcesses([clock, clock])
  const { body } = await owner(0, 'POST', '/machines', { name: 'rolling' })
  machineId = String(body['id'])
  first = String(body['secret_key'])
  random = createRandom(7)
})

afterEach(async () => {
  await processes[Symbol.asyncDispose]()
})

const at = (index: number) => {
  const { authorities } = processes
  const authority = authorities[index % authorities.length]
  if (authority === undefined) throw new Error('There is no process.')
  return authority
}

const owner = (index: number, method: string, path: string, body?: object) =>
  ask(at(index), method, path, processes.secretKey, body)

const works = async (key: string, index: number): Promise<boolean> => {
  const wanted = { token_format: 'opaque', min_remaining_ttl_seconds: 1 }
  const { status } = await ask(at(index), 'POST', '/m2m_tokens', key, wanted)
  expect([201, 401]).toContain(status)
  return status === 201
}

async function rotate(keys: Known[], graceSeconds: number, index: number): Promise<void> {
  const path = `/machines/${machineId}/secret_key/rotate`
  const { status, body } = await owner(index, 'POST', path, { previous_token_ttl: graceSeconds })
  expect(status).toBe(200)
  const endsAt = graceSeconds === 0 ? 0 : clock.now() + graceSeconds * 1000
  for (const known of keys) known.endsAt = Math.min(known.endsAt, endsAt)
  const version = keys.length + 1
  keys.push({ key: String(body['secret']), version, endsAt: Number.POSITIVE_INFINITY })
}

describe('secrets that roll', () => {
  it(`reject nobody who is right in ${CALLS} calls, and let nobody in who is late`, async () => {
    const keys: Known[] = [{ key: first, version: 1, endsAt: Number.POSITIVE_INFINITY }]
    const graces = [0, 1, 60, 600, 3_600, MAX_GRACE_SECONDS]
    for (let index = 0; index < CALLS; index++) {
      const chance = random()
      if (chance < 0.02) {
        await rotate(keys, graces[Math.floor(random() * graces.length)] ?? 0, index)
      } else if (chance < 0.4) {
        clock.advance(Math.floor(random() * 200_000))
        // Often to the very millisecond at which a key ends.
        const next = keys.map(({ endsAt }) => endsAt).find((end) => end > clock.now())
        if (chance < 0.1 && next !== undefined && Number.isFinite(next)) {
          clock.advance(next - clock.now() - Math.round(random()))
        }
      }
      const recent = keys.slice(-4)
      const known = recent[Math.floor(random() * recent.length)]
      if (known === undefined) continue
      expect(await works(known.key, index), `version ${known.version}`).toBe(
        clock.now() < known.endsAt,
      )
    }
  })

  it('are dead on every process at the instant that one of them ended them', async () => {
    const keys: Known[] = [{ key: first, version: 1, endsAt: Number.POSITIVE_INFINITY }]
    for (let turn = 0; turn < 20; turn++) {
      await rotate(keys, 0, turn)
      expect(await works(keys.at(-2)?.key ?? '', turn + 1)).toBe(false)
      expect(await works(keys.at(-1)?.key ?? '', turn + 1)).toBe(true)
    }
  })

  it('roll as often as they are told where two processes are told at once, and all work for the grace', async () => {
    const path = `/machines/${machineId}/secret_key/rotate`
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) =>
        owner(index, 'POST', path, { previous_token_ttl: 60 }),
      ),
    )
    const secrets = answers.map(({ body }) => String(body['secret']))
    expect(new Set(secrets).size).toBe(6)
    for (const [index, key] of [first, ...secrets].entries())
      expect(await works(key, index)).toBe(true)
    clock.advance(60_000)
    const working = await Promise.all(secrets.map((key, index) => works(key, index)))
    expect(working.filter(Boolean)).toHaveLength(1)
  })

  it('tell of the use of the old one that the other process has seen', async () => {
    const keys: Known[] = [{ key: first, version: 1, endsAt: Number.POSITIVE_INFINITY }]
    await rotate(keys, 3_600, 0)
    await works(keys[1]?.key ?? '', 0)
    clock.advance(60_000)
    await works(first, 1)
    // What a process has seen, the others know within its beat.
    clock.advance(5_000)
    await at(1).tick()
    const finished = await owner(0, 'POST', `/machines/${machineId}/secrets/finish`, {})
    expect(finished.status).toBe(409)
  })
})
