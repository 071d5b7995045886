import { constants, type Stats } from 'node:fs'
import { lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import process from 'node:process'
import { VaultError } from '../domain/vault-error.ts'

/** A folder that only this user can enter, and the small secret files in it. */
export interface KeyFolder {
  /** Absolute. */
  readonly path: string
  /**
   * The text of a file; `null` when there is none.
   *
   * @throws {VaultError} `key-folder-unsafe`, `key-folder-unusable`
   */
  read(name: string): Promise<string | null>
  /**
   * Writes a new file, whole or not at all, and returns when the disk has it.
   *
   * @throws {VaultError} `key-folder-unsafe`; `key-folder-unusable`, also when the file is there already.
   */
  write(name: string, text: string): Promise<void>
}

/** An RSA key of 4096 bits takes 3.3 KB. */
const MAX_FILE_BYTES = 16_384

/** Windows has no such modes: there the rights of the folder are the operator's duty. */
const HAS_MODES = process.platform !== 'win32'

/** Names are those of our own code, already checked. */
export function createKeyFolder(path: string): KeyFolder {
  return Object.freeze({
    path,

    async read(name: string) {
      const file = join(path, name)
      try {
        requirePrivate(path, await lstat(path), 'folder')
        return await readPrivate(file)
      } catch (error) {
        if (codeOf(error) === 'ENOENT') return null
        throw explained(file, error)
      }
    },

    async write(name: string, text: string) {
      const file = join(path, name)
      const temporary = join(path, `.${name}.new`)
      try {
        await makeFolder(path)
        requirePrivate(path, await lstat(path), 'folder')
        await requireAbsent(file)
        await writeDurably(temporary, text)
        await rename(temporary, file)
        await syncFolder(path)
      } catch (error) {
        throw explained(file, error)
      }
    },
  })
}

async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true, mode: 0o700 })
  if (first === undefined) return
  for (let made = path; made.length >= first.length; made = dirname(made)) {
    await syncFolder(dirname(made))
  }
}

async function readPrivate(file: string): Promise<string> {
  // A link would lead out of the folder that was looked at; a FIFO would keep us waiting.
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const opened = await open(file, flags)
  try {
    // What is open is looked at, and not what has that name a moment later.
    const stats = await opened.stat()
    requirePrivate(file, stats, 'file')
    if (stats.size > MAX_FILE_BYTES) {
      throw new VaultError('key-folder-unsafe', `${file} is too large for a private key.`)
    }
    return await opened.readFile('utf8')
  } finally {
    await opened.close()
  }
}

async function requireAbsent(file: string): Promise<void> {
  try {
    await lstat(file)
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return
    throw error
  }
  throw new VaultError('key-folder-unusable', `${file} is there already; it was left as it is.`)
}

async function writeDurably(file: string, text: string): Promise<void> {
  // What a process that was killed has left is not written into: it could be somebody's link.
  await rm(file, { force: true })
  const opened = await open(file, 'wx', 0o600)
  try {
    await opened.writeFile(text)
    await opened.sync()
  } catch (error) {
    await rm(file, { force: true })
    throw error
  } finally {
    await opened.close()
  }
}

/** A new name in a folder is on the disk only when the folder is. */
async function syncFolder(path: string): Promise<void> {
  if (!HAS_MODES) return
  const opened = await open(path, 'r')
  try {
    await opened.sync()
  } finally {
    await opened.close()
  }
}

function requirePrivate(path: string, stats: Stats, kind: 'folder' | 'file'): void {
  const isKind = kind === 'folder' ? stats.isDirectory() : stats.isFile()
  if (!isKind)
    throw new VaultError('key-folder-unsafe', `${path} is not a ${kind} but a link or other thing.`)
  if (!HAS_MODES) return
  if ((stats.mode & 0o077) !== 0) {
    const mode = kind === 'folder' ? '700' : '600'
    throw new VaultError(
      'key-folder-unsafe',
      `${path} can be entered, read or written by others on this machine. Run: chmod ${mode} ${path}`,
    )
  }
  const user = process.geteuid?.()
  // The owner of a file can always change it. Root can change every file, so it may own this one.
  if (stats.uid !== user && stats.uid !== 0) {
    throw new VaultError('key-folder-unsafe', `${path} belongs to another user of this machine.`)
  }
}

function explained(file: string, error: unknown): VaultError {
  if (error instanceof VaultError) return error
  const code = codeOf(error)
  if (code === 'ELOOP') return new VaultError('key-folder-unsafe', `${file} is a link.`)
  return new VaultError('key-folder-unusable', `${file} cannot be used (${code}).`, error)
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown reason'
}
