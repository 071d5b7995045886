import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Client, createClient, type Machine } from 'countersign'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/**
 * Every command of every runbook, run by a shell as it stands on the page, against a running authority.
 * Only what a page leaves to its reader is filled in: a line such as `KID=key_…`.
 */

const EXECUTABLE = fileURLToPath(
  new URL('../../packages/authority/bin/countersign.js', import.meta.url),
)

/** A line of a page that was run. */
interface Ran {
  readonly command: string
  readonly status: number
  readonly output: string
}

interface Shell {
  run(command: string): Promise<Ran>
  close(): void
}

let folder: string
let shell: Shell
let server: ChildProcess | undefined
let client: Client
let worker: Machine
/** Made by `worker`, for `api`. */
let tokens: { readonly opaque: string; readonly jwt: string; readonly logged: string }

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-runbook-'))
  mkdirSync(join(folder, 'bin'))
  symlinkSync(EXECUTABLE, join(folder, 'bin', 'countersign'))
  shell = openShell()
  await shell.run('countersign root-key generate --out root.key')
  await shell.run('export COUNTERSIGN_ROOT_KEY_FILE=root.key')
  const { output } = await shell.run('countersign init --json')
  const { secretKey } = JSON.parse(output) as { secretKey: string }
  const url = await serve('root.key', '0')
  await shell.run(`export COUNTERSIGN_SECRET_KEY=${secretKey} COUNTERSIGN_URL=${url}`)
  client = createClient({ apiUrl: url, secretKey })
  const api = await client.machines.create({ name: 'api' })
  worker = await client.machines.create({ name: 'worker', scopedMachines: [api.id] })
  tokens = { opaque: await issue('opaque'), jwt: await issue('jwt'), logged: await issue('opaque') }
  writeFileSync(join(folder, 'app.log'), `authorization: Bearer ${tokens.logged}\n`)
  writeFileSync(join(folder, 'leaked.token'), tokens.opaque)
  writeFileSync(join(folder, 'forged.jwt'), tokens.jwt)
}, 60_000)

afterEach(async () => {
  shell.close()
  await stopServing()
  rmSync(folder, { recursive: true })
})

describe(
  'every command works as it is written, and does what the page says',
  { timeout: 120_000 },
  () => {
    it('a token leaked', async () => {
      const ran = await follow('token-leaked.md')
      // Both exit with 1 for what they are there to find.
      expect(failed(ran)).toEqual([
        'countersign tokens why - < leaked.token',
        'countersign leaked app.log',
        `countersign leaked app.log --report --source 'application log'`,
      ])
      expect(outputOf(ran, 'tokens why')).toContain('token-invalid')
      expect(outputOf(ran, 'tokens list')).toContain('revoked: in a public log')
      expect(outputOf(ran, 'countersign leaked app.log')).not.toContain(tokens.logged)
      for (const token of Object.values(tokens)) expect(await isLive(token)).toBe(false)
      expect(await isLive(await issue('jwt'))).toBe(true)
    })

    it('a machine secret leaked', async () => {
      const ran = await follow('machine-secret-leaked.md')
      // The new key is used by nobody yet, and nothing was asked with the second: it can be ended.
      expect(failed(ran)).toEqual([])
      await expect(issue('opaque')).rejects.toMatchObject({ status: 401 })
      expect(await isLive(tokens.opaque)).toBe(false)
      expect(outputOf(ran, 'audit list')).toContain('m2m_token.created')
    })

    it('a signing key leaked', async () => {
      const [active = ''] = await kids('active')
      const ran = await follow('signing-key-leaked.md', { KID: active })
      expect(failed(ran)).toEqual(['countersign tokens why - < forged.jwt'])
      expect(outputOf(ran, 'tokens inspect - < forged.jwt')).toContain(active)
      expect(outputOf(ran, 'tokens why')).toContain('token-key-unknown')
      expect(outputOf(ran, 'tokens create')).not.toContain(active)
      expect(await isLive(tokens.opaque)).toBe(true)
    })

    it('the database was copied', async () => {
      const oldKey = client
      const [active = ''] = await kids('active')
      const [next = ''] = await kids('next')
      const ran = await follow(
        'database-copied.md',
        { NEXT: next, ACTIVE: active, OLD: () => firstInstanceKey() },
        // The page has every process restarted here.
        { 'chmod 600 both-root.keys': () => restart('both-root.keys') },
      )
      expect(failed(ran)).toEqual([])
      await restart('new-root.key')
      await expect(oldKey.machines.list()).rejects.toMatchObject({ status: 401 })
      const { output } = await shell.run('countersign machines list --json')
      expect(output).toContain(worker.id)
      for (const token of Object.values(tokens)) {
        expect((await shell.run(`countersign tokens verify ${token}`)).status).not.toBe(0)
      }
      await expect(issue('opaque')).rejects.toMatchObject({ status: 401 })
      const audit = await shell.run('countersign audit verify')
      expect(audit).toMatchObject({ status: 0 })
    })
  },
)

