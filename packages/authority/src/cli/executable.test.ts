import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connect } from '../storage/sqlite/driver.ts'

// The executable as it is installed: it needs the build, which `npm test` makes first.
const EXECUTABLE = fileURLToPath(new URL('../../bin/countersign.js', import.meta.url))

interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

interface Running {
  readonly child: ChildProcess
  /** The line of JSON that says it is ready. */
  readonly ready: Record<string, string>
  readonly stop: (signal?: NodeJS.Signals) => Promise<Ended>
}

let folder: string
let children: ChildProcess[]

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-cli-'))
  children = []
})

afterEach(() => {
  for (const child of children) child.kill('SIGKILL')
  rmSync(folder, { recursive: true })
})

describe('countersign dev', () => {
  it('says in one line of JSON that it is ready, and ends with 0 on SIGTERM', async () => {
    const { ready, stop } = await start(['dev', '--port', '0', '--json'])
    expect(ready).toEqual({
      event: 'ready',
      url: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      issuer: ready['url'],
      jwksUri: `${ready['url']}/.well-known/jwks.json`,
      instanceId: expect.stringMatching(/^ins_/),
      secretKey: expect.stringMatching(/^sk_test_/),
    })
    expect((await fetch(`${ready['url']}/readyz`)).status).toBe(200)
    const { code, stdout, stderr } = await stop('SIGTERM')
    expect(code).toBe(0)
    expect(stdout.trim().split('\n')).toHaveLength(1)
    expect(stderr).toBe('')
  })

  it('ends with 0 on SIGINT', async () => {
    const { stop } = await start(['dev', '--port', '0', '--json'])
    expect((await stop('SIGINT')).code).toBe(0)
  })

  it('has the same instance and secret key at each start', async () => {
    const first = await start(['dev', '--port', '0', '--json'])
    await first.stop()
    const second = await start(['dev', '--port', '0', '--json'])
    expect(second.ready['instanceId']).toBe(first.ready['instanceId'])
    expect(second.ready['secretKey']).toBe(first.ready['secretKey'])
  })

  it('says so when the secret key cannot be read back, and makes another', async () => {
    const env = { COUNTERSIGN_READ_BACK: 'off' }
    const first = await start(['dev', '--port', '0', '--json'], env)
    await first.stop()
    const second = await start(['dev', '--port', '0', '--json'], env)
    expect(second.ready['secretKey']).not.toBe(first.ready['secretKey'])
    expect((await second.stop()).stderr).toContain('a new one was made')
  })

  it('starts again after it was killed', async () => {
    const first = await start(['dev', '--port', '0', '--json'])
    await first.stop('SIGKILL')
    const second = await start(['dev', '--port', '0', '--json'])
    expect(second.ready['secretKey']).toBe(first.ready['secretKey'])
  })

  it('keeps its folder and its files to their owner', async () => {
    await start(['dev', '--port', '0', '--json', '--data', 'mine'])
    expect(modeOf('mine')).toBe(0o700)
    for (const file of ['root.key', 'countersign.db', 'dev.json']) {
      expect(modeOf('mine', file)).toBe(0o600)
    }
  })

  it('refuses a folder that another one runs on, and names it', async () => {
    const { ready } = await start(['dev', '--port', '0', '--json'])
    const { code, stderr } = await run(['dev', '--port', '0'])
    expect(code).toBe(1)
    expect(stderr).toContain(`already runs on .countersign: ${ready['url']}`)
  })

  it('says that a port is in use', async () => {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as { port: number }
    const { code, stderr } = await run(['dev', '--port', String(port)])
    server.close()
    expect(code).toBe(1)
    expect(stderr).toContain(`127.0.0.1:${port} is in use`)
  })

  it('does not make another root key for a database whose key is gone', async () => {
    await (await start(['dev', '--port', '0', '--json'])).stop()
    rmSync(join(folder, '.countersign', 'root.key'))
    const { code, stderr } = await run(['dev', '--port', '0', '--json'])
    expect(code).toBe(1)
    expect(stderr).toContain('root.key is gone')
  })

  it('shows itself at work, and does so again in the same folder', async () => {
    for (const time of ['first', 'second']) {
      const { code, stdout } = await run(['dev', '--once', '--port', '0'])
      expect(code, `${time} time: ${stdout}`).toBe(0)
      expect(stdout).toContain('All 11 steps came out as they should')
      expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([])
    }
  }, 20_000)
})

