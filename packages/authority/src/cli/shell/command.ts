import { parseDuration } from './duration.ts'
import { CommandError, type ExitCode } from './failure.ts'
import type { Shell } from './shell.ts'

/** An option of a command: how it is written, what it means, and how its text becomes a value. */
export interface Flag<Value> {
  readonly about: string
  /** Stands for the value in the help; `null` for a switch, which takes none. */
  readonly hint: string | null
  /** `texts` has one entry for each time the option was given. */
  read(texts: readonly string[], name: string): Value
}

export type Flags = Readonly<Record<string, Flag<unknown>>>

/** What is given, in this order, and what each means; the last may be left out when its name ends in `?`. */
export type Words = Readonly<Record<string, string>>

/** What a command is run with: its words and options, parsed. */
export type Input<W extends Words, F extends Flags> = {
  readonly [Name in keyof W as Name extends `${infer Bare}?` ? Bare : Name]:
    string | (Name extends `${string}?` ? undefined : never)
} & {
  readonly [Name in keyof F]: F[Name] extends Flag<infer Value> ? Value : never
} & { readonly json: boolean }

/** What a command has to say; with `--json` the data, else the lines. */
export interface Report {
  readonly data: unknown
  /** For standard output. */
  readonly lines: readonly string[]
  /** For the reader, on standard error, so that `$(countersign …)` takes the lines alone. */
  readonly notes?: readonly string[]
  readonly exitCode?: ExitCode
  /** What ended it early, where there is something to say all the same; told after it. */
  readonly failure?: Error
}

export interface Command<W extends Words = Words, F extends Flags = Flags> {
  readonly about: string
  /** Sentences for the help. */
  readonly details?: string
  /** What to write after `countersign`, and what it does. */
  readonly examples: readonly (readonly [line: string, effect: string])[]
  readonly words: W
  readonly flags: F
  /** What it has to say, or, when it has said all itself, how it ended. */
  run(input: Input<W, F>, shell: Shell): Promise<Report | ExitCode>
}

/** Commands under one noun. */
export interface Noun {
  readonly about: string
  readonly commands: Readonly<Record<string, Command>>
}

/** Checks a command's types and forgets them, so that it fits into a {@link Noun}. */
export function defineCommand<W extends Words, F extends Flags>(command: Command<W, F>): Command {
  return command
}

/** An option that is there or not. */
export function onSwitch(about: string): Flag<boolean> {
  return { about, hint: null, read: (texts) => texts.length > 0 }
}

/** For commands that ask first. */
export const yes: Flag<boolean> = onSwitch('Do not ask.')

export function textFlag(hint: string, about: string): Flag<string | undefined> {
  return { about, hint, read: (texts) => texts.at(-1) }
}

/** May be given several times. */
export function textsFlag(hint: string, about: string): Flag<readonly string[]> {
  return { about: `${about} Can be given several times.`, hint, read: (texts) => texts }
}

export function countFlag(hint: string, about: string): Flag<number | undefined> {
  return parsed(hint, about, 'a whole number', (text) =>
    /^\d{1,9}$/.test(text) ? Number(text) : null,
  )
}

/** In seconds, written as `90`, `90s`, `15m`, `1h` or `30d`. */
export function durationFlag(about: string): Flag<number | undefined> {
  return parsed('DURATION', about, 'a duration, such as 90s, 15m, 1h or 30d', parseDuration)
}

export function choiceFlag<const Choice extends string>(
  choices: readonly Choice[],
  about: string,
): Flag<Choice | undefined> {
  const find = (text: string): Choice | null => choices.find((choice) => choice === text) ?? null
  return parsed(choices.join('|'), about, `one of ${choices.join(', ')}`, find)
}

/** Epoch milliseconds, written as a time (ISO 8601, with its zone) or as a duration before now. */
export function instantFlag(about: string): Flag<number | undefined> {
  return parsed('TIME', about, 'a time, such as 2026-01-31T12:00:00Z, or a duration', (text) => {
    const seconds = parseDuration(text)
    if (seconds !== null) return Date.now() - seconds * 1000
    return /^\d{4}-\d\d-\d\d(T[\d:.]+(Z|[+-]\d\d:\d\d))?$/.test(text) &&
      !Number.isNaN(Date.parse(text))
      ? Date.parse(text)
      : null
  })
}

/** A JSON object. */
export function objectFlag(about: string): Flag<Record<string, unknown> | undefined> {
  return parsed('JSON', about, `a JSON object, such as '{"job":"nightly"}'`, (text) => {
    try {
      const value: unknown = JSON.parse(text)
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
      return isObject ? (value as Record<string, unknown>) : null
    } catch {
      return null
    }
  })
}

function parsed<Value>(
  hint: string,
  about: string,
  wanted: string,
  parse: (text: string) => Value | null,
): Flag<Value | undefined> {
  return {
    about,
    hint,
    read(texts, name) {
      const text = texts.at(-1)
      if (text === undefined) return undefined
      const value = parse(text)
      if (value === null) throw new CommandError('usage', `--${name} must be ${wanted}.`)
      return value
    },
  }
}

/** What stands first on the command line. Loaded only when it is called: the authority is large. */
export interface Entry {
  readonly about: string
  readonly group: string
  load(): Promise<Command | Noun>
}

export type Entries = Readonly<Record<string, Entry>>
