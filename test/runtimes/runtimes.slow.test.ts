import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RECEIVER, SENDER, testId } from '../../packages/sdk/src/testing/tokens.ts'
import { BEHAVIOURS, createSuite } from './cases/suite.ts'
import type { Report } from './portable/suite.ts'
import { testExamples } from './examples.ts'
import { installRuntimes, layOut, runOn, RUNTIMES, versionOf } from './runtimes.ts'

/**
 * One suite on every runtime, which is the promise that a token has the same verdict wherever it is
 * verified. The tokens and keys are made here, once (`cases`); each runtime verifies them with the
 * built package, on the engine that the package's `imports` map gives it (`portable`); and here it
 * is compared with what is right, and with one another. The runtimes come from npm, by the lock file of
 * this folder, and are installed when they are missing. Nothing else needs a network.
 */

type Observed = Report & { readonly engine: string }

/** What a runtime is known to do otherwise. An entry that is no longer true fails. */
interface Divergence {
  readonly runtime: string
  readonly group: string
  readonly name: string
  readonly verdict: string
  /** Why it is no danger. */
  readonly because: string
}

const DIVERGENCES: readonly Divergence[] = [
  {
    runtime: 'Deno',
    group: 'keys that are not fit',
    name: 'Ed25519 off its curve',
    verdict: 'token-key-unknown',
    because: 'Deno’s node:crypto refuses the key already, and the others each signature under it',
  },
]

const TIMEOUT_MS = 120_000
/** Most of their time they wait for what hangs. */
const AT_ONCE = 3

const suite = createSuite()
const groups = [...new Set(suite.cases.map(({ group }) => group))]
const installed = await installRuntimes()
const versions = await Promise.all(RUNTIMES.map(versionOf))
const runs = new Map<string, Promise<Observed>>()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-runtimes-'))
  await layOut(folder, suite)
  const lanes = Array.from({ length: AT_ONCE }, () => Promise.resolve<unknown>(null))
  for (const [at, runtime] of RUNTIMES.entries()) {
    if (versions[at] === null) continue
    const run = (lanes[at % AT_ONCE] ?? Promise.resolve()).then(() => runOn(runtime, folder))
    // A failure is told by the tests of that runtime, and does not keep the next from its turn.
    lanes[at % AT_ONCE] = run.catch(() => null)
    runs.set(runtime.name, run)
  }
}, TIMEOUT_MS)

afterAll(async () => {
  await Promise.allSettled(runs.values())
  await rm(folder, { recursive: true })
})

describe.each(RUNTIMES.map((runtime, at) => ({ ...runtime, version: versions[at] ?? null })))(
  '$name',
  ({ name: runtime, engine, binary, version }) => {
    if (version === null) {
      const why = `${runtime}: ${installed ?? `${binary} does not run`}`
      if (process.env['CI'] === 'true') test('it is here', () => expect.fail(why))
      else test.skip(`SKIPPED: ${why}`)
      return
    }

    let report: Observed
    beforeAll(async () => {
      report = await (runs.get(runtime) ?? Promise.reject(new Error('It was not run.')))
    }, TIMEOUT_MS)

    test(`its engine is ${engine}`, () => {
      expect(report.engine, version).toBe(engine)
    })

    test.each(groups)('%s', (group) => {
      const observed: Record<string, string | undefined> = {}
      const expected: Record<string, string> = {}
      for (const [at, one] of suite.cases.entries()) {
        if (one.group !== group) continue
        observed[one.name] = report.verdicts[at]
        expected[one.name] = one.verdict
      }
      for (const one of DIVERGENCES) {
        if (one.runtime === runtime && one.group === group) expected[one.name] = one.verdict
      }
      expect(observed).toEqual(expected)
    })

    test('a good token becomes what it says', () => {
      const at = suite.cases.findIndex(({ name }) => name === 'good')
      expect(report.results[at]).toMatchObject({
        id: testId('m2mToken', 3),
        subject: SENDER,
        scopes: [RECEIVER],
        claims: { aud: [RECEIVER], scopes: RECEIVER },
        revoked: false,
        expired: false,
        expiration: 1_800_000_060_000,
        createdAt: 1_800_000_000_000,
      })
      expect(report.classes[at]).toBe('m2m_token jwt m2m')
    })

    test('no single changed character lets a token in', () => {
      for (const [kind, verdicts] of Object.entries(report.mutations)) {
        expect(Object.keys(verdicts), kind).not.toHaveLength(0)
        for (const verdict of Object.keys(verdicts)) expect(verdict, kind).toMatch(/^token-/)
      }
      // Nor does anything look at one byte of a character.
      expect(report.mutations['the character with the same low byte']).toEqual({
        'token-malformed': suite.mutated.length,
      })
    })

    test('a key set is fetched once, and only a key set is taken for one', () => {
      expect(report.behaviours).toEqual(BEHAVIOURS)
    })
  },
)

test('no case stands twice', () => {
  const names = suite.cases.map(({ group, name }) => `${group}: ${name}`)
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})

test('all runtimes say the same of everything, but for what is written above', async () => {
  const isCommon = suite.cases.map(
    (one) => !DIVERGENCES.some(({ group, name }) => group === one.group && name === one.name),
  )
  const common = <Value>(values: readonly Value[]): readonly Value[] =>
    values.filter((_, at) => isCommon[at])
  const all = await Promise.all(
    [...runs].map(async ([name, run]) => {
      const report = await run
      const { verdicts, results } = report
      const said = { verdicts: common(verdicts), results: common(results), engine: null }
      return { name, said: { ...report, ...said } }
    }),
  )
  for (const { name, said } of all) expect(said, name).toEqual(all[0]?.said)
})

testExamples(installed)
