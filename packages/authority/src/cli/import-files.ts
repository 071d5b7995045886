import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import process from 'node:process'
import { CommandError } from './shell/failure.ts'

/** What was brought, by the ids of where it came from. Holds no secret. */
export interface ImportMap {
  idOf(sourceId: string): string | undefined
  hasScope(fromSourceId: string, toSourceId: string): boolean
  addMachine(sourceId: string, machine: { readonly id: string; readonly name: string }): void
  addScope(fromSourceId: string, toSourceId: string): void
}

interface MapEntry {
  readonly id: string
  readonly name: string
  /** The machines that it may call, by their ids at the source. */
  readonly scopes: readonly string[]
}

const FORMAT = 'countersign-import-clerk'
const MAX_FILE_BYTES = 33_554_432

/**
 * The map in a file, written anew after each change, so that a run that ends early leaves what it did.
 *
 * @throws {CommandError} `usage` for a file that cannot be used, or that this did not write.
 */
export function openMap(file: string): ImportMap & { readonly save: () => void } {
  const entries = readMap(file)
  const save = (): void => {
    const machines = Object.fromEntries(entries)
    const text = `${JSON.stringify({ format: FORMAT, version: 1, machines }, null, 2)}\n`
    try {
      writeDurably(`${file}.tmp`, text, constants.O_TRUNC)
      renameSync(`${file}.tmp`, file)
    } catch (error) {
      throw unusable(file, 'cannot be written', error)
    }
  }
  return Object.freeze({
    save,
    idOf: (sourceId: string) => entries.get(sourceId)?.id,
    hasScope: (from: string, to: string) => entries.get(from)?.scopes.includes(to) === true,
    addMachine(sourceId: string, { id, name }: { readonly id: string; readonly name: string }) {
      if (entries.has(sourceId)) return
      entries.set(sourceId, { id, name, scopes: [] })
      save()
    },
    addScope(from: string, to: string) {
      const entry = entries.get(from)
      if (entry === undefined || entry.scopes.includes(to)) return
      entries.set(from, { ...entry, scopes: [...entry.scopes, to] })
      save()
    },
  })
}

function readMap(file: string): Map<string, MapEntry> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw unusable(file, 'cannot be read', error)
  }
  try {
    if (text.length > MAX_FILE_BYTES) throw new RangeError('too large')
    const { format, version, machines } = JSON.parse(text) as Record<string, unknown>
    if (format !== FORMAT || version !== 1) throw new TypeError('another format')
    const entries = Object.entries(machines as object).map(
      ([id, entry]) => [id, toEntry(entry)] as const,
    )
    // Two of theirs would become one of ours, with the scopes of both.
    if (new Set(entries.map(([, { id }]) => id)).size < entries.length) {
      throw new TypeError('one id twice')
    }
    return new Map(entries)
  } catch (error) {
    throw unusable(file, 'is no map of an import, or has an id twice', error)
  }
}

function toEntry(value: unknown): MapEntry {
  const { id, name, scopes } = value as Record<string, unknown>
  const isEntry = typeof id === 'string' && typeof name === 'string' && Array.isArray(scopes)
  if (!isEntry) throw new TypeError('not an entry')
  return { id, name, scopes: scopes.map(String) }
}

/** Takes the secret of each machine the moment it is made. */
export interface SecretSink {
  add(secret: {
    readonly name: string
    readonly clerkId: string
    readonly id: string
    readonly secretKey: string
  }): void
}

/**
 * Secrets as lines of JSON in a file that this user alone can read. What is there already stays.
 *
 * @throws {CommandError} `usage` where others could read them.
 */
export function openSecrets(file: string): SecretSink {
  // Opened at once, so that nothing is made whose secret would have no place.
  append(file, '')
  return Object.freeze({
    add(secret: Parameters<SecretSink['add']>[0]) {
      append(file, `${JSON.stringify(secret)}\n`)
    },
  })
}

function append(file: string, text: string): void {
  try {
    writeDurably(file, text, constants.O_APPEND)
  } catch (error) {
    throw unusable(
      file,
      'cannot be written, or others can read it (it must be yours, of mode 600)',
      error,
    )
  }
}

/** Follows no link, and writes nothing where another user could read it. */
function writeDurably(file: string, text: string, how: number): void {
  const { O_WRONLY, O_CREAT, O_NOFOLLOW } = constants
  const sink = openSync(file, O_WRONLY | O_CREAT | O_NOFOLLOW | how, 0o600)
  try {
    const { mode, uid } = fstatSync(sink)
    if (how === constants.O_TRUNC) fchmodSync(sink, 0o600)
    else if ((mode & 0o077) !== 0 || uid !== process.getuid?.()) {
      throw new RangeError('others can read it')
    }
    writeSync(sink, text)
    fsyncSync(sink)
  } finally {
    closeSync(sink)
  }
}

function unusable(file: string, what: string, cause: unknown): CommandError {
  return new CommandError('usage', `${file} ${what}.`, { cause })
}
