import process from 'node:process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { expectAgreement } from './history/agreement.ts'
import { createModel } from './history/model.ts'
import { COMMANDS } from './history/operations.ts'
import { createWorld, STORAGES } from './history/world.ts'

/**
 * Random histories of an authority with two processes, held to a model at each step (R14). One that went
 * wrong is kept by its seed, which fast-check prints.
 */

const IS_SLOW = process.env['COUNTERSIGN_SLOW'] === '1'

/** `null`: another each time. */
const SEEDS = IS_SLOW ? [2, null] : [2]

const RUNS = IS_SLOW ? 6 : 3

/** Then a history that went wrong is not made shorter any more. */
const LIMIT_MS = IS_SLOW ? 120_000 : 30_000

const MAX_COMMANDS = IS_SLOW ? 120 : 50

const CASES = STORAGES.flatMap((storage) => SEEDS.map((seed) => ({ storage, seed })))

test.each(CASES)(
  'in a random history, seed $seed, two processes on $storage accept what they must and nothing else',
  { timeout: 4 * LIMIT_MS },
  async ({ storage, seed }) => {
    const histories = fc.commands(COMMANDS, { maxCommands: MAX_COMMANDS, size: 'max' })
    await fc.assert(
      fc.asyncProperty(histories, async (commands) => {
        await using world = await createWorld({ storage })
        const { body } = await world.ask(0, 'GET', '/signing_keys', world.secretKey)
        const keys = body['data'] as { kid: string; algorithm: string; state: string }[]
        const signer = keys.find((one) => one.algorithm === 'ES256' && one.state === 'active')
        const model = createModel({ kid: String(signer?.kid), from: world.clock.now() })
        await fc.asyncModelRun(() => ({ model, real: world }), commands)
        await expectAgreement(model, world, 0)
      }),
      { numRuns: RUNS, interruptAfterTimeLimit: LIMIT_MS, ...(seed !== null && { seed }) },
    )
    expect.hasAssertions()
  },
)
