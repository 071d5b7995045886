import { execFile } from 'node:child_process'
import { statSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import process from 'node:process'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Rolldown } from 'tsdown'
import ts from 'typescript'
import { ROOT } from '../support/spawn.ts'
import type { Report, Suite } from './portable/suite.ts'

/**
 * The runtimes, and how the built package is put before each of them: in a folder of its own, as npm
 * would have installed it, so that the `exports` and `imports` maps are read by the runtime itself.
 */

const HERE = fileURLToPath(new URL('.', import.meta.url))
const PACKAGES = join(HERE, 'node_modules')
const SDK = join(ROOT, 'packages/sdk')

const run = promisify(execFile)

export type EngineName = 'node' | 'web'

/** A runtime, and the engine that it is to pick. */
export interface Runtime {
  readonly name: string
  readonly engine: EngineName
  readonly binary: string
  /** What is run in the folder of {@link layOut}. */
  readonly args: readonly string[]
}

const isArm = process.arch === 'arm64'

/**
 * From the packages that hold the binaries themselves: those around them would need install scripts, and
 * the lock file would have to name systems for which not every version is published.
 */
export const BINARIES = {
  node24: join(PACKAGES, `node-linux-${process.arch}/bin/node`),
  bun: join(PACKAGES, `@oven/bun-linux-${isArm ? 'aarch64' : 'x64'}/bin/bun`),
  deno: join(PACKAGES, `@deno/linux-${process.arch}-glibc/deno`),
  workerd: join(PACKAGES, `@cloudflare/workerd-linux-${isArm ? 'arm64' : '64'}/bin/workerd`),
} as const

// No permission is given, and nothing may be fetched.
const DENO = ['run', '--no-prompt', '--no-remote', '--cached-only', '--no-config', '--no-lock']
const DENO_MODULES = '--node-modules-dir=manual'
const THIS_NODE = `Node ${process.version.slice(1).split('.', 1)[0] ?? ''}, which runs this test`

/**
 * Node, Bun and Deno all resolve the condition `node`. Each of them is run once more with `browser`, as
 * a bundler or a user would set it: no runtime may give another verdict on the engine it does not pick.
 */
export const RUNTIMES: readonly Runtime[] = [
  { name: THIS_NODE, engine: 'node', binary: process.execPath, args: ['main.js'] },
  {
    name: `${THIS_NODE}, on the web engine`,
    engine: 'web',
    binary: process.execPath,
    args: ['--conditions=browser', 'main.js'],
  },
  { name: 'Node 24', engine: 'node', binary: BINARIES.node24, args: ['main.js'] },
  {
    name: 'Node 24, on the web engine',
    engine: 'web',
    binary: BINARIES.node24,
    args: ['--conditions=browser', 'main.js'],
  },
  { name: 'Bun', engine: 'node', binary: BINARIES.bun, args: ['--no-install', 'main.js'] },
  {
    name: 'Bun, on the web engine',
    engine: 'web',
    binary: BINARIES.bun,
    args: ['--no-install', '--conditions=browser', 'main.js'],
  },
  {
    name: 'Deno',
    engine: 'node',
    binary: BINARIES.deno,
    args: [...DENO, DENO_MODULES, 'main.js'],
  },
  {
    name: 'Deno, on the web engine',
    engine: 'web',
    binary: BINARIES.deno,
    args: [...DENO, DENO_MODULES, '--conditions=browser', 'main.js'],
  },
  { name: 'workerd', engine: 'web', binary: BINARIES.workerd, args: ['test', 'workerd.capnp'] },
]

const INSTALL_TIMEOUT_MS = 240_000
const LOCK_POLL_MS = 200
const RUN_TIMEOUT_MS = 110_000
const VERSION_TIMEOUT_MS = 20_000
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024

/** Installs what the lock file of this folder names, unless that has been done; says what went wrong. */
export async function installRuntimes(): Promise<string | null> {
  if (areInstalled()) return null
  // Two test files may want it at the same moment, and npm does not share a folder.
  const lock = join(HERE, 'node_modules.lock')
  const begin = performance.now()
  while (
    !(await mkdir(lock).then(
      () => true,
      () => false,
    ))
  ) {
    if (performance.now() - begin > INSTALL_TIMEOUT_MS) return `${lock} is in the way`
    await setTimeout(LOCK_POLL_MS)
  }
  try {
    if (areInstalled()) return null
    await run('npm', ['ci', '--no-audit', '--no-fund'], { cwd: HERE, timeout: INSTALL_TIMEOUT_MS })
    return null
  } catch (error) {
    const [reason = String(error)] = /npm error(?! code).*/.exec(String(error)) ?? []
    return `npm ci failed, ${reason}`
  } finally {
    await rm(lock, { recursive: true })
  }
}

function areInstalled(): boolean {
  const installed = statSync(join(PACKAGES, '.package-lock.json'), { throwIfNoEntry: false })
  const locked = statSync(join(HERE, 'package-lock.json'))
  return installed !== undefined && installed.mtimeMs >= locked.mtimeMs
}

