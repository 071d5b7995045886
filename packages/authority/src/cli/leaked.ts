import { createReadStream } from 'node:fs'
import { CountersignError } from 'countersign'
import { CREDENTIAL_PATTERNS, MAX_TOKEN_CHARACTERS, parseCredential } from 'countersign/token'
import { inspect } from './inspect.ts'
import { type Command, defineCommand, onSwitch, textFlag } from './shell/command.ts'
import { CommandError, EXIT } from './shell/failure.ts'
import { findAuthority, TARGET_FLAGS } from './shell/remote.ts'
import { safe } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'

/** A credential that was found. Its text stays here unless it is reported. */
interface Found {
  readonly line: number
  readonly column: number
  readonly kind: string
  readonly id: string
  readonly text: string
}

/** Longer lines are looked at in pieces, which overlap by the length of the longest token. */
const MAX_LINE_CHARACTERS = 1_048_576

const JWT = String.raw`(?<![\w-])eyJ[\w-]+\.eyJ[\w-]+\.[\w-]+`

const OPAQUE = CREDENTIAL_PATTERNS.map(({ pattern }) => pattern).join('|')

const ANY = new RegExp(`(?<![0-9A-Za-z])(?:${OPAQUE})(?![0-9A-Za-z])|${JWT}`, 'g')

const REPORT_AT_ONCE = 100

export const leaked: Command = defineCommand({
  about: 'Looks for credentials of an authority in a text: source code, a log, a commit.',
  details:
    'Nothing leaves this machine: what looks like a credential is known by its checksum, so next to nothing is found by mistake; a JWT is known by its class. It says where and which, never the credential itself. Exit code 1 when there is one, for a pre-commit hook. With --report the authority is told, and ends those that are live: tokens and API keys at once; of machine secrets it tells the audit log.',
  examples: [
    ['leaked src/config.ts', 'one file'],
    ['leaked - < app.log', 'from standard input'],
    ['leaked dump.txt --report --source "paste site"', 'and have them ended'],
  ],
  words: { file: 'The file to look through; - is standard input.' },
  flags: {
    report: onSwitch('Tell the authority.'),
    source: textFlag('TEXT', 'Where they were found, for the audit log.'),
    ...TARGET_FLAGS,
  },
  async run({ file, report, source, ...input }, shell) {
    const found = await scan(file, shell)
    if (report && found.length > 0) {
      const { url } = await findAuthority(input, shell)
      await tellAuthority(url, found, source ?? null)
    }
    const data = found.map(({ text: _, ...what }) => what)
    return {
      data: { found: data, reported: report && found.length > 0 },
      lines: data.map(({ line, column, kind, id }) => `${line}:${column} ${kind} ${safe(id)}`),
      notes: [
        found.length === 0
          ? 'No credential was found.'
          : `${found.length} found${report ? ' and reported' : ''}.`,
      ],
      exitCode: found.length === 0 ? EXIT.ok : EXIT.failed,
    }
  },
})

async function scan(file: string, shell: Shell): Promise<readonly Found[]> {
  const found: Found[] = []
  let place = { line: 1, column: 1 }
  let rest = ''
  const look = (text: string): void => {
    for (const { 0: match, index } of text.matchAll(ANY)) {
      const what = recognise(match)
      const at = { line: place.line, column: place.column + index }
      // Where two pieces of a line overlap, the same one is seen twice.
      const last = found.at(-1)
      const isNew = last === undefined || at.line > last.line || at.column > last.column
      if (what !== null && isNew) found.push({ ...at, ...what, text: match })
    }
  }
  for await (const chunk of chunksOf(file, shell)) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) {
      look(text)
      place = { line: place.line + 1, column: 1 }
    }
    if (rest.length > MAX_LINE_CHARACTERS) {
      look(rest)
      const done = rest.length - MAX_TOKEN_CHARACTERS
      place = { ...place, column: place.column + done }
      rest = rest.slice(done)
    }
  }
  look(rest)
  return found
}

function recognise(text: string): Pick<Found, 'kind' | 'id'> | null {
  const credential = parseCredential(text)
  if (credential !== null) return { kind: credential.kind, id: credential.id }
  const { class: kind, ids } = inspect(text)
  return kind === 'm2m-jwt' ? { kind, id: ids['token'] ?? '' } : null
}

async function* chunksOf(file: string, shell: Shell): AsyncGenerator<string> {
  if (file === '-') {
    yield await shell.readInput()
    return
  }
  try {
    for await (const chunk of createReadStream(file, 'utf8')) yield chunk as string
  } catch (error) {
    throw new CommandError('usage', `${file} cannot be read.`, { cause: error })
  }
}

const TIMEOUT_MS = 10_000

async function tellAuthority(
  url: string,
  found: readonly Found[],
  source: string | null,
): Promise<void> {
  for (let start = 0; start < found.length; start += REPORT_AT_ONCE) {
    const credentials = found.slice(start, start + REPORT_AT_ONCE).map(({ text }) => text)
    const answer = await fetch(`${url}/leaked-credentials`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ credentials, source }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    }).catch((cause: unknown) => {
      throw new CountersignError('authority-unreachable', {
        expected: `an answer of ${url}`,
        cause,
      })
    })
    if (answer.status === 202) continue
    throw new CountersignError('request-refused', { status: answer.status })
  }
}
