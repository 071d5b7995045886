import { readFileSync } from 'node:fs'
import { nearest } from '../../nearest.ts'
import { readArguments } from './arguments.ts'
import type { Command, Entries, Noun, Report } from './command.ts'
import { CommandError, EXIT, type ExitCode, explain } from './failure.ts'
import type { Shell } from './shell.ts'
import { safe } from './show.ts'
import { wrap } from './text.ts'
import { commandHelp, nounHelp, rootHelp } from './usage.ts'

/** Runs one command line to its end. Never throws. */
export async function runProgram(
  entries: Entries,
  argv: readonly string[],
  shell: Shell,
): Promise<ExitCode> {
  try {
    return await dispatch(entries, argv, shell)
  } catch (error) {
    return tell(error, argv.includes('--json'), shell)
  }
}

/** The release, from the manifest of the package. */
export function version(): string {
  const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { version: string }).version
}

async function dispatch(
  entries: Entries,
  argv: readonly string[],
  shell: Shell,
): Promise<ExitCode> {
  const [name, ...rest] = argv
  if (name === '--version' || name === '-v') return print(shell, `countersign ${version()}`)
  if (name === undefined || isHelp(name)) return print(shell, rootHelp(entries, shell.style))
  if (name === 'help') return dispatch(entries, [...rest, '--help'], shell)
  const entry = Object.hasOwn(entries, name) ? entries[name] : undefined
  if (entry === undefined) throw unknownCommand(name, Object.keys(entries), '')
  const loaded = await entry.load()
  return 'run' in loaded
    ? runCommand(loaded, name, rest, shell)
    : dispatchNoun(loaded, name, rest, shell)
}

async function dispatchNoun(
  noun: Noun,
  name: string,
  argv: readonly string[],
  shell: Shell,
): Promise<ExitCode> {
  const [verb, ...rest] = argv
  if (verb !== undefined && isHelp(verb)) return print(shell, nounHelp(noun, name, shell.style))
  if (verb === undefined) {
    shell.note(nounHelp(noun, name, shell.noteStyle))
    return EXIT.usage
  }
  const command = Object.hasOwn(noun.commands, verb) ? noun.commands[verb] : undefined
  if (command === undefined) throw unknownCommand(verb, Object.keys(noun.commands), name)
  return runCommand(command, `${name} ${verb}`, rest, shell)
}

async function runCommand(
  command: Command,
  path: string,
  argv: readonly string[],
  shell: Shell,
): Promise<ExitCode> {
  if (argv.some(isHelp)) return print(shell, commandHelp(command, path, shell.style))
  const { input, json } = readArguments(command, path, argv)
  // The values are those that the command's own flags have read.
  const report = await command.run(input as never, shell)
  if (typeof report === 'number') return report
  show(report, json, shell)
  if (report.failure !== undefined) throw report.failure
  return report.exitCode ?? EXIT.ok
}

function show(report: Report, json: boolean, shell: Shell): void {
  if (json) {
    shell.print(JSON.stringify(report.data, null, 2))
    return
  }
  for (const line of report.lines) shell.print(line)
  for (const line of report.notes ?? []) shell.note(line)
}

function tell(error: unknown, json: boolean, shell: Shell): ExitCode {
  const { what, remedy, code, exitCode } = explain(error)
  if (json) {
    shell.note(JSON.stringify({ error: { code, message: what, remedy } }))
    return exitCode
  }
  const { red, dim } = shell.noteStyle
  const indented = (text: string): string[] =>
    text.split('\n').flatMap((line) => wrap(safe(line), 72).map((part) => `        ${part}`))
  shell.note(`${red('error')}${indented(what).join('\n').slice(5)}`)
  for (const line of indented(remedy)) shell.note(line)
  if (code !== 'usage') shell.note(dim(`        ${code} · docs/errors.md#${code}`))
  return exitCode
}

function unknownCommand(word: string, names: readonly string[], noun: string): CommandError {
  const path = noun === '' ? 'countersign' : `countersign ${noun}`
  const guess = nearest(word, names)
  const hint = guess === null ? '' : ` Did you mean "${path} ${guess}"?`
  const shown = word.length > 24 ? `${word.slice(0, 8)}…` : word
  return new CommandError('usage', `"${shown}" is no command of ${path}.${hint}`, {
    remedy: `See: ${path} --help`,
  })
}

function isHelp(word: string): boolean {
  return word === '--help' || word === '-h'
}

function print(shell: Shell, text: string): ExitCode {
  shell.print(text)
  return EXIT.ok
}
