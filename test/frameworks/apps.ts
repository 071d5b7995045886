import { execFile, execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { cp, mkdir, rm } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { installSdk } from '../runtimes/runtimes.ts'
import { ROOT } from '../support/spawn.ts'

/** How the example of a heavy framework becomes an app that is tested: with `apps/` laid over it. */

const HERE = fileURLToPath(new URL('.', import.meta.url))

const run = promisify(execFile)

/** Their packages, by the names of our pages and examples. */
export const FRAMEWORKS = {
  astro: 'astro',
  nextjs: 'next',
  nuxt: 'nuxt',
  'react-router': 'react-router',
  'tanstack-react-start': '@tanstack/react-start',
} as const

/**
 * Each set has a lock file of its own: the newest majors that run on Node 20, on the Node that runs the
 * tests, and those that are newer and need a later Node, on Node 24.
 */
export type SetName = 'node20' | 'node24'

const { PATH = '', HOME = '' } = process.env

/** From the package that holds the binary itself: the one around it would need an install script. */
const NODE_24 = join(HERE, `node24/node_modules/node-linux-${process.arch}/bin/node`)

const PATHS = { node20: PATH, node24: [dirname(NODE_24), PATH].join(delimiter) } as const

/** Nothing is told to anybody, and each server is where the test looks. */
export function environmentOf(set: SetName): Readonly<Record<string, string>> {
  return {
    // npm, and whatever it starts, is run by the first `node` in it.
    PATH: PATHS[set],
    NEXT_TELEMETRY_DISABLED: '1',
    NUXT_TELEMETRY_DISABLED: '1',
    ASTRO_TELEMETRY_DISABLED: '1',
    DO_NOT_TRACK: '1',
    HOST: '127.0.0.1',
    NODE_ENV: 'production',
    // Colours would stand between the words of a failure.
    NO_COLOR: '1',
  }
}

/** Before all tests: installs what the lock files name, unless that has been done, and the build of `countersign`. */
export async function setup(): Promise<void> {
  await Promise.all([install('node20'), install('node24')])
  const why = missing('node24')
  if (why !== null) console.warn(`SKIPPED, what needs Node 24: ${why}.`)
}

/** Why the apps of a set cannot be run here, or `null`. */
export function missing(set: SetName): string | null {
  if (set === 'node20') return null
  try {
    const version = execFileSync(NODE_24, ['--version'], { encoding: 'utf8' }).trim()
    return version.startsWith('v24.') ? null : `${NODE_24} is ${version}`
  } catch {
    return `there is no Node 24 from npm for ${process.platform}-${process.arch}`
  }
}

/** The versions of a set, by their packages. */
export function versionsOf(set: SetName): Readonly<Record<string, string>> {
  const { dependencies } = JSON.parse(readFileSync(join(HERE, set, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  return dependencies
}

/** Builds an app as its page says, and tells where it is. */
export async function build(set: SetName, name: string): Promise<string> {
  const folder = join(HERE, set, '.apps', name)
  const layers = [
    join(ROOT, 'examples', name),
    join(HERE, 'apps', name),
    join(HERE, set, 'apps', name),
  ]
  for (const layer of layers.filter((one) => existsSync(one))) {
    await cp(layer, folder, { recursive: true })
  }
  await run('npm', ['run', 'build'], {
    cwd: folder,
    env: { HOME, ...environmentOf(set), CI: 'true' },
    maxBuffer: 2 ** 26,
  })
  return folder
}

/** Compiles `types` with the versions of a set. */
export async function compile(set: SetName): Promise<void> {
  const folder = join(HERE, set, '.apps/types')
  await cp(join(HERE, 'types'), folder, { recursive: true })
  try {
    await run(join(ROOT, 'node_modules/.bin/tsc'), ['-p', folder])
  } catch (cause) {
    throw new Error((cause as { readonly stdout: string }).stdout, { cause })
  }
}

async function install(set: SetName): Promise<void> {
  const folder = join(HERE, set)
  const done = statSync(join(folder, 'node_modules/.package-lock.json'), { throwIfNoEntry: false })
  if (done === undefined || done.mtimeMs < statSync(join(folder, 'package-lock.json')).mtimeMs) {
    // Not `npm ci`: it demands of a registry what an optional dependency names for other platforms.
    await run('npm', ['install', '--no-save', '--no-audit', '--no-fund'], {
      cwd: folder,
      maxBuffer: 2 ** 26,
    })
  }
  const apps = join(folder, '.apps')
  await rm(apps, { recursive: true, force: true })
  await mkdir(apps)
  await installSdk(apps)
}
