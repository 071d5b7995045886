import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { discoverOAuthProtectedResourceMetadata } from '@modelcontextprotocol/client'
import { toNodeHandler } from '@modelcontextprotocol/node'
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport as TransportV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer as McpServerV1 } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js'
import { createMcpHandler, McpServer } from '@modelcontextprotocol/server'
import { createClient, type Machine } from 'countersign'
import {
  getAuth,
  type McpAuthInfo,
  type McpServerOptions,
  protectMcpServer,
} from 'countersign/mcp-server'
import express from 'express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTestKey, signToken, type TestKey } from '../../packages/sdk/src/testing/tokens.ts'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock } from '../support/clock.ts'
import { callTool, type Era, ERAS } from '../support/mcp-client.ts'
import { type Recorder, startRecorder } from '../support/recorder.ts'
import type { RunningApp } from './cases.ts'
import { listen } from './listen.ts'

/** The cases of `cases.ts` as they are for a server of the Model Context Protocol, and its metadata. */

type ToolContext = Readonly<Record<'token' | 'clientId', string>> & Pick<McpAuthInfo, 'scopes'>

/** What a tool is given: all that it could tell of who calls, and pass on. */
const told = (
  authInfo: (ToolContext & { extra?: object | undefined }) | undefined,
  headers: object,
) => {
  const { tokenType, subject } = getAuth(authInfo)
  const text = JSON.stringify({
    tokenType,
    subject,
    clientId: authInfo?.clientId,
    scopes: authInfo?.scopes,
    token: authInfo?.token,
    canGetToken: 'getToken' in getAuth(authInfo),
    headers,
  })
  return { content: [{ type: 'text' as const, text }] }
}

const mcp = createMcpHandler(() => {
  const server = new McpServer({ name: 'tools', version: '1.0.0' })
  server.registerTool('whoami', {}, ({ http }) =>
    told(http?.authInfo, Object.fromEntries(http?.req?.headers ?? [])),
  )
  return server
})

/** Its own types are not exact: `method` may be undefined in Node's. */
const handleByVersion2 = toNodeHandler(mcp) as RequestListener

/** A server that handles one request, as version 1 of the SDK has it where no session is kept. */
const handleByVersion1 = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
  const server = new McpServerV1({ name: 'tools', version: '1.0.0' })
  server.registerTool('whoami', {}, ({ authInfo, requestInfo }) =>
    told(authInfo, requestInfo?.headers ?? {}),
  )
  const transport = new StreamableHTTPServerTransport()
  await server.connect(transport)
  await transport.handleRequest(req, res)
}

/** Version 1 of the SDK knows the older era only. */
const BOTH: readonly Era[] = ['modern', 'legacy']
const OLDER: readonly Era[] = ['legacy']

const SERVERS: readonly (readonly [
  string,
  readonly Era[],
  (options: McpServerOptions) => Server,
])[] = [
  [
    'a web handler, of version 2 of the SDK',
    BOTH,
    (options) =>
      createAdaptorServer({ fetch: protectMcpServer(options).fetch(mcp.fetch) }) as Server,
  ],
  [
    'a listener of Node, of version 2 of the SDK',
    BOTH,
    (options) => createServer(protectMcpServer(options).node(handleByVersion2)),
  ],
  [
    'a listener of Node, of version 1 of the SDK',
    OLDER,
    (options) => createServer(protectMcpServer(options).node(handleByVersion1)),
  ],
  [
    'Express',
    BOTH,
    (options) => {
      const app = express()
      app.use(protectMcpServer(options).node(handleByVersion2))
      return createServer(app)
    },
  ],
]

interface Said {
  readonly tokenType: string
  readonly subject: string
  readonly clientId: string
  readonly scopes: readonly string[]
  readonly token: string
  readonly canGetToken: boolean
  readonly headers: Readonly<Record<string, string>>
}

const RESOURCE = 'https://tools.example.com/mcp'
const METADATA = '/.well-known/oauth-protected-resource/mcp'
const METADATA_URL = `https://tools.example.com${METADATA}`
const ISSUER = 'https://oauth.test'
const FORMATS = ['opaque', 'jwt'] as const

