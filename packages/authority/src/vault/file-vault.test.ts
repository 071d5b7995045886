import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority, initializeInstance } from '../app.ts'
import type { KeyVault, VaultKey } from '../domain/ports.ts'
import { createRootKey } from '../domain/root-key.ts'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import { createFileVault } from './file-vault.ts'
import { describeVault } from './vault.contract.ts'

const DATA = Buffer.from('data')

describeVault('the file vault', async () => {
  const parent = await mkdtemp(join(tmpdir(), 'countersign-vault-'))
  const directory = join(parent, 'keys')
  return {
    vault: createFileVault({ directory }),
    reopen: () => createFileVault({ directory }),
    async privateTexts() {
      const names = await readdir(directory)
      const pems = await Promise.all(names.map((name) => readFile(join(directory, name), 'utf8')))
      return pems.flatMap((pem) => {
        const { d } = createPrivateKey(pem).export({ format: 'jwk' })
        return [String(d), ...pem.split('\n').filter((line) => /^[^-].{40}/.test(line))]
      })
    },
    close: () => rm(parent, { recursive: true }),
  }
})

describe('the folder of a file vault', () => {
  let parent: string
  let directory: string
  let vault: KeyVault
  let key: VaultKey
  let file: string

  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'countersign-vault-'))
    directory = join(parent, 'keys')
    vault = createFileVault({ directory })
    const { handle } = await vault.create('key_1', 'ES256')
    key = { kid: 'key_1', algorithm: 'ES256', handle }
    file = join(directory, 'key_1.pem')
  })

  afterEach(() => rm(parent, { recursive: true }))

  const refused = async (code: string): Promise<void> => {
    const fresh = createFileVault({ directory })
    await expect(fresh.open(key)).rejects.toMatchObject({ code })
    await expect(fresh.sign(key, DATA)).rejects.toMatchObject({ code })
  }

  it('is made for its owner only, with a file a key and nothing half written', async () => {
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    expect(await readdir(directory)).toEqual(['key_1.pem'])
  })

  it('is made so whatever the umask of the process is', async () => {
    const before = process.umask(0)
    try {
      const open = join(parent, 'umask')
      await createFileVault({ directory: open }).create('key_1', 'EdDSA')
      expect((await stat(open)).mode & 0o777).toBe(0o700)
      expect((await stat(join(open, 'key_1.pem'))).mode & 0o777).toBe(0o600)
    } finally {
      process.umask(before)
    }
  })

  it.each([0o755, 0o750, 0o701, 0o720])('is refused with mode %o', async (mode) => {
    await chmod(directory, mode)
    await refused('key-folder-unsafe')
    await expect(createFileVault({ directory }).create('key_2', 'ES256')).rejects.toMatchObject({
      code: 'key-folder-unsafe',
    })
    expect(await readdir(directory)).toEqual(['key_1.pem'])
  })

  it.each([0o640, 0o604, 0o660, 0o602])('refuses a file with mode %o', async (mode) => {
    await chmod(file, mode)
    await refused('key-folder-unsafe')
  })

  it('refuses a file that is a link, a folder or a FIFO', async () => {
    await rename(file, join(parent, 'moved.pem'))
    await symlink(join(parent, 'moved.pem'), file)
    await refused('key-folder-unsafe')
    await rm(file)
    await mkdir(file, { mode: 0o700 })
    await refused('key-folder-unsafe')
    await rm(file, { recursive: true })
    execFileSync('mkfifo', ['-m', '600', file])
    await refused('key-folder-unsafe')
  })

  it('is refused when it is a link, also with a slash after it', async () => {
    await rename(directory, join(parent, 'moved'))
    await symlink(join(parent, 'moved'), directory)
    await refused('key-folder-unsafe')
    const slashed = createFileVault({ directory: `${directory}/` })
    await expect(slashed.open(key)).rejects.toMatchObject({ code: 'key-folder-unsafe' })
  })

  it.runIf(process.geteuid?.() === 0)('is refused when another user owns it', async () => {
    await chown(file, 65_534, 65_534)
    await refused('key-folder-unsafe')
    await chown(file, 0, 0)
    await chown(directory, 65_534, 65_534)
    await refused('key-folder-unsafe')
  })

  it('refuses a file that is too large to be a key', async () => {
    await writeFile(file, 'a'.repeat(20_000))
    await refused('key-folder-unsafe')
  })

  it('says that a file is missing, and signs again when it is back', async () => {
    await rename(file, join(parent, 'away.pem'))
    await expect(createFileVault({ directory }).open(key)).rejects.toMatchObject({
      code: 'signing-key-missing',
      message: `There is no file ${file}.`,
    })
    const waiting = createFileVault({ directory })
    await expect(waiting.sign(key, DATA)).rejects.toMatchObject({ code: 'signing-key-missing' })
    await rename(join(parent, 'away.pem'), file)
    expect(await waiting.sign(key, DATA)).toHaveLength(64)
  })

  it('does not sign with another key that was put into the file', async () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await writeFile(file, privateKey.export({ format: 'pem', type: 'pkcs8' }))
    await refused('signing-key-altered')
  })

  it.each(['', 'garbage', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n'])(
    'refuses a file of %j, and does not quote it',
    async (text) => {
      await writeFile(file, text)
      await refused('signing-key-altered')
      const error: unknown = await createFileVault({ directory })
        .open(key)
        .catch((e: unknown) => e)
      expect(String((error as Error).stack)).not.toMatch(/garbage|AAAA/)
    },
  )

  it.each([
    '../key_1',
    'a/b',
    '/etc/passwd',
    '',
    '.',
    '..',
    'a.b',
    'a\0',
    'a\\b',
    '-x',
    'k'.repeat(129),
  ])('takes no path from a kid: %j', async (kid) => {
    await expect(vault.create(kid, 'ES256')).rejects.toMatchObject({ code: 'signing-key-altered' })
    await expect(vault.sign({ ...key, kid }, DATA)).rejects.toMatchObject({
      code: 'signing-key-altered',
    })
    expect(await readdir(directory)).toEqual(['key_1.pem'])
    expect(await readdir(parent)).toEqual(['keys'])
  })

  it('never writes over a key', async () => {
    const before = await readFile(file, 'utf8')
    await expect(vault.create('key_1', 'ES256')).rejects.toMatchObject({
      code: 'key-folder-unusable',
    })
    expect(await readFile(file, 'utf8')).toBe(before)
    expect(await readdir(directory)).toEqual(['key_1.pem'])
  })

  it('does not write through what a killed process, or somebody else, has left', async () => {
    const elsewhere = join(parent, 'elsewhere')
    await symlink(elsewhere, join(directory, '.key_2.pem.new'))
    await vault.create('key_2', 'ES256')
    expect(await readdir(parent)).toEqual(['keys'])
    expect(await readdir(directory)).toEqual(['key_1.pem', 'key_2.pem'])
  })
})

