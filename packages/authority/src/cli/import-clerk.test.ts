import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient } from 'countersign'
import picocolors from 'picocolors'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAuthority, initializeInstance } from '../app.ts'
import { createRootKey } from '../domain/root-key.ts'
import { type RunningServer, startServer } from '../node.ts'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import { silentLog } from '../system.ts'
import { ENTRIES } from './commands.ts'
import { CommandError } from './shell/failure.ts'
import { runProgram } from './shell/program.ts'

// An authority plays Clerk: it answers Clerk's wire, which the tests in test/wire hold it to.

interface Instance {
  readonly url: string
  readonly secretKey: string
  readonly client: Client
  readonly close: () => Promise<void>
}

let folder: string
let clerk: Instance
let target: Instance
let stand: Server | undefined

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-import-'))
  ;[clerk, target] = [await startInstance(1), await startInstance(2)]
})

afterEach(async () => {
  stand?.close()
  stand = undefined
  await Promise.all([clerk.close(), target.close()])
  rmSync(folder, { recursive: true })
})

describe('import clerk', () => {
  it('brings machines, how long their tokens live, and their scopes in circles', async () => {
    const { api, worker } = await seed()
    const done = await json('import clerk')
    expect(done).toMatchObject({ complete: true, dryRun: false })
    const ours = (await target.client.machines.list({ orderBy: 'name' })).data
    expect(ours).toMatchObject([
      { name: 'api', defaultTokenTtl: 3600, scopedMachines: [{ name: 'worker' }] },
      { name: 'worker', defaultTokenTtl: 900, scopedMachines: [{ name: 'api' }] },
    ])
    expect(done.machines).toMatchObject([
      { clerkId: api.id, id: ours[0]?.id, state: 'brought' },
      { clerkId: worker.id, id: ours[1]?.id, state: 'brought' },
    ])
  })

  it('gives each a secret key that works here, and Clerk’s does not', async () => {
    const { api, worker } = await seed()
    const { machines } = await json('import clerk')
    const keyOf = (clerkId: string): string =>
      machines.find((one: { clerkId: string }) => one.clerkId === clerkId).secretKey
    const sender = createClient({ apiUrl: target.url, machineSecretKey: keyOf(worker.id) })
    const receiver = createClient({ apiUrl: target.url, machineSecretKey: keyOf(api.id) })
    const { token = '' } = await sender.m2m.createToken({ tokenFormat: 'jwt' })
    expect((await receiver.m2m.verify({ token })).subject).not.toBe(worker.id)
    const stale = createClient({ apiUrl: target.url, machineSecretKey: worker.secretKey })
    await expect(stale.m2m.createToken()).rejects.toMatchObject({ status: 401 })
  })

  it('says what would be done and does nothing with --dry-run', async () => {
    await seed()
    const map = join(folder, 'map.json')
    const { code, out, err } = await run(`import clerk --dry-run --map ${map}`)
    expect(code).toBe(0)
    expect(out).toMatch(/^worker +mch_\w+ +- +new/m)
    expect(out).toMatch(/^worker +api +new/m)
    expect(err).toContain('Nothing was done')
    expect(await names()).toEqual([])
    expect(() => statSync(map)).toThrow()
  })

  it('says in words what it cannot bring', async () => {
    const { err } = await run('import clerk --dry-run')
    for (const what of ['Secret keys', 'Live tokens', 'API keys', 'JWT templates']) {
      expect(err).toContain(what)
    }
  })

  it('does nothing the second time, and then brings only what is new', async () => {
    const { worker } = await seed()
    await json('import clerk')
    const again = await json('import clerk')
    expect(again.machines.map(({ state }: { state: string }) => state)).toEqual(['there', 'there'])
    expect(again.scopes.map(({ state }: { state: string }) => state)).toEqual(['there', 'there'])
    await clerk.client.machines.create({ name: 'third', scopedMachines: [worker.id] })
    const third = await json('import clerk')
    expect(third.machines[2]).toMatchObject({ name: 'third', state: 'brought' })
    expect(await names()).toEqual(['api', 'third', 'worker'])
  })

  it('follows a renamed machine by the map, and gives back no scope that was removed here', async () => {
    const { worker } = await seed()
    const map = join(folder, 'map.json')
    await json(`import clerk --map ${map}`)
    const { machines } = JSON.parse(readFileSync(map, 'utf8'))
    expect(machines[worker.id]).toMatchObject({ id: expect.stringMatching(/^mch_/) as string })
    await clerk.client.machines.update({ machineId: worker.id, name: 'night-worker' })
    const [api] = (await target.client.machines.list({ query: 'api' })).data
    await target.client.machines.deleteScope(machines[worker.id].id, api?.id ?? '')
    const { code, out } = await run(`import clerk --map ${map}`)
    expect(code).toBe(1)
    expect(out).toMatch(/night-worker +api +left out +.*removed here since/)
    expect(await names()).toEqual(['api', 'worker'])
  })

  it('appends the secret keys to a file that others cannot read, and prints none', async () => {
    await seed()
    const file = join(folder, 'keys.ndjson')
    const { out, err } = await run(`import clerk --secrets ${file}`)
    const lines = readFileSync(file, 'utf8').trim().split('\n')
    expect(lines).toHaveLength(2)
    for (const line of lines) {
      const { secretKey, clerkId } = JSON.parse(line)
      expect(secretKey).toMatch(/^ak_/)
      expect(clerkId).toMatch(/^mch_/)
      expect(out + err).not.toContain(secretKey)
    }
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  it('makes nothing when the file for the keys can be read by others', async () => {
    await seed()
    const file = join(folder, 'open.ndjson')
    writeFileSync(file, '')
    chmodSync(file, 0o644)
    const { code, err } = await run(`import clerk --secrets ${file}`)
    expect(code).toBe(2)
    expect(err).toContain('600')
    expect(await names()).toEqual([])
  })

  it('goes through all pages', async () => {
    const made = Array.from({ length: 205 }, (_, index) => `m-${String(index).padStart(3, '0')}`)
    for (const name of made) await clerk.client.machines.create({ name })
    const { machines } = await json('import clerk')
    expect(machines).toHaveLength(205)
    expect((await target.client.machines.list({ limit: 1 })).totalCount).toBe(205)
  })

  it('asks first, and stops at a no', async () => {
    await seed()
    const { code } = await run('import clerk', {}, false)
    expect(code).toBe(1)
    expect(await names()).toEqual([])
    expect((await run('import clerk --yes', {}, false)).code).toBe(0)
  })

  it('is refused into the authority that it comes from', async () => {
    await seed()
    const same = { COUNTERSIGN_URL: clerk.url, COUNTERSIGN_SECRET_KEY: clerk.secretKey }
    expect((await run('import clerk', same)).code).toBe(2)
  })

  it('says what was done when the target fails on the way, and goes on from there', async () => {
    await seed()
    const proxy = await standIn(async (req, body) => {
      const isSecond = req.method === 'POST' && (await names()).length === 1
      return isSecond ? { status: 500, body: '{}' } : forward(target.url, req, body)
    })
    const map = join(folder, 'map.json')
    const { code, out, err } = await run(`import clerk --map ${map}`, { COUNTERSIGN_URL: proxy })
    expect(code).toBe(1)
    expect(out).toMatch(/^api +.*brought/m)
    expect(out).toMatch(/^worker +\S+ +- +new/m)
    expect(err).toContain('Run it again')
    const { machines } = await json(`import clerk --map ${map}`)
    expect(machines.map(({ state }: { state: string }) => state)).toEqual(['there', 'brought'])
    expect(await names()).toEqual(['api', 'worker'])
  })
})

describe('a source that is no friend', () => {
  const page = (data: unknown, total: number): { status: number; body: string } => ({
    status: 200,
    body: JSON.stringify({ data, total_count: total }),
  })
  const machine = (id: string, name: string, more = {}): Record<string, unknown> => ({
    object: 'machine',
    id,
    name,
    instance_id: 'ins_hostile',
    created_at: 1,
    updated_at: 1,
    scoped_machines: [],
    ...more,
  })

  it('is told from Clerk by its key', async () => {
    const { code, err } = await run('import clerk', {
      CLERK_SECRET_KEY: `sk_test_${'x'.repeat(40)}`,
    })
    expect(code).toBe(1)
    expect(err).toContain('source-refused')
    expect(err).not.toContain('x'.repeat(40))
  })

  it.each([
    ['never ends', () => page([machine('mch_1', 'one')], 5)],
    ['says nothing', () => ({ status: 200, body: '{}' })],
    ['sends elsewhere', () => ({ status: 302, body: '' })],
    ['has a page instead', () => ({ status: 200, body: '<html>', type: 'text/html' })],
    [
      'has no number for a life',
      () => page([machine('mch_1', 'a', { default_token_ttl: 'x' })], 1),
    ],
    ['has another thing', () => page([{ ...machine('mch_1', 'a'), object: 'user' }], 1)],
  ])('and %s ends the run, with nothing made', async (_, answer) => {
    const from = await standIn(async () => answer())
    const { code, err } = await run('import clerk', { CLERK_API_URL: from })
    expect([code, err]).toEqual([4, expect.stringContaining('source-unusable')])
    expect(await names()).toEqual([])
  })

  it('and loses a machine while it is read ends the run, since another may have been passed over', async () => {
    const many = Array.from({ length: 100 }, (_, index) => machine(`mch_${index}`, `m-${index}`))
    const from = await standIn(async (req) =>
      req.url?.includes('offset=0') === true ? page(many, 102) : page([machine('mch_x', 'x')], 101),
    )
    const { code, err } = await run('import clerk', { CLERK_API_URL: from })
    expect([code, err]).toEqual([4, expect.stringContaining('changed while it was read')])
    expect(await names()).toEqual([])
  })

  it('cannot have its key printed, nor command the terminal', async () => {
    const echo = await standIn(async (req) => {
      return page([machine('mch_1', String(req.headers.authorization).slice(7))], 1)
    })
    const echoed = await run('import clerk', { CLERK_API_URL: echo })
    expect(echoed.code).toBe(4)
    expect(echoed.out + echoed.err).not.toContain(clerk.secretKey)
    stand?.close()
    const evil = await standIn(async () => page([machine('mch_1', 'evil\u001b[2J')], 1))
    const { out } = await run('import clerk', { CLERK_API_URL: evil })
    expect(out).toContain('evil·[2J')
  })

  it('without the life of tokens has Clerk’s default, an hour', async () => {
    const from = await standIn(async () => page([machine('mch_1', 'plain')], 1))
    await json('import clerk', { CLERK_API_URL: from })
    expect((await target.client.machines.list()).data[0]?.defaultTokenTtl).toBe(3600)
  })

  it('is never sent the key unencrypted', async () => {
    const { code, err } = await run('import clerk --from http://api.clerk.example')
    expect([code, err]).toEqual([2, expect.stringContaining('unencrypted')])
  })

  it('needs a key', async () => {
    expect((await run('import clerk', { CLERK_SECRET_KEY: '' })).err).toContain('CLERK_SECRET_KEY')
  })
})

async function seed() {
  const { machines } = clerk.client
  const api = await machines.create({ name: 'api' })
  const worker = await machines.create({
    name: 'worker',
    defaultTokenTtl: 900,
    scopedMachines: [api.id],
  })
  await machines.createScope(api.id, worker.id)
  return { api, worker }
}

async function names(): Promise<string[]> {
  const { data } = await target.client.machines.list({ orderBy: 'name', limit: 500 })
  return data.map(({ name }) => name)
}

async function startInstance(seedByte: number): Promise<Instance> {
  const ports = { store: createMemoryStore(), log: silentLog }
  const rootKeys = [createRootKey(new Uint8Array(32).fill(seedByte))]
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, ports)
  const open = (url: string): ReturnType<typeof createAuthority> =>
    createAuthority({ issuer: url, rootKeys }, ports)
  const server: RunningServer = await startServer({
    host: '127.0.0.1',
    port: 0,
    log: silentLog,
    open,
  })
  const secretKey = founded?.secretKey ?? ''
  const client = createClient({ apiUrl: server.url, secretKey })
  return { url: server.url, secretKey, client, close: () => server.close() }
}

interface Reply {
  readonly status: number
  readonly body: string
  readonly type?: string
}

/** Something that answers in the place of an authority. */
async function standIn(
  answer: (req: IncomingMessage, body: string) => Promise<Reply>,
): Promise<string> {
  const server = createServer((req, res) => {
    const chunks: Buffer[] = []
    req.on('data', (chunk: Buffer) => chunks.push(chunk))
    req.on('end', () => {
      void answer(req, Buffer.concat(chunks).toString()).then(({ status, body, type }) => {
        const headers = { 'content-type': type ?? 'application/json', location: '/elsewhere' }
        res.writeHead(status, headers).end(body)
      })
    })
  })
  stand = server
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

async function forward(url: string, req: IncomingMessage, body: string): Promise<Reply> {
  const { method = 'GET', headers } = req
  const response = await fetch(`${url}${req.url ?? ''}`, {
    method,
    headers: {
      authorization: headers.authorization ?? '',
      ...(body !== '' && { 'content-type': 'application/json' }),
    },
    ...(body !== '' && { body }),
  })
  return { status: response.status, body: await response.text() }
}

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a test reads a document without a type
async function json(line: string, env: Record<string, string> = {}): Promise<any> {
  const { code, out, err } = await run(`${line} --json`, env)
  expect(code, err).toBe(0)
  return JSON.parse(out)
}

async function run(line: string, env: Record<string, string> = {}, confirms = true) {
  const [out, err]: [string[], string[]] = [[], []]
  const style = picocolors.createColors(false)
  const code = await runProgram(ENTRIES, line.split(' '), {
    env: {
      CLERK_API_URL: clerk.url,
      CLERK_SECRET_KEY: clerk.secretKey,
      COUNTERSIGN_URL: target.url,
      COUNTERSIGN_SECRET_KEY: target.secretKey,
      COUNTERSIGN_DATA: join(folder, 'none'),
      ...env,
    },
    style,
    noteStyle: style,
    print: (text) => void out.push(text),
    note: (text) => void err.push(text),
    readInput: () => Promise.resolve(''),
    confirm: () =>
      confirms
        ? Promise.resolve()
        : Promise.reject(new CommandError('confirmation-refused', 'Not confirmed.')),
    now: () => Date.now(),
    elapsed: () => performance.now(),
    untilStopped: () => Promise.resolve(),
  })
  return { code, out: out.join('\n'), err: err.join('\n') }
}
