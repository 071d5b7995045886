import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { createClient } from 'countersign'
import ts from 'typescript'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { ROOT } from '../support/spawn.ts'

/**
 * Every block of docs/migrate-from-clerk.md is run as it stands, shell with the built executable; a diff
 * once its first half was found to be what the page had before. A second authority plays Clerk.
 */

const TEXT = readFileSync(join(ROOT, 'docs/migrate-from-clerk.md'), 'utf8')

interface Block {
  readonly language: string
  readonly body: string
}

const BLOCKS: readonly Block[] = [...TEXT.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(
  ([, language = '', body = '']) => ({ language, body }),
)

type Loaded = Readonly<Record<string, (input?: unknown) => Promise<unknown>>>

const ran = new Set<Block>()
let clerk: TestAuthority
let authority: TestAuthority
let folder: string
let modules: string
let keys: Readonly<Record<string, { readonly id: string; readonly secretKey: string }>>

beforeAll(async () => {
  ;[clerk, authority] = [await startTestAuthority(), await startTestAuthority()]
  folder = mkdtempSync(join(tmpdir(), 'countersign-docs-'))
  // Below the repository, so that what the blocks import is found.
  modules = mkdtempSync(join(import.meta.dirname, '.blocks-'))
  const shim = join(folder, 'countersign')
  const executable = join(ROOT, 'packages/authority/bin/countersign.js')
  writeFileSync(shim, `#!/bin/sh\nexec '${process.execPath}' '${executable}' "$@"\n`)
  chmodSync(shim, 0o755)
  const { machines } = createClient({ apiUrl: clerk.url, secretKey: clerk.secretKey })
  const api = await machines.create({ name: 'api' })
  await machines.create({ name: 'worker', scopedMachines: [api.id] })
  await machines.create({ name: 'stranger' })
})

afterAll(async () => {
  vi.unstubAllEnvs()
  await Promise.all([clerk.close(), authority.close()])
  for (const path of [folder, modules]) rmSync(path, { recursive: true })
})

test('the machines are brought, and their new keys are in the file', async () => {
  await shell(blocks('sh')[0], { CLERK_API_URL: clerk.url, CLERK_SECRET_KEY: clerk.secretKey })
  const lines = readFileSync(join(folder, 'keys.ndjson'), 'utf8').trim().split('\n')
  keys = Object.fromEntries(
    lines.map((line) => {
      const { name, id, secretKey } = JSON.parse(line)
      return [name, { id, secretKey }]
    }),
  )
  expect(Object.keys(keys)).toEqual(['api', 'worker', 'stranger'])
  const { machines } = JSON.parse(readFileSync(join(folder, 'map.json'), 'utf8'))
  const ids = Object.values(machines).map((entry) => (entry as { id: string }).id)
  expect(new Set(ids)).toEqual(new Set(Object.values(keys).map(({ id }) => id)))
})

test('step 1: Clerk’s client, with another URL, makes and verifies tokens', async () => {
  const [send, receive] = [diff('send.ts', 0), diff('receive.ts', 0)]
  const { authorization } = await load(send, clerkEnv('worker'))
  const { callerOf } = await load(receive, clerkEnv('api'))
  expect(await callerOf?.(await bearer(authorization))).toBe(keys['worker']?.id)
  // What the page says that this step does not give.
  const stranger = await load(send, clerkEnv('stranger'))
  expect(await callerOf?.(await bearer(stranger['authorization']))).toBe(keys['stranger']?.id)
})

test('step 2: our client does, with the machine’s key alone, and minds the receivers', async () => {
  const [send, receive] = [diff('send.ts', 1), diff('receive.ts', 1)]
  const { authorization } = await load(send, ownEnv('worker'))
  const { callerOf } = await load(receive, ownEnv('api'))
  const token = await bearer(authorization)
  expect(await callerOf?.(token)).toBe(keys['worker']?.id)
  const stranger = await load(send, ownEnv('stranger'))
  await expect(callerOf?.(await bearer(stranger['authorization']))).rejects.toMatchObject({
    code: 'token-audience-mismatch',
  })
  // Each step beside the other, as services move one by one.
  const old = await load(diff('receive.ts', 0), clerkEnv('api'))
  expect(await old['callerOf']?.(token)).toBe(keys['worker']?.id)
})

test('both at once: a receiver takes tokens of both, and of nobody else', async () => {
  const source = createClient({ apiUrl: clerk.url, secretKey: clerk.secretKey })
  const { data } = await source.machines.list()
  const theirs = async (name: string): Promise<{ id: string; secretKey: string }> => {
    const id = data.find((machine) => machine.name === name)?.id ?? ''
    return { id, secretKey: (await source.machines.getSecretKey(id)).secret }
  }
  const { callerOf } = await load(module('either.ts'), {
    ...ownEnv('api'),
    OLD_CLERK_API_URL: clerk.url,
    OLD_CLERK_SECRET_KEY: clerk.secretKey,
    OLD_CLERK_MACHINE_SECRET_KEY: (await theirs('api')).secretKey,
  })
  const sender = await theirs('worker')
  const old = createClient({ apiUrl: clerk.url, machineSecretKey: sender.secretKey })
  const ours = createClient({
    apiUrl: authority.url,
    machineSecretKey: keys['worker']?.secretKey,
  })
  for (const tokenFormat of ['jwt', 'opaque'] as const) {
    const { token } = await old.m2m.createToken({ tokenFormat })
    expect(await callerOf?.(token)).toBe(sender.id)
    const mine = await ours.m2m.createToken({ tokenFormat })
    expect(await callerOf?.(mine.token)).toBe(keys['worker']?.id)
    await ours.m2m.revokeToken({ m2mTokenId: mine.id })
    if (tokenFormat === 'opaque') await expect(callerOf?.(mine.token)).rejects.toThrow()
  }
  await expect(callerOf?.('mt_rubbish')).rejects.toThrow()
})

test('from static API keys: machines instead of a shared secret', async () => {
  await shell(blocks('sh')[1])
  const owner = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const secretOf = async (name: string): Promise<string> => {
    const [machine] = (await owner.machines.list({ query: name })).data
    return (await owner.machines.getSecretKey(machine?.id ?? '')).secret
  }
  const { handle } = await load(module('billing.ts'), {
    COUNTERSIGN_URL: authority.url,
    BILLING_SECRET_KEY: await secretOf('billing'),
  })
  const reports = createClient({
    apiUrl: authority.url,
    machineSecretKey: await secretOf('reports'),
  })
  const { token, subject } = await reports.m2m.createToken({ tokenFormat: 'jwt' })
  const call = async (authorization: string): Promise<Response> => {
    const request = new Request('https://billing.example', { headers: { authorization } })
    return (await handle?.(request)) as Response
  }
  const answer = await call(`Bearer ${token ?? ''}`)
  expect(await answer.json()).toEqual({ caller: subject })
  expect((await call('Bearer static-secret')).status).toBe(401)
})

test('from Auth0: another JWT library verifies our JWTs, and minds the receivers', async () => {
  const { callerOf } = await load(module('orders.ts'), {
    COUNTERSIGN_URL: authority.url,
    ORDERS_MACHINE_ID: keys['api']?.id ?? '',
  })
  const tokenOf = async (name: string): Promise<string | undefined> => {
    const machineSecretKey = keys[name]?.secretKey
    const client = createClient({ apiUrl: authority.url, machineSecretKey })
    return (await client.m2m.createToken({ tokenFormat: 'jwt' })).token
  }
  expect(await callerOf?.(await tokenOf('worker'))).toBe(keys['worker']?.id)
  await expect(callerOf?.(await tokenOf('stranger'))).rejects.toThrow()
})

test('no block is left out', () => {
  expect(BLOCKS.filter((block) => !ran.has(block))).toEqual([])
})

test('there is no OAuth token endpoint, as the page says', async () => {
  const paths = ['/oauth/token', '/oauth2/token', '/token', '/.well-known/openid-configuration']
  for (const path of paths) {
    const body = new URLSearchParams({ grant_type: 'client_credentials' })
    const { status } = await fetch(authority.url + path, { method: 'POST', body })
    expect(status, path).toBe(404)
  }
})

function blocks(language: string): readonly Block[] {
  return BLOCKS.filter((block) => block.language === language)
}

/** The block that begins with the name of its file, as it stands. */
function module(name: string): string {
  const found = blocks('ts').find(({ body }) => body.startsWith(`// ${name}\n`))
  if (found === undefined) throw new Error(`There is no block ${name}.`)
  ran.add(found)
  return found.body
}

/** What the nth diff of a file leads to. @throws when it does not begin where the one before has ended */
function diff(name: string, index: number): string {
  const all = blocks('diff').filter(({ body }) => body.startsWith(` // ${name}\n`))
  const [block, previous] = [all[index], all[index - 1]]
  if (block === undefined) throw new Error(`There is no diff ${index} of ${name}.`)
  ran.add(block)
  if (previous !== undefined) expect(half(block, '-')).toBe(half(previous, '+'))
  return half(block, '+')
}

function half({ body }: Block, side: '+' | '-'): string {
  const lines = body.split('\n').filter((line) => line.startsWith(side) || line.startsWith(' '))
  return lines.map((line) => line.slice(1)).join('\n')
}

async function load(source: string, env: Readonly<Record<string, string>>): Promise<Loaded> {
  for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value)
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.ESNext },
  })
  const file = join(modules, `${String(loads++)}.js`)
  writeFileSync(file, outputText)
  return (await import(/* @vite-ignore */ pathToFileURL(file).href)) as Loaded
}

let loads = 0

async function bearer(authorization: Loaded[string] | undefined): Promise<string> {
  const value = String(await authorization?.())
  expect(value).toMatch(/^Bearer eyJ/)
  return value.slice('Bearer '.length)
}

function clerkEnv(machine: string): Record<string, string> {
  return {
    CLERK_API_URL: authority.url,
    CLERK_SECRET_KEY: authority.secretKey,
    CLERK_MACHINE_SECRET_KEY: keys[machine]?.secretKey ?? '',
  }
}

function ownEnv(machine: string): Record<string, string> {
  return {
    COUNTERSIGN_URL: authority.url,
    COUNTERSIGN_MACHINE_SECRET_KEY: keys[machine]?.secretKey ?? '',
  }
}

async function shell(block: Block | undefined, env: Record<string, string> = {}): Promise<void> {
  if (block === undefined) throw new Error('There is no such block.')
  ran.add(block)
  await promisify(execFile)('bash', ['-euo', 'pipefail', '-c', block.body], {
    cwd: folder,
    env: {
      PATH: `${folder}:${process.env['PATH'] ?? ''}`,
      COUNTERSIGN_URL: authority.url,
      COUNTERSIGN_SECRET_KEY: authority.secretKey,
      ...env,
    },
  })
}
