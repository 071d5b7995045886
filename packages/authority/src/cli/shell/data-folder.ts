import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Connection, connect } from '../../storage/sqlite/driver.ts'
import { CommandError } from './failure.ts'

/** Where `dev` keeps what it has. */
export interface DataFolder {
  readonly path: string
  readonly databaseFile: string
  readonly rootKeyFile: string
}

/** The authority that runs on a folder, as it has noted itself there. */
export interface RunningAuthority {
  readonly pid: number
  readonly url: string
}

/** Held while an authority runs on a folder; the operating system lets go of it when the process ends. */
export interface FolderLock {
  /** Notes where the authority is reached. */
  announce(running: RunningAuthority): void
  release(): void
}

/** The default of `--data`. */
export const DATA_FOLDER = '.countersign'

export function dataFolder(path: string): DataFolder {
  return {
    path,
    databaseFile: join(path, 'countersign.db'),
    rootKeyFile: join(path, 'root.key'),
  }
}

/**
 * Creates the folder, with a root key, where there is none.
 *
 * @throws {CommandError} `data-folder-unusable`; `root-key-missing` for a database whose key is gone.
 */
export function prepareDataFolder(folder: DataFolder, needsRootKey: boolean): void {
  try {
    if (!existsSync(folder.path)) {
      mkdirSync(folder.path, { recursive: true, mode: 0o700 })
      // It holds a root key: it must not be committed by accident.
      writeFileSync(join(folder.path, '.gitignore'), '*\n', { mode: 0o600 })
    }
    if (!needsRootKey || existsSync(folder.rootKeyFile)) return
    if (existsSync(folder.databaseFile)) throw rootKeyGone(folder)
    writeFileSync(folder.rootKeyFile, `${newRootKey()}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    if (error instanceof CommandError) throw error
    throw new CommandError(
      'data-folder-unusable',
      `${folder.path} cannot be used as data folder.`,
      {
        cause: error,
      },
    )
  }
}

/** A new root key as text: 32 random bytes in base64. */
export function newRootKey(): string {
  return randomBytes(32).toString('base64')
}

/**
 * Takes the folder for one authority. `null` while another process has it.
 *
 * A lock file with a process id would outlive a crash and could name a stranger; a lock on an SQLite
 * file ends with its process on every system that SQLite runs on.
 */
export async function lockFolder(folder: DataFolder): Promise<FolderLock | null> {
  const connection = await connect(join(folder.path, 'dev.lock'))
  if (!takeLock(connection, LOCK_WAIT_MS)) return null
  const noteFile = join(folder.path, 'dev.json')
  return Object.freeze({
    announce(running: RunningAuthority) {
      writeFileSync(noteFile, `${JSON.stringify(running)}\n`, { mode: 0o600 })
    },
    release() {
      rmSync(noteFile, { force: true })
      connection.close()
    },
  })
}

/** The authority that runs on a folder now; `null` when none does. */
export async function runningAuthority(folder: DataFolder): Promise<RunningAuthority | null> {
  const note = readNote(folder)
  if (note === null) return null
  const connection = await connect(join(folder.path, 'dev.lock'))
  // A note that nobody holds the lock for was left by a process that was killed.
  if (!takeLock(connection, 0)) return note
  connection.close()
  return null
}

/** How long a lock that is held for a moment, by somebody who only looks, is waited for. */
const LOCK_WAIT_MS = 200

function takeLock(connection: Connection, waitMs: number): boolean {
  try {
    connection.exec(`PRAGMA busy_timeout = ${waitMs}`)
    connection.exec('BEGIN EXCLUSIVE')
    return true
  } catch {
    connection.close()
    return false
  }
}

function readNote(folder: DataFolder): RunningAuthority | null {
  try {
    const note: unknown = JSON.parse(readFileSync(join(folder.path, 'dev.json'), 'utf8'))
    const { pid, url } = note as Record<string, unknown>
    return typeof pid === 'number' && typeof url === 'string' ? { pid, url } : null
  } catch {
    return null
  }
}

function rootKeyGone(folder: DataFolder): CommandError {
  return new CommandError(
    'root-key-missing',
    `${folder.databaseFile} exists, but its root key ${folder.rootKeyFile} is gone.`,
    { remedy: `Put the key back, or remove ${folder.path} to begin anew.` },
  )
}