describe('an instance', () => {
  let directory: string
  const rootKeys = [createRootKey(new Uint8Array(32).fill(3))]
  const config = { issuer: 'http://localhost', rootKeys }
  const createVault = (): KeyVault => createFileVault({ directory })

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'countersign-vault-'))
  })

  afterEach(() => rm(directory, { recursive: true }))

  it('founded with the file vault starts with it, and with no other', async () => {
    const store = createMemoryStore()
    await initializeInstance({ rootKeys, environment: 'test' }, { store, createVault })
    expect(await readdir(directory)).toHaveLength(6)
    await createAuthority(config, { store, createVault })
    await expect(createAuthority(config, { store })).rejects.toMatchObject({
      code: 'signing-key-elsewhere',
      message: expect.stringMatching(/kept by the vault "file", and the vault "sealed" is set/),
    })
  })

  it('founded with the sealed vault does not start with the file vault', async () => {
    const store = createMemoryStore()
    await initializeInstance({ rootKeys, environment: 'test' }, { store })
    await createAuthority(config, { store })
    await expect(createAuthority(config, { store, createVault })).rejects.toMatchObject({
      code: 'signing-key-elsewhere',
    })
    expect(await readdir(directory)).toEqual([])
  })

  it('does not start with the folder of another instance', async () => {
    const store = createMemoryStore()
    await initializeInstance({ rootKeys, environment: 'test' }, { store, createVault })
    for (const name of await readdir(directory)) await rm(join(directory, name))
    const other = { store: createMemoryStore(), createVault }
    await initializeInstance({ rootKeys, environment: 'test' }, other)
    await expect(createAuthority(config, { store, createVault })).rejects.toMatchObject({
      code: 'signing-key-missing',
    })
  })
})
