import { COMMON_FLAGS, toOption } from './arguments.ts'
import type { Command, Flags, Noun } from './command.ts'
import { EXIT_MEANINGS } from './failure.ts'
import type { Entries } from './command.ts'
import type { Style } from './shell.ts'
import { columns, wrap } from './text.ts'

const WIDTH = 80

/** `countersign --help` */
export function rootHelp(entries: Entries, style: Style): string {
  const groups = [...new Set(Object.values(entries).map((entry) => entry.group))]
  const blocks = groups.map((group) => {
    const rows = Object.entries(entries)
      .filter(([, entry]) => entry.group === group)
      .map(([name, entry]) => [style.cyan(name), entry.about] as const)
    return section(group, columns(rows), style)
  })
  return [
    `${style.bold('countersign')}  machines prove who they are to each other`,
    '',
    ...blocks,
    section(
      'Exit codes',
      columns(EXIT_MEANINGS.map(([code, means]) => [String(code), means])),
      style,
    ),
    `Start with ${style.cyan('countersign dev')}; ask with ${style.cyan('countersign COMMAND --help')}.`,
  ].join('\n')
}

/** `countersign machines --help` */
export function nounHelp(noun: Noun, name: string, style: Style): string {
  const rows = Object.entries(noun.commands).map(
    ([verb, command]) => [style.cyan(synopsis(command, `${name} ${verb}`)), command.about] as const,
  )
  return [
    ...wrap(noun.about, WIDTH),
    '',
    section('Commands', columns(rows, WIDTH - 2), style),
    `Each has its own help: ${style.cyan(`countersign ${name} COMMAND --help`)}`,
  ].join('\n')
}

/** `countersign machines create --help` */
export function commandHelp(command: Command, path: string, style: Style): string {
  const words = Object.entries(command.words).map(
    ([name, about]) => [style.cyan(wordName(name)), about] as const,
  )
  const details = command.details === undefined ? [] : [...wrap(command.details, WIDTH), '']
  return [
    `${style.bold('countersign')} ${synopsis(command, path)} ${style.dim('[options]')}`,
    '',
    ...wrap(command.about, WIDTH),
    '',
    ...details,
    ...(words.length > 0 ? [section('Words', columns(words, WIDTH - 2), style)] : []),
    section('Options', columns(flagRows(command.flags, style), WIDTH - 2), style),
    section('Examples', exampleLines(command, style), style).trimEnd(),
  ].join('\n')
}

/** docs/cli.md, from the definitions. */
export async function renderCliReference(entries: Entries): Promise<string> {
  const parts = await Promise.all(
    Object.entries(entries).map(async ([name, entry]) => {
      const loaded = await entry.load()
      if ('run' in loaded) return commandReference(loaded, name, 2)
      const commands = Object.entries(loaded.commands).map(([verb, command]) =>
        commandReference(command, `${name} ${verb}`, 3),
      )
      return [`## ${name}\n\n${loaded.about}\n`, ...commands].join('\n')
    }),
  )
  const exits = EXIT_MEANINGS.map(([code, means]) => `| ${code} | ${means} |`)
  return `${CLI_PREFACE}| exit code | meaning |\n| --- | --- |\n${exits.join('\n')}\n\n${parts.join('\n')}`
}

const CLI_PREFACE = `<!-- Written from the command definitions in packages/authority/src/cli by their test. -->

# The command line

Every command takes \`--json\`, which prints one JSON document on standard output, and \`--help\`.
An error says on standard error what is wrong, what to do, and its code, which
[errors.md](errors.md) explains; with \`--json\` it is one line of JSON. Durations are written \`90\`,
\`90s\`, \`15m\`, \`1h\` or \`30d\`. A machine is named by its id or by its exact name. Colour is left
out where \`NO_COLOR\` is set or the output is no terminal.

Commands that call an authority find it by \`--url\`, \`COUNTERSIGN_URL\`, the authority that
\`countersign dev\` runs on \`./.countersign\`, or http://127.0.0.1:4100, in this order. A secret key is
never an argument, where every process on the machine could read it: it comes from
\`COUNTERSIGN_SECRET_KEY\` or \`COUNTERSIGN_MACHINE_SECRET_KEY\`, or from a file, \`-\` being standard
input. Beside a running \`countersign dev\`, and towards that very authority only, they use its key.

`

function commandReference(command: Command, path: string, depth: number): string {
  const flags = Object.entries(command.flags).map(
    ([name, flag]) => `- \`${optionSynopsis(name, flag.hint)}\`: ${flag.about}`,
  )
  const words = Object.entries(command.words).map(
    ([name, about]) => `- \`${wordName(name)}\`: ${about}`,
  )
  const examples = command.examples.map(([line, effect]) => `# ${effect}\ncountersign ${line}`)
  return [
    `${'#'.repeat(depth)} countersign ${synopsis(command, path)}`,
    '',
    command.about,
    ...(command.details === undefined ? [] : ['', command.details]),
    '',
    ...words,
    ...flags,
    ...(words.length + flags.length > 0 ? [''] : []),
    '```sh',
    examples.join('\n\n'),
    '```',
    '',
  ].join('\n')
}

function synopsis(command: Command, path: string): string {
  return [path, ...Object.keys(command.words).map(wordName)].join(' ')
}

/** In brackets when it may be left out. */
function wordName(name: string): string {
  return name.endsWith('?') ? `[${name.slice(0, -1).toUpperCase()}]` : name.toUpperCase()
}

function optionSynopsis(name: string, hint: string | null): string {
  return hint === null ? `--${toOption(name)}` : `--${toOption(name)} ${hint}`
}

function flagRows(flags: Flags, style: Style): (readonly [string, string])[] {
  return Object.entries({ ...flags, ...COMMON_FLAGS }).map(([name, flag]) => [
    style.cyan(optionSynopsis(name, flag.hint)),
    flag.about,
  ])
}

function exampleLines(command: Command, style: Style): string[] {
  return command.examples.flatMap(([line, effect]) => [
    `countersign ${line}`,
    style.dim(`  ${effect}`),
  ])
}

function section(title: string, lines: readonly string[], style: Style): string {
  return [style.bold(title), ...lines.map((line) => `  ${line}`), ''].join('\n')
}