/** Runs the blocks of a page, line by line. */
async function follow(
  page: string,
  values: Readonly<Record<string, string | (() => Promise<string>)>> = {},
  afterwards: Readonly<Record<string, () => Promise<void>>> = {},
): Promise<Ran[]> {
  const text = readFileSync(new URL(`../../docs/runbooks/${page}`, import.meta.url), 'utf8')
  const blocks = [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].map(([, block = '']) => block)
  const ran: Ran[] = []
  for (const line of blocks.flatMap((block) => block.trim().split('\n'))) {
    const command = line.trim()
    const name = /^([A-Z]+)=\S*…$/.exec(command)?.[1]
    const value = name === undefined ? undefined : values[name]
    if (name !== undefined && value === undefined) throw new Error(`Nothing is known of ${name}.`)
    const filled =
      name === undefined
        ? command
        : `${name}=${typeof value === 'function' ? await value() : String(value)}`
    ran.push({ ...(await shell.run(filled)), command })
    await afterwards[command]?.()
  }
  expect(ran.length).toBeGreaterThan(4)
  return ran
}

function failed(ran: readonly Ran[]): string[] {
  return ran.filter(({ status }) => status !== 0).map(({ command }) => command)
}

function outputOf(ran: readonly Ran[], part: string): string {
  return ran.find(({ command }) => command.includes(part))?.output ?? ''
}

async function issue(tokenFormat: 'opaque' | 'jwt'): Promise<string> {
  const { secretKey: machineSecretKey = '' } = worker
  return (await client.m2m.createToken({ machineSecretKey, tokenFormat })).token ?? ''
}

/** By the authority itself, which knows of a revocation at once. */
async function isLive(token: string): Promise<boolean> {
  const { output } = await shell.run(`printf %s ${token} | countersign tokens why - --json`)
  return (JSON.parse(output) as { readonly accepted: boolean }).accepted
}

async function kids(state: string): Promise<string[]> {
  const { data } = await client.signingKeys.list()
  return data
    .filter((key) => key.algorithm === 'RS256' && key.state === state)
    .map(({ kid }) => kid)
}

async function firstInstanceKey(): Promise<string> {
  const { output } = await shell.run('countersign instance-keys list --json')
  const keys = JSON.parse(output) as { readonly id: string; readonly createdAt: number }[]
  return keys.sort((a, b) => a.createdAt - b.createdAt)[0]?.id ?? ''
}

/** One shell for a page, as its reader has: what is exported stays. */
function openShell(): Shell {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'))
  const child = spawn('bash', ['--noprofile', '--norc'], {
    cwd: folder,
    env: {
      ...Object.fromEntries(clean),
      PATH: `${join(folder, 'bin')}:${process.env['PATH'] ?? ''}`,
      COUNTERSIGN_DATA: folder,
      COUNTERSIGN_ISSUER: 'https://auth.example.com',
    },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async run(command) {
      child.stdin.write(`{ ${command}\n} 2>&1; printf "\\n::%s\\n" $?\n`)
      const output: string[] = []
      for (;;) {
        const { value = '::ended' } = (await lines.next()) as { value?: string }
        const status = /^::(\d+|ended)$/.exec(value)?.[1]
        if (status !== undefined)
          return { command, status: Number(status), output: output.join('\n') }
        output.push(value)
      }
    },
    close() {
      child.kill('SIGKILL')
    },
  }
}

/** Starts the authority, and tells its URL. */
async function serve(rootKeyFile: string, port: string): Promise<string> {
  const clean = Object.entries(process.env).filter(([name]) => !name.startsWith('COUNTERSIGN_'))
  server = spawn(process.execPath, [EXECUTABLE, 'serve', '--json'], {
    cwd: folder,
    env: {
      ...Object.fromEntries(clean),
      COUNTERSIGN_ROOT_KEY_FILE: rootKeyFile,
      COUNTERSIGN_DATA: folder,
      COUNTERSIGN_ISSUER: 'https://auth.example.com',
      COUNTERSIGN_PORT: port,
    },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  if (server.stdout === null) throw new Error('The authority has no output.')
  const [chunk] = (await once(server.stdout, 'data')) as [Buffer]
  return (JSON.parse(chunk.toString()) as { url: string }).url
}

async function stopServing(): Promise<void> {
  if (server === undefined || server.exitCode !== null) return
  server.kill()
  await once(server, 'exit')
}

async function restart(rootKeyFile: string): Promise<void> {
  const { output } = await shell.run('echo $COUNTERSIGN_URL')
  await stopServing()
  await serve(rootKeyFile, new URL(output.trim()).port)
}
