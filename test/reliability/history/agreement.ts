import { isCountersignError, type Verifier } from 'countersign'
import { expect } from 'vitest'
import {
  endOf,
  type KnownMachine,
  type KnownToken,
  type Model,
  publishedEndOf,
  secretWorks,
} from './model.ts'
import type { World } from './world.ts'

/** What is accepted is exactly what the model says, whoever is asked. */

/** How long a verifier may rely on a status list. */
const LIST_TTL_MS = 15_000

/** How long a verifier may rely on a key set, and go on with it while it looks again. */
const KEY_SET_MS = 600_000

/** A verifier that goes on through the whole history, by world. */
const warmVerifiers = new WeakMap<World, Verifier>()

/**
 * @param process Which process is asked by machines and by a verifier that knows nothing yet.
 * @param receivers The machines that ask.
 */
export async function expectAgreement(
  model: Model,
  world: World,
  process: number,
  receivers: readonly KnownMachine[] = model.machines,
): Promise<void> {
  const now = world.clock.now()
  const accepted: Record<string, readonly string[]> = {}
  const expected: Record<string, readonly string[]> = {}
  const note = (who: string, is: readonly string[], shouldBe: readonly string[]): void => {
    accepted[who] = is
    expected[who] = shouldBe
  }
  const alive = model.tokens.filter((token) => endOf(model, token, now) === null)
  const isTaken = async (at: number, key: string, { text }: KnownToken): Promise<boolean> => {
    const { status } = await world.ask(at, 'POST', '/m2m_tokens/verify', key, { token: text })
    expect([200, 404]).toContain(status)
    return status === 200
  }

  for (const at of [0, 1]) {
    const is = await among(model.tokens, (token) => isTaken(at, world.secretKey, token))
    note(
      `process ${at}`,
      is,
      alive.map(({ id }) => id),
    )
  }

  for (const { id, secrets, isDeleted } of receivers) {
    const newest = secrets.at(-1)
    if (isDeleted || newest === undefined) continue
    const meant = alive.filter(({ receivers }) => receivers.includes(id)).map((one) => one.id)
    note(id, await among(model.tokens, (token) => isTaken(process, newest.key, token)), meant)
  }

  for (const machine of model.machines) {
    for (const secret of machine.secrets.slice(-3)) {
      const path = `/m2m_tokens?subject=${machine.id}`
      const { status } = await world.ask(process, 'GET', path, secret.key)
      const name = `${machine.id}, secret ${secret.version}`
      expect(status, name).toBe(secretWorks(machine, secret, now) ? 200 : 401)
    }
  }

  const jwts = model.tokens.filter(({ kid }) => kid !== null)
  const published = jwts.filter((token) => publishedEndOf(model, token, now) === null)
  const cold = world.verifier(process)
  note(
    'a new verifier',
    await among(jwts, (token) => isVerified(cold, token)),
    published.map(({ id }) => id),
  )
  expect(accepted).toEqual(expected)

  const warm = warmVerifiers.get(world) ?? world.verifier(0)
  warmVerifiers.set(world, warm)
  for (const token of jwts) {
    if (!(await isVerified(warm, token))) continue
    const end = publishedEndOf(model, token, now)
    const bound = token.isKept ? LIST_TTL_MS : KEY_SET_MS
    const since = end === null || end === token.expiresAt ? 0 : now - end
    expect(end === token.expiresAt, 'an expired token').toBe(false)
    expect(since, `${token.id}, to whom knows it`).toBeLessThanOrEqual(bound)
  }
}

async function among(
  tokens: readonly KnownToken[],
  isTaken: (token: KnownToken) => Promise<boolean>,
): Promise<readonly string[]> {
  const taken: string[] = []
  for (const token of tokens) if (await isTaken(token)) taken.push(token.id)
  return taken
}

/** Only what is wrong with the token is a verdict. */
async function isVerified(verifier: Verifier, { text }: KnownToken): Promise<boolean> {
  try {
    await verifier.verify(text)
    return true
  } catch (error) {
    if (isCountersignError(error) && error.code.startsWith('token-')) return false
    throw error
  }
}
