import process from 'node:process'
import picocolors from 'picocolors'
import { CommandError } from './failure.ts'

/** Colours and weights; plain text where colour is not wanted. */
export type Style = ReturnType<typeof picocolors.createColors>

/** All that a command touches of the world around it, apart from files and sockets. */
export interface Shell {
  readonly env: Readonly<Record<string, string | undefined>>
  /** For standard output. */
  readonly style: Style
  /** For standard error. */
  readonly noteStyle: Style
  /** Writes a line to standard output. */
  readonly print: (line: string) => void
  /** Writes a line to standard error. */
  readonly note: (line: string) => void
  /** All of standard input, without white space around it. @throws {CommandError} `usage`, the second time */
  readInput(): Promise<string>
  /**
   * Asks on a terminal; elsewhere, in a script, the answer is yes.
   *
   * @throws {CommandError} `confirmation-refused`
   */
  confirm(question: string): Promise<void>
  /** Epoch milliseconds. */
  now(): number
  /** A time to measure with, in milliseconds. */
  readonly elapsed: () => number
  /** Waits for SIGINT or SIGTERM; a second one ends the process at once. */
  untilStopped(): Promise<void>
}

/** The shell of this process. */
export function createProcessShell(): Shell {
  const { stdin, stdout, stderr, env } = process
  let inputIsRead = false
  // A reader that has seen enough, as head has, is no failure.
  stdout.on('error', () => undefined)
  return Object.freeze({
    env,
    style: picocolors.createColors(wantsColour(env, stdout.isTTY)),
    noteStyle: picocolors.createColors(wantsColour(env, stderr.isTTY)),
    print: (line: string) => void stdout.write(`${line}\n`),
    note: (line: string) => void stderr.write(`${line}\n`),

    async readInput() {
      if (inputIsRead) throw new CommandError('usage', 'Standard input serves one - only.')
      inputIsRead = true
      const chunks: Buffer[] = []
      for await (const chunk of stdin) chunks.push(Buffer.from(chunk as Uint8Array))
      return Buffer.concat(chunks).toString().trim()
    },

    async confirm(question: string) {
      if (!stdin.isTTY || !stderr.isTTY) return
      const { confirm: ask, isCancel } = await import('@clack/prompts')
      const answer = await ask({ message: question, output: stderr, initialValue: false })
      if (isCancel(answer) || !answer)
        throw new CommandError('confirmation-refused', 'Not confirmed.')
    },

    now: () => Date.now(),
    elapsed: () => performance.now(),

    untilStopped: () =>
      new Promise<void>((resolve) => {
        let stoppedAt: number | null = null
        const stop = (): void => {
          const now = performance.now()
          if (stoppedAt !== null && now - stoppedAt > SAME_KEYSTROKE_MS) process.exit(1)
          stoppedAt ??= now
          resolve()
        }
        process.on('SIGINT', stop)
        process.on('SIGTERM', stop)
      }),
  })
}

/**
 * Node 22 calls its SQLite experimental on standard error at each start. What is used of it here is what
 * the package for older releases has as well, and the contract suite of the store runs on both.
 */
export function muteSqliteWarning(): void {
  const emit = process.emitWarning.bind(process) as (...args: unknown[]) => void
  process.emitWarning = (...args: unknown[]) => {
    if (!String(args[0]).startsWith('SQLite is an experimental feature')) emit(...args)
  }
}

/** Under `npm start` and `npx`, one Ctrl-C arrives twice: from the terminal and from npm. */
const SAME_KEYSTROKE_MS = 300

/** https://no-color.org: a value that is not empty, whatever it is. */
function wantsColour(env: Shell['env'], isTerminal: boolean | undefined): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false
  if ((env['FORCE_COLOR'] ?? '') !== '') return env['FORCE_COLOR'] !== '0'
  // Node leaves isTTY undefined for a pipe, and picocolors takes that for a question.
  return isTerminal === true && env['TERM'] !== 'dumb'
}
