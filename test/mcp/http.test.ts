import { type ChildProcess, spawn } from 'node:child_process'
import { request } from 'node:http'
import process from 'node:process'
import { createInterface } from 'node:readline'
import { once } from 'node:events'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createClient, type Machine } from 'countersign'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { kill, ROOT } from '../support/spawn.ts'
import { createSetting, type Setting } from './setting.ts'

/** `countersign-mcp --http`: a protected resource on a socket of this machine. */

const SOURCE = ['--import', './tools/typescript.js', '--conditions=source']

let setting: Setting
let second: Machine
let server: ChildProcess
let url: string

beforeAll(async () => {
  setting = await createSetting()
  const { authority, robot, owner } = setting
  second = await owner.machines.create({ name: 'second', scopedMachines: [robot.id] })
  const args = ['--http', '0', '--allow', 'mint_token', '--writes', '1', '--agent', 'desk']
  server = spawn(process.execPath, [...SOURCE, 'packages/mcp/src/main.ts', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: {
      COUNTERSIGN_URL: authority.url,
      COUNTERSIGN_SECRET_KEY: authority.secretKey,
      COUNTERSIGN_MACHINE_SECRET_KEY: robot.secretKey ?? '',
    },
  })
  if (server.stderr === null) throw new Error('The process has no standard error.')
  const [line] = (await once(createInterface({ input: server.stderr }), 'line')) as [string]
  url = /http:\S+/.exec(line)?.[0] ?? line
}, 60_000)

afterAll(async () => {
  await kill(server)
  await setting.authority.close()
})

const tokenOf = async (machine: Machine): Promise<string> => {
  const { authority } = setting
  const { m2m } = createClient({ apiUrl: authority.url, machineSecretKey: machine.secretKey })
  return (await m2m.createToken({ tokenFormat: 'jwt' })).token ?? ''
}

const initOf = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

async function connect(machine: Machine): Promise<Client> {
  const client = new Client({ name: 'test', version: '1.0.0' })
  const requestInit = initOf(await tokenOf(machine))
  await client.connect(new StreamableHTTPClientTransport(new URL(url), { requestInit }))
  return client
}

/** The platform's `fetch` does not send another `Host`. */
async function statusOf(headers: Readonly<Record<string, string>>): Promise<number | undefined> {
  const sent = request(url, { method: 'POST', agent: false, headers })
  sent.end('{}')
  const [answer] = (await once(sent, 'response')) as [import('node:http').IncomingMessage]
  answer.resume()
  return answer.statusCode
}

describe('over HTTP', () => {
  test('the machine that calls is the agent: it is in the audit log, and has its own budget', async () => {
    const { api, caller, owner } = setting
    const client = await connect(caller)
    const mint = {
      name: 'mint_token',
      arguments: { receivers: [api.id], task: 'read the orders' },
    }
    expect((await client.callTool(mint)).isError).toBeFalsy()
    const over = await client.callTool(mint)
    expect(JSON.stringify(over.content)).toContain('budget-exhausted')
    const other = await connect(second)
    expect((await other.callTool(mint)).isError).toBeFalsy()
    await Promise.all([client.close(), other.close()])
    for (const { id } of [caller, second]) {
      const { data } = await owner.auditLog.list({ actor: `agent:${id}` })
      expect(data.map(({ action }) => action)).toEqual(['agent.called', 'm2m_token.created'])
    }
  }, 60_000)

  test('a client of the older revisions of the protocol is served as well', async () => {
    const client = new ClientV1({ name: 'test', version: '1.0.0' })
    const requestInit = initOf(await tokenOf(second))
    const transport = new TransportV1(new URL(url), { requestInit })
    await client.connect(transport)
    const answer = await client.callTool({ name: 'list_machines', arguments: { limit: 1 } })
    expect(answer.structuredContent).toMatchObject({ totalCount: 5 })
    await client.close()
  }, 60_000)

  test('nobody is let in without a token that is meant for this server', async () => {
    const { api, robot } = setting
    const answer = await fetch(url, { method: 'POST' })
    expect(answer.status).toBe(401)
    const metadata = `${new URL(url).origin}/.well-known/oauth-protected-resource/mcp`
    expect(answer.headers.get('www-authenticate')).toBe(`Bearer resource_metadata="${metadata}"`)
    expect(await (await fetch(metadata)).json()).toMatchObject({
      resource: url,
      authorization_servers: [setting.authority.url],
    })
    for (const machine of [api, robot]) {
      const { status } = await fetch(url, { method: 'POST', ...initOf(await tokenOf(machine)) })
      expect(status).toBe(401)
    }
  })

  test('a web page is refused, by its origin and by the name that it made lead here', async () => {
    const authorization = `Bearer ${await tokenOf(second)}`
    const port = new URL(url).port
    const { host } = new URL(url)
    expect(await statusOf({ authorization, host, origin: 'https://evil.example' })).toBe(403)
    expect(await statusOf({ authorization, host, origin: `http://localhost:${port}` })).toBe(403)
    expect(await statusOf({ authorization, host, origin: 'null' })).toBe(403)
    expect(await statusOf({ authorization, host: `evil.example:${port}` })).toBe(403)
    expect(await statusOf({ authorization, host: '127.0.0.1.evil.example' })).toBe(403)
    expect(await statusOf({ host: `evil.example:${port}` })).toBe(403)
  })

  test('no path but its own is there', async () => {
    const { status } = await fetch(new URL('/other', url), initOf(await tokenOf(second)))
    expect(status).toBe(404)
  })
})