describe('countersign serve', () => {
  const ISSUER = { COUNTERSIGN_ISSUER: 'http://localhost:4100', COUNTERSIGN_PORT: '0' }

  it('runs what init has founded, and prints no secret', async () => {
    const { env, secretKey, rootKey } = await found()
    const { ready, stop } = await start(['serve', '--json'], { ...env, ...ISSUER })
    expect(ready).not.toHaveProperty('secretKey')
    const remote = { COUNTERSIGN_URL: ready['url'] ?? '', COUNTERSIGN_SECRET_KEY: secretKey }
    const machine = await json(['machines', 'create', 'api'], remote)
    await run(['machines', 'list'], { ...remote, COUNTERSIGN_SECRET_KEY: 'sk_live_wrong' })
    const { code, stdout, stderr } = await stop()
    expect(code).toBe(0)
    expect(stderr).toContain('"msg":"listening"')
    for (const secret of [secretKey, rootKey, machine['secretKey']]) {
      expect(stdout + stderr).not.toContain(secret)
    }
  })

  it('refuses to start without a root key, and without an issuer', async () => {
    const { code, stderr } = await run(['serve'])
    expect(code).toBe(1)
    expect(stderr).toContain('COUNTERSIGN_ISSUER is not set')
    expect(stderr).toContain('COUNTERSIGN_ROOT_KEY is not set')
  })

  it('says before it listens that the root key is not the right one', async () => {
    const { env } = await found()
    const wrong = { ...env, ...ISSUER, COUNTERSIGN_ROOT_KEY: 'cd'.repeat(32) }
    const { code, stdout, stderr } = await run(['serve', '--json'], wrong)
    expect([code, stdout]).toEqual([1, ''])
    expect(stderr).toContain('root-key-wrong')
    expect(stderr).not.toContain('listening')
    expect(stderr).not.toContain('cd'.repeat(32))
  })

  it('asks for countersign init where there is no instance', async () => {
    const env = { ...ISSUER, COUNTERSIGN_ROOT_KEY: 'ab'.repeat(32) }
    const { code, stderr } = await run(['serve'], env)
    expect(code).toBe(1)
    expect(stderr).toContain('countersign init')
  })

  it('asks for countersign migrate on an older schema, which then suffices', async () => {
    const { env } = await found()
    const database = await connect(join(folder, '.countersign', 'countersign.db'))
    database.exec('DROP TABLE kysely_migration; DROP TABLE kysely_migration_lock')
    for (const { name } of database
      .prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'`)
      .all() as { name: string }[]) {
      database.exec(`PRAGMA foreign_keys = OFF; DROP TABLE "${name}"`)
    }
    database.close()
    const { code, stderr } = await run(['serve'], { ...env, ...ISSUER })
    expect(code).toBe(1)
    expect(stderr).toContain('countersign migrate')
    expect((await run(['migrate'], env)).code).toBe(0)
    expect((await run(['serve'], { ...env, ...ISSUER })).stderr).toContain('countersign init')
  })

  it('refuses a root key file that others can read, with the command that helps', async () => {
    const file = join(folder, 'open.key')
    writeFileSync(file, 'ab'.repeat(32))
    chmodSync(file, 0o644)
    const env = { ...ISSUER, COUNTERSIGN_ROOT_KEY_FILE: file }
    const { code, stderr } = await run(['config', 'check'], env)
    expect([code, stderr]).toEqual([1, ''])
    expect((await run(['config', 'check'], env)).stdout).toContain(`chmod 600 ${file}`)
  })
})

