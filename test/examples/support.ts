import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from 'countersign'
import { expect } from 'vitest'
import { startTestAuthority } from '../support/authority.ts'

/** Those that are a server of Node, by their folders. */
export const EXAMPLES = ['express', 'fastify', 'h3', 'hono', 'node'] as const

/** A running authority with what the pages of docs/frameworks set up, and how it is called. */
export interface Setting extends AsyncDisposable {
  /** What a page tells its reader to export. */
  readonly env: Readonly<Record<string, string>>
  /** Makes a token for `worker`, which may call the example, or for `stranger`, which may not. */
  mint(sender: 'worker' | 'other' | 'stranger', tokenFormat?: 'opaque' | 'jwt'): Promise<string>
  readonly apiKey: string
}

export async function createSetting(): Promise<Setting> {
  const authority = await startTestAuthority()
  const { url, secretKey } = authority
  const admin = createClient({ apiUrl: url, secretKey })
  const api = await admin.machines.create({ name: 'api' })
  const scopedMachines = [api.id]
  const senders = {
    worker: await admin.machines.create({ name: 'worker', scopedMachines }),
    other: await admin.machines.create({ name: 'other', scopedMachines }),
    stranger: await admin.machines.create({ name: 'stranger' }),
  }
  const subject = `user_${'1'.repeat(27)}`
  const { secret = '' } = await admin.apiKeys.create({ name: 'key', subject })
  return {
    env: {
      COUNTERSIGN_URL: url,
      COUNTERSIGN_MACHINE_SECRET_KEY: api.secretKey ?? '',
      COUNTERSIGN_SECRET_KEY: secretKey,
      WORKER_ID: senders.worker.id,
    },
    async mint(sender, tokenFormat = 'opaque') {
      const machineSecretKey = senders[sender].secretKey
      const { m2m } = createClient({ apiUrl: url, machineSecretKey })
      return (await m2m.createToken({ tokenFormat })).token ?? ''
    },
    apiKey: secret,
    [Symbol.asyncDispose]: () => authority.close(),
  }
}

/** A program that answers on a port. */
export interface RunningExample extends AsyncDisposable {
  readonly url: string
}

/**
 * Starts a program as its page says, on a free port, and waits until it answers.
 *
 * @param args `$PORT` in them is the port, for a program that is not told it by its environment.
 */
export async function startExample(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>>,
): Promise<RunningExample> {
  const port = await freePort()
  const words = args.map((arg) => arg.replace('$PORT', String(port)))
  const child = spawn(command, words, {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PORT: String(port), ...env },
    // A group of its own, which ends with all that npm has started.
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const said: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => said.push(text.toString()))
  }
  const url = `http://127.0.0.1:${port}`
  const end = (): Promise<void> => endGroup(child)
  try {
    await untilItAnswers(`${url}/health`, child)
  } catch (cause) {
    await end()
    throw new Error(`${[command, ...args].join(' ')} did not start:\n${said.join('')}`, { cause })
  }
  return { url, [Symbol.asyncDispose]: end }
}

/** What every example answers, to each caller that its page tells of. */
export async function expectAnswers(
  { url }: RunningExample,
  setting: Setting,
  hasRefunds: boolean,
): Promise<void> {
  const { apiKey, env } = setting
  const get = async (path: string, token?: string) => {
    const headers = new Headers(token === undefined ? {} : { authorization: `Bearer ${token}` })
    const response = await fetch(url + path, { headers })
    const text = await response.text()
    return { status: response.status, body: text === '' ? null : (JSON.parse(text) as unknown) }
  }
  expect(await get('/health')).toEqual({ status: 200, body: { ok: true } })
  expect(await get('/orders')).toEqual({ status: 401, body: null })
  expect(await get('/orders', apiKey)).toEqual({ status: 401, body: null })
  for (const format of ['opaque', 'jwt'] as const) {
    const [worker, stranger] = [
      await setting.mint('worker', format),
      await setting.mint('stranger', format),
    ]
    const body = { machineId: env['WORKER_ID'] }
    expect(await get('/orders', worker)).toMatchObject({ status: 200, body })
    expect(await get('/orders', stranger)).toEqual({ status: 401, body: null })
    expect(await get('/reports', worker)).toMatchObject({ body: { tokenType: 'm2m_token' } })
  }
  expect(await get('/reports', apiKey)).toMatchObject({ body: { tokenType: 'api_key' } })
  if (!hasRefunds) return
  expect(await get('/refunds', await setting.mint('worker'))).toMatchObject({ status: 200 })
  expect(await get('/refunds', await setting.mint('other'))).toEqual({ status: 403, body: null })
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function untilItAnswers(url: string, child: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (child.exitCode !== null) break
    try {
      await fetch(url)
      return
    } catch {
      await sleep(100)
    }
  }
  throw new Error(`Nothing answers at ${url}.`)
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  process.kill(-child.pid, 'SIGTERM')
  await exited
}