const INITIALIZE = {
  jsonrpc: '2.0',
  id: 1,
  method: 'initialize',
  params: {
    protocolVersion: '2025-06-18',
    capabilities: {},
    clientInfo: { name: 'test', version: '1' },
  },
}

describe.each(SERVERS)('behind protectMcpServer, %s', (_, eras, createProtected) => {
  const clock = createTestClock()
  let recorder: Recorder
  let authority: TestAuthority
  let other: TestAuthority
  let machines: Readonly<Record<'api' | 'worker' | 'outsider' | 'stranger', Machine>>
  let elsewhere: Readonly<Record<'api' | 'worker', Machine>>
  let key: TestKey
  let app: RunningApp
  let oauthApp: RunningApp

  beforeAll(async () => {
    recorder = await startRecorder()
    authority = await startTestAuthority({ clock, publicUrl: recorder.url })
    recorder.forwardTo(authority.url)
    other = await startTestAuthority({ clock })
    machines = await createMachines(authority)
    elsewhere = await createMachines(other)
    key = await createTestKey('ES256', 'key')
    const base = { resource: RESOURCE, clock: () => clock.now() }
    const env = {
      COUNTERSIGN_URL: recorder.url,
      COUNTERSIGN_MACHINE_SECRET_KEY: machines.api.secretKey,
      COUNTERSIGN_SECRET_KEY: authority.secretKey,
    }
    const from = [machines.worker.id, machines.stranger.id]
    app = await listen(createProtected({ ...base, env, from }))
    const oauth = { issuer: ISSUER, jwks: { keys: [key.publicJwk] } }
    const requiredScopes = ['tools:read', 'tools:write']
    oauthApp = await listen(createProtected({ ...base, env, oauth, requiredScopes }))
  })

  afterAll(async () => {
    await Promise.all([app.close(), oauthApp.close(), recorder.close()])
    await Promise.all([authority.close(), other.close()])
  })

  const mint = async (
    sender: Machine,
    tokenFormat: 'opaque' | 'jwt',
    at = authority,
  ): Promise<{ readonly id: string; readonly token: string }> => {
    const { m2m } = createClient({ apiUrl: at.url, machineSecretKey: sender.secretKey })
    const { id, token = '' } = await m2m.createToken({ tokenFormat, secondsUntilExpiration: 3600 })
    return { id, token }
  }

  const accessToken = (claims: object = {}): Promise<string> => {
    const seconds = Math.floor(clock.now() / 1000)
    const payload = { iss: ISSUER, sub: 'user_1', aud: RESOURCE, client_id: 'client_1', jti: 'a' }
    const times = { iat: seconds, exp: seconds + 60 }
    const scope = 'tools:read tools:write'
    const header = { alg: 'ES256', typ: 'at+jwt', kid: 'key' }
    return signToken(key, { ...payload, ...times, scope, ...claims }, header)
  }

  const post = async (
    token: string | null,
    { to = app, headers = {} }: { to?: RunningApp; headers?: Record<string, string> } = {},
  ) => {
    const response = await fetch(`${to.url}/mcp`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        ...(token !== null && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      body: JSON.stringify(INITIALIZE),
    })
    const { status } = response
    const text = await response.text()
    return {
      status,
      challenge: response.headers.get('www-authenticate'),
      retryAfter: response.headers.get('retry-after'),
      text: status === 200 ? '' : text,
    }
  }

  const callsOf = async (work: () => Promise<unknown>): Promise<string[]> => {
    const before = recorder.exchanges.length
    await work()
    return recorder.exchanges.slice(before).map(({ target }) => target)
  }

  const LET_IN = { status: 200, challenge: null, retryAfter: null, text: '' }
  const challenge = (text: string) => ({
    status: text.includes('insufficient_scope') ? 403 : 401,
    challenge: text,
    retryAfter: null,
    text: '',
  })
  const NOBODY = challenge(`Bearer resource_metadata="${METADATA_URL}"`)
  const REFUSED = challenge(`Bearer error="invalid_token", resource_metadata="${METADATA_URL}"`)

  const ask = async (token: string, to = app, era: Era = 'legacy'): Promise<Said> => {
    const { text } = await callTool(new URL(`${to.url}/mcp`), token, 'whoami', era)
    return JSON.parse(text) as Said
  }

  test('a hundred first requests at once fetch one key set and one status list', async () => {
    const { token } = await mint(machines.worker, 'jwt')
    const calls = await callsOf(async () => {
      const answers = await Promise.all(Array.from({ length: 100 }, () => post(token)))
      expect(answers).toEqual(Array.from({ length: 100 }, () => LET_IN))
    })
    expect(calls).toHaveLength(2)
  })

  test.each(eras.flatMap((era) => FORMATS.map((format) => [era, format] as const)))(
    'by the %s era of the protocol a tool is called, and told by the %s token who calls',
    async (era, format) => {
      const { token } = await mint(machines.worker, format)
      const { revision, text } = await callTool(new URL(`${app.url}/mcp`), token, 'whoami', era)
      expect(revision).toBe(ERAS[era].revision)
      const { id } = machines.worker
      const worker = { tokenType: 'm2m_token', subject: id, clientId: id, scopes: [], token: '' }
      expect(JSON.parse(text)).toMatchObject(worker)
      expect(text).not.toContain(token)
    },
  )

  test.each(FORMATS)(
    'a client of version 1 of the SDK calls a tool, which is told by the %s token who it is',
    async (format) => {
      const { token } = await mint(machines.worker, format)
      const client = new ClientV1({ name: 'test', version: '1.0.0' })
      const requestInit = { headers: { authorization: `Bearer ${token}` } }
      const transport = new TransportV1(new URL(`${app.url}/mcp`), { requestInit })
      await client.connect(transport)
      const worker = { tokenType: 'm2m_token', subject: machines.worker.id, scopes: [] }
      expect(saidBy(await client.callTool({ name: 'whoami' }))).toMatchObject(worker)
      await client.close()
    },
  )

  test.each(eras)('by the %s era a stranger comes to no tool', async (era) => {
    const url = new URL(`${app.url}/mcp`)
    for (const format of FORMATS) {
      const { token } = await mint(machines.stranger, format)
      await expect(callTool(url, token, 'whoami', era)).rejects.toMatchObject({ status: 401 })
    }
  })

  test('a tool is given no token that it could pass on', async () => {
    const { token } = await mint(machines.worker, 'jwt')
    const said = await ask(token)
    expect(said).toMatchObject({ token: '', canGetToken: false })
    expect(said.headers).not.toHaveProperty('authorization')
    expect(said.headers).toHaveProperty('content-type')
    expect(JSON.stringify(said)).not.toContain(token)
  })

  test('no token, and what is none, is a 401 that costs no call and leads to the metadata', async () => {
    const calls = await callsOf(async () => {
      expect(await post(null)).toEqual(NOBODY)
      for (const garbage of ['garbage', 'mt_xxx', 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.AA']) {
        expect(await post(garbage)).toEqual(REFUSED)
      }
    })
    expect(calls).toEqual([])
  })

  test('an API key or an OAuth token is a 401 that costs no call, where machines are expected', async () => {
    const { apiKeys } = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
    const subject = `user_${'6'.repeat(27)}`
    const { secret = '' } = await apiKeys.create({ name: 'key', subject })
    const calls = await callsOf(async () => {
      for (const token of [secret, `oat_${'b'.repeat(32)}`, await accessToken()]) {
        expect(await post(token)).toEqual(REFUSED)
      }
    })
    expect(calls).toEqual([])
  })

  test('a machine’s JWT in a session cookie is nobody', async () => {
    const { token } = await mint(machines.worker, 'jwt')
    expect(await post(null, { headers: { cookie: `__session=${token}` } })).toEqual(NOBODY)
  })

  test.each(FORMATS)('the %s token of an unscoped machine is a 401', async (format) => {
    const { token } = await mint(machines.stranger, format)
    expect(await post(token)).toEqual(REFUSED)
  })

  test.each(FORMATS)('a machine outside from is a 403, by its %s token', async (format) => {
    const { token } = await mint(machines.outsider, format)
    expect(await post(token)).toEqual(
      challenge(`Bearer error="insufficient_scope", resource_metadata="${METADATA_URL}"`),
    )
  })

  test.each(FORMATS)('the %s token of another instance is a 401', async (format) => {
    const { token } = await mint(elsewhere.worker, format, other)
    expect(await post(token)).toEqual(REFUSED)
  })

  test('an access token is accepted when it names this server and has the scopes', async () => {
    const said = await ask(await accessToken(), oauthApp)
    expect(said).toMatchObject({
      tokenType: 'oauth_token',
      subject: 'user_1',
      clientId: 'client_1',
      scopes: ['tools:read', 'tools:write'],
      token: '',
      canGetToken: false,
    })
    const { token } = await mint(machines.worker, 'jwt')
    expect(await ask(token, oauthApp)).toMatchObject({ tokenType: 'm2m_token' })
  })

  test('an access token for another server is a 401, and one without a scope a 403 that names it', async () => {
    const scope = 'scope="tools:read tools:write"'
    const metadata = `resource_metadata="${METADATA_URL}"`
    const to = oauthApp
    for (const aud of ['https://tools.example.com', 'https://tools.example.com/mcp/2', [], ISSUER])
      expect(await post(await accessToken({ aud }), { to })).toEqual(
        challenge(`Bearer error="invalid_token", ${scope}, ${metadata}`),
      )
    expect(await post(await accessToken({ scope: 'tools:read' }), { to })).toEqual(
      challenge(`Bearer error="insufficient_scope", ${scope}, ${metadata}`),
    )
    expect(await post(null, { to })).toEqual(challenge(`Bearer ${scope}, ${metadata}`))
  })

  test('an opaque access token, of which nobody can say whom it is for, is a 401 that costs no call', async () => {
    const calls = await callsOf(async () => {
      const { status } = await post(`oat_${'b'.repeat(32)}`, { to: oauthApp })
      expect(status).toBe(401)
    })
    expect(calls).toEqual([])
  })

  test('anyone may read the metadata, and that costs no call', async () => {
    const calls = await callsOf(async () => {
      const answer = await fetch(app.url + METADATA)
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('application/json')
      expect(answer.headers.get('access-control-allow-origin')).toBe('*')
      expect(await answer.json()).toEqual({
        resource: RESOURCE,
        authorization_servers: [recorder.url],
        bearer_methods_supported: ['header'],
      })
      const more = await fetch(oauthApp.url + METADATA)
      expect(await more.json()).toEqual({
        resource: RESOURCE,
        authorization_servers: [ISSUER, recorder.url],
        bearer_methods_supported: ['header'],
        scopes_supported: ['tools:read', 'tools:write'],
      })
    })
    expect(calls).toEqual([])
    const found = await discoverOAuthProtectedResourceMetadata(new URL(`${app.url}/mcp`))
    expect(found).toMatchObject({ resource: RESOURCE })
  })

  test('the metadata is read and no more, and no other path is open', async () => {
    const statusOf = async (method: string, path: string): Promise<number> =>
      (await fetch(app.url + path, { method })).status
    expect(await statusOf('HEAD', METADATA)).toBe(200)
    expect(await statusOf('OPTIONS', METADATA)).toBe(204)
    expect(await statusOf('POST', METADATA)).toBe(405)
    for (const path of ['/.well-known/oauth-protected-resource', `${METADATA}/`, '/mcp', '/']) {
      expect(await statusOf('GET', path)).toBe(401)
    }
  })

  test('a revoked opaque token is a 401 at once, a revoked JWT within the lifetime of the list', async () => {
    const opaque = await mint(machines.worker, 'opaque')
    const jwt = await mint(machines.worker, 'jwt')
    const { m2m } = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
    for (const { id, token } of [opaque, jwt]) {
      expect(await post(token)).toEqual(LET_IN)
      await m2m.revokeToken({ m2mTokenId: id })
    }
    expect(await post(opaque.token)).toEqual(REFUSED)
    clock.advance(15_000)
    expect(await post(jwt.token)).toEqual(REFUSED)
  })

  test('without the authority an opaque token is a 503, and a JWT is let in', async () => {
    const opaque = await mint(machines.worker, 'opaque')
    const jwt = await mint(machines.worker, 'jwt')
    expect(await post(jwt.token)).toEqual(LET_IN)
    await recorder.close()
    expect(await post(opaque.token)).toMatchObject({
      status: 503,
      challenge: null,
      retryAfter: expect.stringMatching(/^\d+$/) as string,
    })
    expect(await post(jwt.token)).toEqual(LET_IN)
  }, 60_000)
})

describe('the options of protectMcpServer', () => {
  const apiUrl = 'https://authority.test'
  const audience = `mch_${'a'.repeat(27)}`
  const oauth = { issuer: ISSUER, jwks: { keys: [] } }

  test.each<readonly [string, object, string]>([
    ['no resource', { audience }, 'resource'],
    ['a resource that is no URL', { audience, resource: '/mcp' }, 'resource'],
    ['a fragment', { audience, resource: `${RESOURCE}#a` }, 'resource'],
    ['a quote in a scope', { audience, resource: RESOURCE, requiredScopes: ['a"b'] }, 'required'],
    ['scopes that are not set', { audience, resource: RESOURCE, requiredScopes: undefined }, 'req'],
    ['machines that are not set', { audience, resource: RESOURCE, from: undefined }, 'from'],
    ['no machine in from', { audience, resource: RESOURCE, from: [] }, 'from'],
    [
      'nobody who issues tokens',
      { audience, resource: RESOURCE, authorizationServers: [] },
      'auth',
    ],
    ['the key of the instance alone', { resource: RESOURCE, secretKey: 'sk_test_a' }, 'machineSec'],
    ['any receiver', { resource: RESOURCE, audience: null }, 'audience'],
    [
      'any receiver of access tokens',
      { resource: RESOURCE, oauth: { ...oauth, audience: null } },
      'oauth.audience',
    ],
  ])('are refused with %s', (_, options, named) => {
    // Also what the types forbid: not everybody has them.
    const create = () => protectMcpServer({ apiUrl, env: {}, ...options } as McpServerOptions)
    expect(create).toThrow(expect.objectContaining({ code: 'configuration-invalid' }))
    expect(create).toThrow(named)
  })

  test('a server at the root of its host has the metadata at the well-known path', () => {
    const { metadataUrl, metadata } = protectMcpServer({
      apiUrl,
      env: {},
      oauth,
      resource: 'https://mcp.example.com/',
    })
    expect(metadataUrl).toBe('https://mcp.example.com/.well-known/oauth-protected-resource')
    expect(metadata).toMatchObject({
      resource: 'https://mcp.example.com',
      authorization_servers: [ISSUER],
    })
  })

  test('getAuth says which line is missing', () => {
    expect(() => getAuth(undefined)).toThrow('protection.fetch(mcp.fetch)')
    expect(() => getAuth({ extra: {} })).toThrow('protection.fetch(mcp.fetch)')
  })
})

async function createMachines(authority: TestAuthority) {
  const admin = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const api = await admin.machines.create({ name: 'api' })
  const scopedMachines = [api.id]
  return {
    api,
    worker: await admin.machines.create({ name: 'worker', scopedMachines }),
    outsider: await admin.machines.create({ name: 'outsider', scopedMachines }),
    stranger: await admin.machines.create({ name: 'stranger' }),
  }
}

function saidBy(answer: object): Said {
  const { content } = answer as { content: { text: string }[] }
  return JSON.parse(content[0]?.text ?? '{}') as Said
}
