import { cp, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSetting, EXAMPLES, expectAnswers, startExample } from '../examples/support.ts'
import { ROOT } from '../support/spawn.ts'
import { BINARIES, bundleWorker, installSdk, versionOf } from './runtimes.ts'

/** What its page says for each runtime; `$PORT` is the port. workerd is what `wrangler dev` starts. */
export const COMMANDS = {
  Bun: [BINARIES.bun, 'worker.js'],
  Deno: [
    ...[BINARIES.deno, 'serve', '--allow-env', '--allow-net', '--port', '$PORT'],
    ...['--no-remote', '--no-lock', '--node-modules-dir=manual', 'worker.js'],
  ],
  workerd: [BINARIES.workerd, 'serve', '--socket-addr', 'http=127.0.0.1:$PORT', 'example.capnp'],
} as const

export const TIMEOUT = { timeout: 60_000 }

/** For workerd: `bundle.js` behind a port, with what every example is set up with. */
export const CONFIGURATION = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "bundle.js", esModule = embed "bundle.js")],
      bindings = [
        (name = "COUNTERSIGN_URL", fromEnvironment = "COUNTERSIGN_URL"),
        (name = "COUNTERSIGN_MACHINE_SECRET_KEY", fromEnvironment = "COUNTERSIGN_MACHINE_SECRET_KEY"),
        (name = "COUNTERSIGN_SECRET_KEY", fromEnvironment = "COUNTERSIGN_SECRET_KEY"),
      ],
      compatibilityDate = "2025-01-01",
    )),
    (name = "internet", network = (allow = ["private", "public"])),
  ],
  sockets = [(name = "http", http = (), service = "main")],
);
`

/** Skips what a runtime is missing for; on a machine of CI it must be there. @param missing Why it is not. */
export async function expectRuntime(
  name: string,
  binary: string,
  missing: string | null,
  skip: (why: string) => void,
): Promise<void> {
  if ((await versionOf({ binary })) !== null) return
  const why = `${name}: ${missing ?? `${binary} does not run`}`
  if (process.env['CI'] === 'true') expect.fail(why)
  skip(`SKIPPED: ${why}`)
}

/** Starts the examples where `npm test` does not. @param missing Why a runtime is not here. */
export function testExamples(missing: string | null): void {
  const isHere = (name: string, binary: string, skip: (why: string) => void): Promise<void> =>
    expectRuntime(name, binary, missing, skip)

  describe('examples/workers', () => {
    let folder: string
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'countersign-example-'))
      await installSdk(folder)
      for (const file of ['worker.js', 'package.json']) {
        await cp(join(ROOT, 'examples/workers', file), join(folder, file))
      }
      await bundleWorker(folder, 'worker.js')
      await writeFile(join(folder, 'example.capnp'), CONFIGURATION)
    })
    afterAll(() => rm(folder, { recursive: true }))

    test.for(Object.entries(COMMANDS))(
      'starts on %s, and lets in who may come in',
      TIMEOUT,
      async ([name, [binary, ...args]], { skip }) => {
        await isHere(name, binary, skip)
        await using setting = await createSetting()
        await using example = await startExample(binary, args, folder, setting.env)
        await expectAnswers(example, setting, false)
      },
    )
  })

  test.for(['h3', 'hono'])(
    '%s is a worker on workerd, and lets in who may come in',
    TIMEOUT,
    async (name, { skip }) => {
      await isHere('workerd', BINARIES.workerd, skip)
      const folder = await mkdtemp(join(tmpdir(), 'countersign-edge-'))
      await installSdk(folder)
      await symlink(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name))
      await cp(join(ROOT, 'test/runtimes/edge', `${name}.js`), join(folder, 'worker.js'))
      await bundleWorker(folder, 'worker.js')
      await writeFile(join(folder, 'example.capnp'), CONFIGURATION)
      await using setting = await createSetting()
      const [binary, ...args] = COMMANDS.workerd
      await using worker = await startExample(binary, args, folder, setting.env)
      await expectAnswers(worker, setting, false)
      await rm(folder, { recursive: true })
    },
  )

  test.for(EXAMPLES)(
    'examples/%s starts on Node 24, and lets in who may come in',
    TIMEOUT,
    async (name, { skip }) => {
      await isHere('Node 24', BINARIES.node24, skip)
      await using setting = await createSetting()
      const folder = join(ROOT, 'examples', name)
      const started = startExample(BINARIES.node24, ['server.js'], folder, setting.env)
      await using example = await started
      await expectAnswers(example, setting, true)
    },
  )
}