describe('the file vault', () => {
  const ISSUER = { COUNTERSIGN_ISSUER: 'http://localhost:4100', COUNTERSIGN_PORT: '0' }
  const VAULT = { COUNTERSIGN_KEY_VAULT: 'file', COUNTERSIGN_KEY_VAULT_DIR: 'keys' }
  const env = { ...ISSUER, COUNTERSIGN_ROOT_KEY: 'ab'.repeat(32) }

  it('is filled by init, and serve signs from it', async () => {
    const { secretKey = '' } = await json(['init'], { ...env, ...VAULT })
    expect(readdirSync(join(folder, 'keys'))).toHaveLength(6)
    const { ready, stop } = await start(['serve', '--json'], { ...env, ...VAULT })
    const remote = { COUNTERSIGN_URL: ready['url'] ?? '', COUNTERSIGN_SECRET_KEY: secretKey }
    await json(['machines', 'create', 'worker'], remote)
    const made = ['tokens', 'create', '--machine', 'worker', '--format', 'jwt']
    expect((await json(made, remote))['token']).toMatch(/^ey/)
    expect((await stop()).code).toBe(0)
  })

  it('is not started without, nor open to others: before it listens, with what helps', async () => {
    await json(['init'], { ...env, ...VAULT })
    const without = await run(['serve', '--json'], env)
    expect([without.code, without.stdout]).toEqual([1, ''])
    expect(without.stderr).toContain('signing-key-elsewhere')
    expect(without.stderr).toContain('Set COUNTERSIGN_KEY_VAULT as it was')
    chmodSync(join(folder, 'keys'), 0o755)
    const open = await run(['serve', '--json'], { ...env, ...VAULT })
    expect([open.code, open.stdout]).toEqual([1, ''])
    expect(open.stderr).toContain('chmod 700')
    expect(open.stderr).toContain('key-folder-unsafe')
  })
})

describe('countersign init', () => {
  it('founds an instance once', async () => {
    const { env, secretKey } = await found()
    expect(secretKey).toMatch(/^sk_live_/)
    const again = await run(['init'], env)
    expect(again.code).toBe(1)
    expect(again.stderr).toContain('instance-exists')
    expect(again.stdout).toBe('')
  })

  it('leaves an instance whose keys can be rolled', async () => {
    const { env } = await found()
    const created = await json(['instance-keys', 'create'], env)
    expect(created['secretKey']).toMatch(/^sk_live_/)
    const [old] = (await json(['instance-keys', 'list'], env)) as unknown as { id: string }[]
    expect((await run(['instance-keys', 'revoke', old?.id ?? ''], env)).code).toBe(0)
    expect((await run(['instance-keys', 'revoke', 'isk_unknown'], env)).code).toBe(3)
    const { stdout } = await run(['instance-keys', 'list'], env)
    expect(stdout).toMatch(/revoked/)
  })
})

/** A root key and an instance in the folder. */
async function found(): Promise<{
  readonly env: Record<string, string>
  readonly rootKey: string
  readonly secretKey: string
}> {
  const rootKey = (await run(['root-key', 'generate'])).stdout.trim()
  const env = { COUNTERSIGN_ROOT_KEY: rootKey }
  return { env, rootKey, secretKey: (await json(['init'], env))['secretKey'] ?? '' }
}

async function json(args: string[], env = {}): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await run([...args, '--json'], env)
  expect(code, stderr).toBe(0)
  return JSON.parse(stdout) as Record<string, string>
}

async function run(args: string[], env = {}): Promise<Ended> {
  return ending(launch(args, env))
}

/** Starts what goes on running, and waits for its line of JSON. */
async function start(args: string[], env = {}): Promise<Running> {
  const child = launch(args, env)
  const ended = ending(child)
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout?.once('data', (chunk: Buffer) => {
      resolve(chunk.toString())
    })
    ended.then(({ stderr }) => {
      reject(new Error(`ended before it was ready: ${stderr}`))
    }, reject)
  })
  return {
    child,
    ready: JSON.parse(line) as Record<string, string>,
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

function launch(args: string[], env: Record<string, string>): ChildProcess {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'))
  const child = spawn(process.execPath, [EXECUTABLE, ...args], {
    cwd: folder,
    // Whoever runs the tests may want colours; the executable is to find out for itself.
    env: { ...Object.fromEntries(clean), FORCE_COLOR: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  children.push(child)
  return child
}

async function ending(child: ChildProcess): Promise<Ended> {
  let [stdout, stderr] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}

function modeOf(...path: string[]): number {
  return statSync(join(folder, ...path)).mode & 0o777
}
