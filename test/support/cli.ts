import picocolors from 'picocolors'
import { ENTRIES } from '../../packages/authority/src/cli/commands.ts'
import { runProgram } from '../../packages/authority/src/cli/shell/program.ts'

/** What a command ended with and printed. */
export interface CommandOutcome {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs `countersign` with these words in this environment, on no terminal. */
export async function runCommand(
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<CommandOutcome> {
  const [out, err]: [string[], string[]] = [[], []]
  const style = picocolors.createColors(false)
  const code = await runProgram(ENTRIES, [...argv], {
    env,
    style,
    noteStyle: style,
    print: (text) => void out.push(text),
    note: (text) => void err.push(text),
    readInput: () => Promise.resolve(''),
    confirm: () => Promise.resolve(),
    now: () => Date.now(),
    elapsed: () => performance.now(),
    untilStopped: () => Promise.resolve(),
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
