import { execFile } from 'node:child_process'
import process from 'node:process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ROOT } from '../support/spawn.ts'

/** The fixtures under the runner that they are for. Those for vitest run in vitest.test.ts. */

const run = promisify(execFile)

test('node:test runs with an authority for each test', { timeout: 60_000 }, async () => {
  // Told to be no part of this run, of which it would report to.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env
  const { stdout } = await run(
    process.execPath,
    [
      '--import=./tools/typescript.js',
      '--conditions=source',
      '--test-reporter=tap',
      '--test',
      'test/kit/node.example.ts',
    ],
    { cwd: ROOT, env },
  )
  expect(stdout).toMatch(/^# pass 2$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
})
