import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** The fixtures under jest, which is installed when it is missing, by the lock file of its folder. */

const run = promisify(execFile)
const HERE = fileURLToPath(new URL('jest', import.meta.url))
const JEST = join(HERE, 'node_modules/jest/bin/jest.js')

test('jest runs with an authority for each test', async () => {
  if (!existsSync(JEST)) await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HERE })
  const args = ['--experimental-vm-modules', JEST, '--json', '--ci']
  const { stdout } = await run(process.execPath, args, { cwd: HERE })
  expect(JSON.parse(stdout)).toMatchObject({
    success: true,
    numPassedTests: 2,
    numTotalTests: 2,
  })
})
