import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** The root of the repository. */
export const ROOT: string = fileURLToPath(new URL('../..', import.meta.url))

/** Runs one of our TypeScript files in a Node process of its own, from source. */
export function spawnSource(file: string, ...args: string[]): ChildProcess {
  return spawn(
    process.execPath,
    ['--import', './tools/typescript.js', '--conditions=source', file, ...args],
    { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] },
  )
}

/** The first line that a process writes to standard output. */
export async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error('The process has no standard output.')
  const lines = createInterface({ input: child.stdout })
  const [line] = (await Promise.race([
    once(lines, 'line'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`The process ended with ${String(code)} before it wrote a line.`)
    }),
  ])) as [string]
  lines.close()
  child.stdout.resume()
  return line
}

/** Ends a process without letting it say goodbye. */
export async function kill(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}
