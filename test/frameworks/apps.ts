import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { installSdk } from '../runtimes/runtimes.ts'
import { ROOT } from '../support/spawn.ts'

/** How the example of a heavy framework becomes an app that is tested: with `apps/` laid over it. */

const HERE = fileURLToPath(new URL('.', import.meta.url))
const APPS = join(HERE, '.apps')

const run = promisify(execFile)

/** Nothing is told to anybody, and each server is where the test looks. */
export const ENVIRONMENT = {
  NEXT_TELEMETRY_DISABLED: '1',
  NUXT_TELEMETRY_DISABLED: '1',
  ASTRO_TELEMETRY_DISABLED: '1',
  DO_NOT_TRACK: '1',
  HOST: '127.0.0.1',
  NODE_ENV: 'production',
  // Colours would stand between the words of a failure.
  NO_COLOR: '1',
} as const

/** Before all tests: installs what the lock file names, unless that has been done, and the build of `countersign`. */
export async function setup(): Promise<void> {
  const done = statSync(join(HERE, 'node_modules/.package-lock.json'), { throwIfNoEntry: false })
  if (done === undefined || done.mtimeMs < statSync(join(HERE, 'package-lock.json')).mtimeMs) {
    // Not `npm ci`: it demands of a registry what an optional dependency names for other platforms.
    await run('npm', ['install', '--no-save', '--no-audit', '--no-fund'], {
      cwd: HERE,
      maxBuffer: 2 ** 26,
    })
  }
  await rm(APPS, { recursive: true, force: true })
  await mkdir(APPS)
  await installSdk(APPS)
}

/** Builds an app as its page says, and tells where it is. */
export async function build(name: string): Promise<string> {
  const folder = join(APPS, name)
  await cp(join(ROOT, 'examples', name), folder, { recursive: true })
  await cp(join(HERE, 'apps', name), folder, { recursive: true })
  const { PATH, HOME } = process.env
  await run('npm', ['run', 'build'], {
    cwd: folder,
    env: { PATH, HOME, ...ENVIRONMENT, CI: 'true' },
    maxBuffer: 2 ** 26,
  })
  return folder
}
