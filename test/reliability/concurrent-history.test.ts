import process from 'node:process'
import type { Store } from '@countersign/authority'
import { expect, test } from 'vitest'
import { runTraffic } from './history/clients.ts'
import { contradictions } from './history/ledger.ts'
import { createWorld, STORAGES } from './history/world.ts'
import { createRandom } from '../support/random.ts'

/**
 * Eight clients at once, two processes that are ended and begun anew, and a storage that fails (R14). What
 * was answered before something began is true of it; what overlaps may have come in any order.
 */

const IS_SLOW = process.env['COUNTERSIGN_SLOW'] === '1'

const CLIENTS = 8

const STEPS = IS_SLOW ? 500 : 150

/** One that went wrong is added here. The order in which answers come is not in a seed. */
const SEEDS = IS_SLOW ? [14, Date.now() % 2 ** 31] : [14]

/** One write in this many fails. */
const FAILS_ONCE_IN = 20

const CASES = STORAGES.flatMap((storage) => SEEDS.map((seed) => ({ storage, seed })))

test.each(CASES)(
  'on $storage nothing that was ended before a verification began is accepted, seed $seed',
  { timeout: IS_SLOW ? 300_000 : 60_000 },
  async ({ storage, seed }) => {
    const random = createRandom(seed)
    await using world = await createWorld({ storage, wrap: (store) => unreliable(store, random) })
    const ledger = await runTraffic({ world, random, clients: CLIENTS, steps: STEPS })
    expect(contradictions(ledger)).toEqual([])
    // It came to all that it is about.
    const { verdicts, endings, presented } = ledger
    for (const isAccepted of [true, false]) {
      expect(verdicts.some((one) => one.isAccepted === isAccepted)).toBe(true)
      expect(presented.some((one) => one.isAccepted === isAccepted)).toBe(true)
    }
    expect(endings.some(({ isDone }) => isDone === null)).toBe(true)
  },
)

/** Writes fail before they are done, or are done and fail all the same. */
function unreliable(store: Store, random: () => number): Store {
  return {
    ...store,
    async write(...command) {
      const chance = random() * FAILS_ONCE_IN
      if (chance < 0.5) throw new Error('The storage failed before it wrote.')
      const outcome = await store.write(...command)
      if (chance < 1) throw new Error('The storage failed after it wrote.')
      return outcome
    },
  }
}
