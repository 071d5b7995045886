import { parseArgs } from 'node:util'
import { nearest } from '../../nearest.ts'
import { type Command, type Flag, type Flags, onSwitch } from './command.ts'
import { CommandError } from './failure.ts'

/** What every command takes besides its own. */
export const COMMON_FLAGS = {
  json: onSwitch('Print one JSON document instead of text.'),
  help: onSwitch('Show this help.'),
} as const satisfies Flags

/** A command line, taken apart. Nothing in it is left over. */
export interface Arguments {
  readonly input: Readonly<Record<string, unknown>>
  readonly json: boolean
}

/**
 * Reads what stands after a command's name.
 *
 * @param path The command's name, as in `machines list`.
 * @throws {CommandError} `usage` for everything that the command does not take.
 */
export function readArguments(command: Command, path: string, argv: readonly string[]): Arguments {
  const flags: Flags = { ...command.flags, ...COMMON_FLAGS }
  const { texts, words } = split(flags, path, argv)
  const names = Object.keys(command.words)
  const missing = names[words.length]
  if (missing !== undefined && !missing.endsWith('?')) {
    throw usage(path, `${missing.toUpperCase()} is missing.`)
  }
  const extra = words[names.length]
  if (extra !== undefined) throw usage(path, `"${shorten(extra)}" is one word too many.`)
  const values = Object.entries(flags).map(
    ([name, flag]) => [name, readFlag(flag, toOption(name), texts, path)] as const,
  )
  const input = {
    ...Object.fromEntries(values),
    ...Object.fromEntries(names.map((name, index) => [name.replace(/\?$/, ''), words[index]])),
  }
  return { input, json: texts.has('json') }
}

/** `secretKeyFile` is written `--secret-key-file`. */
export function toOption(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

function readFlag(
  flag: Flag<unknown>,
  option: string,
  texts: ReadonlyMap<string, readonly string[]>,
  path: string,
): unknown {
  try {
    return flag.read(texts.get(option) ?? [], option)
  } catch (error) {
    throw error instanceof CommandError ? usage(path, error.message) : error
  }
}

function split(
  flags: Flags,
  path: string,
  argv: readonly string[],
): { readonly texts: ReadonlyMap<string, readonly string[]>; readonly words: readonly string[] } {
  const options = Object.entries(flags).map(
    ([name, flag]) =>
      [
        toOption(name),
        { type: flag.hint === null ? 'boolean' : 'string', multiple: true },
      ] as const,
  )
  const { tokens } = parseArgs({
    args: [...argv],
    options: Object.fromEntries(options),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const byOption = new Map(Object.entries(flags).map(([name, flag]) => [toOption(name), flag]))
  const texts = new Map<string, string[]>()
  const words: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') words.push(token.value)
    if (token.kind !== 'option') continue
    const flag = byOption.get(token.name)
    if (flag === undefined) throw unknownOption(path, token.rawName, [...byOption.keys()])
    if (flag.hint === null && token.value !== undefined) {
      throw usage(path, `${token.rawName} takes no value.`)
    }
    const swallowed = token.inlineValue !== true && token.value?.startsWith('--') === true
    if (flag.hint !== null && (token.value === undefined || swallowed)) {
      throw usage(path, `${token.rawName} needs a value: ${token.rawName} ${flag.hint}`)
    }
    texts.set(token.name, [...(texts.get(token.name) ?? []), token.value ?? ''])
  }
  return { texts, words }
}

function unknownOption(path: string, rawName: string, names: readonly string[]): CommandError {
  const guess = nearest(rawName.replace(/^-+/, ''), names)
  const hint = guess === null ? '' : ` Did you mean --${guess}?`
  return usage(path, `${shorten(rawName)} is no option of "countersign ${path}".${hint}`)
}

function usage(path: string, message: string): CommandError {
  return new CommandError('usage', message, { remedy: `See: countersign ${path} --help` })
}

/** What was given may be a secret in the wrong place: a few letters tell the writer which it was. */
function shorten(text: string): string {
  return text.length > 24 ? `${text.slice(0, 8)}…` : text
}
