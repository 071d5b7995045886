import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { Rolldown } from 'tsdown'

/** A Worker that serves on real workerd, as its own `workerd.capnp` says. */
export interface RunningWorker {
  readonly url: string
  readonly pid: number
  /** What it logged. */
  readonly lines: readonly string[]
  /** Of its bundle. */
  readonly code: string
  close(): Promise<void>
}

export interface WorkerOptions {
  /** Of workerd. */
  readonly binary: string
  /** Where `workerd.capnp` is. */
  readonly folder: string
  /** What is bundled to `dist/worker.js`. */
  readonly entry: string
  readonly env: Readonly<Record<string, string>>
}

/** Bundles a Worker as for the edge, from the packages as they were built. @throws if it needs Node */
export async function bundleWorker(entry: string): Promise<string> {
  const bundle = await Rolldown.rolldown({
    input: entry,
    platform: 'neutral',
    external: [/^cloudflare:/],
    resolve: { conditionNames: ['workerd', 'worker', 'browser', 'import', 'default'] },
    onLog(level, log) {
      throw new Error(`${level}: ${log.message}`)
    },
  })
  const { output } = await bundle.generate({ format: 'esm', minify: true, codeSplitting: false })
  await bundle.close()
  const [chunk, ...others] = output
  if (others.length > 0) throw new Error('The Worker is more than one file.')
  return chunk.code
}

/** Starts workerd on a free port of the loopback device. */
export async function startWorker(options: WorkerOptions): Promise<RunningWorker> {
  const code = await bundleWorker(options.entry)
  const folder = await mkdtemp(join(tmpdir(), 'countersign-worker-'))
  await cp(join(options.folder, 'workerd.capnp'), join(folder, 'workerd.capnp'))
  await mkdir(join(folder, 'dist'))
  await writeFile(join(folder, 'dist/worker.js'), code)
  const child = spawn(
    options.binary,
    ['serve', 'workerd.capnp', '--socket-addr', 'http=127.0.0.1:0', '--control-fd=3'],
    {
      cwd: folder,
      env: { PATH: process.env['PATH'], ...options.env },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
    },
  )
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream !== null) createInterface({ input: stream }).on('line', (line) => lines.push(line))
  }
  const exited = once(child, 'exit')
  const control = createInterface({ input: child.stdio[3] as Readable })
  const port = await Promise.race([
    new Promise<number>((resolve) => {
      control.on('line', (line) => {
        const event = JSON.parse(line) as { readonly event: string; readonly port?: number }
        if (event.event === 'listen' && event.port !== undefined) resolve(event.port)
      })
    }),
    exited.then(() => {
      throw new Error(`workerd ended: ${lines.join('\n')}`)
    }),
  ])
  return {
    url: `http://127.0.0.1:${port}`,
    pid: child.pid ?? 0,
    lines,
    code,
    async close() {
      child.kill('SIGKILL')
      await exited
      await rm(folder, { recursive: true })
    },
  }
}