/** The version that a runtime says it has, or `null` where its binary is not there or does not run. */
export async function versionOf({ binary }: Pick<Runtime, 'binary'>): Promise<string | null> {
  try {
    const { stdout } = await run(binary, ['--version'], { timeout: VERSION_TIMEOUT_MS })
    return stdout.split('\n', 1)[0] ?? ''
  } catch {
    return null
  }
}

/** Puts the built package into a folder as npm would, and tells where. */
export async function installSdk(folder: string): Promise<string> {
  const installed = join(folder, 'node_modules/countersign')
  await mkdir(installed, { recursive: true })
  await cp(join(SDK, 'package.json'), join(installed, 'package.json'))
  await cp(join(SDK, 'dist'), join(installed, 'dist'), { recursive: true })
  return installed
}

/** Puts the built package, the suite and the two programs that run it into an empty folder. */
export async function layOut(folder: string, suite: Suite): Promise<void> {
  const installed = await installSdk(folder)
  // Only a file of the package may ask for what its `imports` map names.
  await write(
    join(installed, 'dist/engine-here.js'),
    `import * as chosen from '#engine'`,
    `export const engine = chosen.engine.name`,
  )

  await transpile(join(HERE, 'portable'), folder)
  await write(
    join(folder, 'report.js'),
    `import { engine } from './node_modules/countersign/dist/engine-here.js'`,
    `import { runConformance } from './conformance.js'`,
    `const suite = JSON.parse(${JSON.stringify(JSON.stringify(suite))})`,
    `export const report = async () =>`,
    `  JSON.stringify({ engine, ...(await runConformance(suite)) })`,
  )
  await write(
    join(folder, 'package.json'),
    JSON.stringify({ private: true, type: 'module', dependencies: { countersign: '*' } }),
  )
  await write(
    join(folder, 'main.js'),
    `import { report } from './report.js'`,
    // A fetch of the suite that hangs holds no socket, and Node would end before its time is up.
    `const awake = setInterval(() => undefined, 1000)`,
    `console.log(await report())`,
    `clearInterval(awake)`,
  )
  await layOutWorker(folder)
}

/** As plain JavaScript, which all of them read. */
async function transpile(from: string, to: string): Promise<void> {
  for (const file of await readdir(from)) {
    const { outputText } = ts.transpileModule(await readFile(join(from, file), 'utf8'), {
      compilerOptions: {
        target: ts.ScriptTarget.ES2023,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    })
    await write(join(to, file.replace(/\.ts$/, '.js')), outputText)
  }
}

/** workerd has no `node_modules`: its programs come as one file, from a bundler that says `workerd`. */
export async function bundleWorker(folder: string, source: string): Promise<void> {
  const bundle = await Rolldown.rolldown({
    input: join(folder, source),
    cwd: folder,
    platform: 'neutral',
    external: [/^cloudflare:/],
    resolve: { conditionNames: ['workerd', 'worker', 'browser', 'import', 'default'] },
    onLog(level, log) {
      if (level === 'warn') throw new Error(log.message)
    },
  })
  await bundle.write({ file: join(folder, 'bundle.js'), codeSplitting: false, format: 'esm' })
  await bundle.close()
}

async function layOutWorker(folder: string): Promise<void> {
  await write(
    join(folder, 'worker-source.js'),
    `import { report } from './report.js'`,
    `export default { async test() { console.log(await report()) } }`,
  )
  await bundleWorker(folder, 'worker-source.js')
  await write(
    join(folder, 'workerd.capnp'),
    'using Workerd = import "/workerd/workerd.capnp";',
    'const config :Workerd.Config = (services = [(name = "main", worker = (',
    '  modules = [(name = "bundle.js", esModule = embed "bundle.js")],',
    // Without `nodejs_compat`: the package must not need it.
    '  compatibilityDate = "2025-01-01",',
    '))]);',
  )
}

/** Runs the suite on one runtime, in the folder that was laid out. */
export async function runOn(
  { binary, args }: Runtime,
  folder: string,
): Promise<Report & { readonly engine: string }> {
  // Nothing of this process's settings: they would be ours and not the runtime's.
  const env = { PATH: process.env['PATH'], HOME: folder, DENO_DIR: join(folder, '.deno') }
  const { stdout } = await run(binary, [...args], {
    cwd: folder,
    env: { ...env, DENO_NO_UPDATE_CHECK: '1', DO_NOT_TRACK: '1' },
    timeout: RUN_TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  })
  const line = stdout.split('\n').find((one) => one.startsWith('{"engine"'))
  if (line === undefined) throw new Error(`No report, but: ${stdout.slice(0, 2_000)}`)
  return JSON.parse(line) as Report & { readonly engine: string }
}

async function write(file: string, ...lines: string[]): Promise<void> {
  await writeFile(file, `${lines.join('\n')}\n`)
}
