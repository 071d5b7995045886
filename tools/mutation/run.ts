import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'

/**
 * Mutation testing: each mutant is a small change of one file, made in a copy, and the tests beside that
 * file should fail. Prints those that pass, which is what no test would notice, and the score.
 *
 *   npm run mutate -- packages/sdk/src/token/jws.ts 'packages/sdk/src/verify/status-*.ts:10-40'
 */

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const HERE = join(ROOT, 'tools/mutation')

const [first, ...others] = process.argv.slice(2)
if (first === undefined) throw new Error('Name the files to change: npm run mutate -- <glob> …')
const files = [first, ...others]

const TOOL = 'node_modules/@stryker-mutator/core/bin/stryker.js'
if (!existsSync(join(HERE, TOOL))) run('npm', ['ci', '--no-audit', '--no-fund'], HERE)

const tests = new Set(files.map((file) => `${dirname(file)}/*.test.ts`))
process.env['MUTATION_TESTS'] = [...tests].join(',')

run(
  process.execPath,
  [
    join(HERE, TOOL),
    'run',
    join(HERE, 'stryker.config.json'),
    '--mutate',
    [...files, '!**/*.test.ts'].join(','),
    '--tempDirName',
    join(tmpdir(), 'countersign-mutation'),
  ],
  ROOT,
)

function run(command: string, args: readonly string[], cwd: string): void {
  const { status } = spawnSync(command, args, { cwd, stdio: 'inherit' })
  if (status !== 0) process.exit(status ?? 1)
}
