import { once } from 'node:events'
import {
  createServer,
  type IncomingMessage,
  request,
  type Server,
  type ServerResponse,
} from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { join } from 'node:path'
import process from 'node:process'
import { text } from 'node:stream/consumers'
import { gzipSync } from 'node:zlib'
import { createClient, type Machine } from 'countersign'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readIdentity } from '../../examples/edge-gateway/src/origin.ts'
import {
  createTestKey,
  GOOD_PAYLOAD,
  headerOf,
  RECEIVER,
  signToken,
  type TestKey,
} from '../../packages/sdk/src/testing/tokens.ts'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { startRecorder } from '../support/recorder.ts'
import { ROOT } from '../support/spawn.ts'
import { type RunningWorker, startWorker } from '../support/workerd.ts'
import { BINARIES, installRuntimes } from './runtimes.ts'

/** examples/edge-gateway on real workerd, before a real origin and behind a real authority. */

const FOLDER = join(ROOT, 'examples/edge-gateway')
const WORKER = join(FOLDER, 'src/worker.ts')
const CLOCKED = join(import.meta.dirname, 'clocked-gateway.ts')
const ORIGIN_KEY = Buffer.alloc(32, 7).toString('base64')

interface Seen {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
}

let recorder: Awaited<ReturnType<typeof startRecorder>>
let authority: TestAuthority
let api: Machine
let stranger: Machine
let worker: Machine
let originServer: Server
let origin: string
let gateway: RunningWorker
const seen: Seen[] = []
const workers: RunningWorker[] = []
const closers: (() => Promise<unknown>)[] = []

/** What the origin does on a path. */
const routes: Record<string, (req: IncomingMessage, res: ServerResponse) => void> = {}

const problem = await installRuntimes()
const isSkipped = problem !== null && process.env['CI'] !== 'true'
if (isSkipped) test.skip(`SKIPPED: ${problem}`)

beforeAll(async () => {
  if (problem !== null) throw new Error(problem)
  recorder = await startRecorder()
  authority = await startTestAuthority({ publicUrl: recorder.url })
  recorder.forwardTo(authority.url)
  const { machines } = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  api = await machines.create({ name: 'api' })
  stranger = await machines.create({ name: 'stranger' })
  worker = await machines.create({ name: 'worker', scopedMachines: [api.id] })

  originServer = createServer((req, res) => {
    const { method = '', url: path = '', headers } = req
    seen.push({ method, path, headers })
    const route = routes[path.split('?', 1)[0] ?? '']
    if (route !== undefined) {
      route(req, res)
      return
    }
    readIdentity(req, { originKey: ORIGIN_KEY, origin }).then(
      (identity) => {
        res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(identity))
      },
      () => res.writeHead(403).end(),
    )
  })
  origin = await listen(originServer)
  gateway = await start(WORKER)
}, 120_000)

afterAll(async () => {
  await Promise.all([...workers.map((one) => one.close()), ...closers.map((close) => close())])
  originServer.closeAllConnections()
  originServer.close()
  await recorder.close()
  await authority.close()
})

beforeEach(() => {
  seen.length = 0
})

describe.skipIf(isSkipped)('a valid JWT', () => {
  test('reaches the origin, which learns who calls and never sees the token', async () => {
    const token = await mint()
    const { status, body } = await call(gateway, '/orders?id=1', { token: token.text })
    expect(status).toBe(200)
    expect(JSON.parse(body)).toMatchObject({ machineId: worker.id, tokenId: token.id })
    expect(seen).toMatchObject([{ method: 'GET', path: '/orders?id=1' }])
    expect(seen[0]?.headers).not.toHaveProperty('authorization')
  })

  test('has claims of its machine only where the gateway is told of them', async () => {
    const { text } = await mint({ claims: { job: 7 } })
    expect((await call(gateway, '/', { token: text })).status).toBe(401)
    const told = await start(WORKER, { CLAIMS: 'job,tenant' })
    const { status, body } = await call(told, '/', { token: text })
    expect(status).toBe(200)
    expect(JSON.parse(body).claims).toMatchObject({ job: 7 })
  })

  test('costs one fetch of the key set and one of its status list, with a hundred at once', async () => {
    const fresh = await start(WORKER)
    const { text } = await mint()
    const before = recorder.exchanges.length
    const answers = await Promise.all(
      Array.from({ length: 100 }, () => call(fresh, '/', { token: text })),
    )
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
    const targets = recorder.exchanges.slice(before).map(({ target }) => target)
    expect(targets).toEqual([
      '/.well-known/jwks.json',
      expect.stringMatching(/^\/status-lists\//) as string,
    ])
  })
})

describe.skipIf(isSkipped)('the origin sees nothing', () => {
  test('of a revoked token, once the life of the list is over, and the caller learns no reason', async () => {
    const clocked = await start(CLOCKED)
    const token = await mint()
    expect((await call(clocked, '/', { token: token.text })).status).toBe(200)
    await ownClient(worker).m2m.revokeToken({ m2mTokenId: token.id })
    await skip(clocked, 16)
    seen.length = 0
    const { status, body, headers } = await call(clocked, '/', { token: token.text })
    expect([status, body, headers['www-authenticate']]).toEqual([
      401,
      '{"error":"unauthorized"}',
      'Bearer',
    ])
    expect(clocked.lines).toContain('token-revoked')
    expect(seen).toEqual([])
  })

  test('of a token for another receiver, an opaque one, one of another authority, or none', async () => {
    const elsewhere = await startTestAuthority()
    closers.push(() => elsewhere.close())
    const other = createClient({ apiUrl: elsewhere.url, secretKey: elsewhere.secretKey })
    const foreigner = await other.machines.create({ name: 'worker' })
    const foreign = await createClient({
      apiUrl: elsewhere.url,
      machineSecretKey: foreigner.secretKey,
    }).m2m.createToken({ tokenFormat: 'jwt' })
    const unscoped = await ownClient(stranger).m2m.createToken({ tokenFormat: 'jwt' })
    const opaque = await ownClient(worker).m2m.createToken()
    for (const token of [unscoped.token, opaque.token, foreign.token, 'rubbish', undefined]) {
      expect((await call(gateway, '/', { token })).status).toBe(401)
    }
    expect(seen).toEqual([])
  })

  test('of two tokens in one request, nor of one in a query or a cookie', async () => {
    const { text } = await mint()
    const twice = { headers: { authorization: [`Bearer ${text}`, `Bearer ${text}`] } }
    expect((await call(gateway, '/', twice)).status).toBe(401)
    expect((await call(gateway, `/?access_token=${text}`)).status).toBe(401)
    expect((await call(gateway, '/', { headers: { cookie: `__session=${text}` } })).status).toBe(
      401,
    )
    expect(seen).toEqual([])
  })
})

describe.skipIf(isSkipped)(
  'a token of a form that no authority of ours gives, under a key that is right',
  () => {
    let key: TestKey
    let strict: RunningWorker
    let issuer: string
    const payload = (): Record<string, unknown> => {
      const now = Math.floor(Date.now() / 1000)
      return { ...GOOD_PAYLOAD, iss: issuer, iat: now, nbf: now, exp: now + 600 }
    }
    const header = (): Record<string, unknown> => ({ ...headerOf(key) })
    const without = (from: Record<string, unknown>, name: string): Record<string, unknown> =>
      Object.fromEntries(Object.entries(from).filter(([one]) => one !== name))

    beforeAll(async () => {
      key = await createTestKey('ES256')
      const keySet = createServer((_, res) => {
        res.writeHead(200, { 'content-type': 'application/json' })
        res.end(JSON.stringify({ keys: [key.publicJwk] }))
      })
      issuer = await listen(keySet)
      closers.push(async () => keySet.close())
      strict = await start(WORKER, { ISSUER: issuer, AUDIENCE: RECEIVER })
    })

    test('would pass, were it of the right form', async () => {
      const token = await signToken(key, payload(), header())
      expect((await call(strict, '/', { token })).status).toBe(200)
    })

    test.each<[string, () => readonly [body: unknown, header: Record<string, unknown>]]>([
      ['no kid', () => [payload(), without(header(), 'kid')]],
      ['no jti', () => [without(payload(), 'jti'), header()]],
      ['a jti of another form', () => [{ ...payload(), jti: 'mt_1' }, header()]],
      ['the class of a session', () => [payload(), { ...header(), cat: 'cl_B7d4PD111AAA' }]],
      ['no class', () => [payload(), without(header(), 'cat')]],
      ['the type of an access token', () => [payload(), { ...header(), typ: 'at+jwt' }]],
      ['a header nobody knows', () => [payload(), { ...header(), x: 1 }]],
      ['a key of its own', () => [payload(), { ...header(), jwk: key.publicJwk }]],
      ['a claim nobody knows', () => [{ ...payload(), admin: true }, header()]],
      ['a bound key', () => [{ ...payload(), cnf: { jkt: 'x' } }, header()]],
      ['a user for its subject', () => [{ ...payload(), sub: 'user_1' }, header()]],
      ['one receiver, not in a list', () => [{ ...payload(), aud: RECEIVER }, header()]],
      ['no end', () => [without(payload(), 'exp'), header()]],
      ['an end as a text', () => [{ ...payload(), exp: '9999999999' }, header()]],
      ['a status of another kind', () => [{ ...payload(), status: { x: 1 } }, header()]],
      ['a name twice', () => [JSON.stringify(payload()).replace('{', '{"sub":"x",'), header()]],
      ['no signature', () => [payload(), { ...header(), alg: 'none' }]],
    ])('with %s is 401', async (_, parts) => {
      const [body, head] = parts()
      const token = await signToken(key, body as string, head)
      expect((await call(strict, '/', { token })).status).toBe(401)
      expect(seen).toEqual([])
    })
  },
)

describe.skipIf(isSkipped)('when the authority is down', () => {
  test('a JWT goes on until the lists are too old, and then it is 503, not 401', async () => {
    const passing = await startTestAuthority({ storage: 'memory' })
    const { machines } = createClient({ apiUrl: passing.url, secretKey: passing.secretKey })
    const receiver = await machines.create({ name: 'api' })
    const sender = await machines.create({ name: 'worker', scopedMachines: [receiver.id] })
    const own = createClient({ apiUrl: passing.url, machineSecretKey: sender.secretKey })
    const { token } = await own.m2m.createToken({ tokenFormat: 'jwt' })
    const env = { ISSUER: passing.url, AUDIENCE: receiver.id }
    // Its clock stays where it is, and it would not believe a statement of tomorrow.
    routes['/plain'] = (_, res) => res.writeHead(200).end()
    const clocked = await start(CLOCKED, env)
    expect((await call(clocked, '/plain', { token })).status).toBe(200)
    await passing.close()
    await skip(clocked, 280)
    expect((await call(clocked, '/plain', { token })).status).toBe(200)
    expect(seen).toHaveLength(2)
    await skip(clocked, 30)
    const { status, headers } = await call(clocked, '/plain', { token })
    expect([status, headers['retry-after']]).toEqual([503, '5'])
    expect(clocked.lines).toContain('status-unavailable')
    const cold = await start(CLOCKED, env)
    expect((await call(cold, '/plain', { token })).status).toBe(503)
    expect(seen).toHaveLength(2)
  })
})

describe.skipIf(isSkipped)('what a client can send', () => {
  test('is no identity: its headers of that name are dropped, however they are spelt', async () => {
    const { text } = await mint()
    const forged = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.'
    const { status, body } = await call(gateway, '/', {
      token: text,
      headers: {
        'X-Countersign-Identity': forged,
        X_Countersign_Identity: forged,
        'x-countersign-anything': forged,
        'X-Forwarded-For': '10.0.0.1',
        'X-Forwarded': 'for=10.0.0.1',
        Forwarded: 'for=10.0.0.1',
        'Client-IP': '10.0.0.1',
        True_Client_IP: '10.0.0.1',
        'CF-Connecting-IP': '10.0.0.1',
        'X-Remote-User': 'admin',
        'X-HTTP-Method-Override': 'DELETE',
        'X-Original-URL': '/admin',
      },
    })
    expect(status).toBe(200)
    expect(JSON.parse(body).machineId).toBe(worker.id)
    const { headers } = seen[0] ?? { headers: {} }
    expect(JSON.stringify(headers)).not.toContain(forged)
    expect(JSON.stringify(headers)).not.toMatch(/10\.0\.0\.1|admin/)
    for (const name of Object.keys(headers)) {
      expect(name).not.toMatch(/_|forwarded|method-override|original-url|countersign-anything/)
    }
  })

  test('is no statement that the origin believes: none, a forged one, one of another request', async () => {
    const { text } = await mint()
    await call(gateway, '/mine', { token: text })
    const stolen = String(seen[0]?.headers['x-countersign-identity'])
    const at = (path: string, header?: string): Promise<number> =>
      fetch(
        origin + path,
        header === undefined ? {} : { headers: { 'x-countersign-identity': header } },
      ).then(({ status }) => status)
    expect(await at('/mine')).toBe(403)
    expect(await at('/mine', `${stolen.slice(0, -4)}AAAA`)).toBe(403)
    expect(await at('/other', stolen)).toBe(403)
    expect(await at('/mine', text)).toBe(403)
    expect(await at('/mine', stolen)).toBe(200)
  })

  test('is no other host', async () => {
    const { text: token } = await mint()
    for (const path of [
      '//elsewhere.example/x',
      '/\\elsewhere.example',
      'http://elsewhere.example/y',
    ]) {
      await call(gateway, path, { token, headers: { host: 'elsewhere.example' } })
    }
    expect(seen.map(({ path }) => path)).toEqual([
      '//elsewhere.example/x',
      '//elsewhere.example',
      '/y',
    ])
    expect(new Set(seen.map(({ headers }) => headers.host))).toEqual(
      new Set([origin.slice('http://'.length)]),
    )
  })

  test('is no header about the connection, nor one that Connection names', async () => {
    const { text: token } = await mint()
    const headers = { connection: 'close, X-Secret-Hop', 'x-secret-hop': '1', te: 'trailers' }
    expect((await call(gateway, '/', { token, headers })).status).toBe(200)
    expect(seen[0]?.headers).not.toHaveProperty('x-secret-hop')
    expect(seen[0]?.headers).not.toHaveProperty('te')
  })

  test('is no second request inside the first', async () => {
    const { text } = await mint()
    const head = [
      'POST / HTTP/1.1',
      'Host: gateway',
      `Authorization: Bearer ${text}`,
      'Content-Length: 5',
      'Transfer-Encoding: chunked',
    ]
    const smuggled = '0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: gateway\r\n\r\n'
    const answer = await raw(gateway, `${head.join('\r\n')}\r\n\r\n${smuggled}`)
    // RFC 9112 §6.3: the length gives way, and the connection ends with this answer.
    expect(answer.match(/HTTP\/1\.1 /g)).toHaveLength(1)
    expect(answer).toMatch(/connection: close/i)
    expect(seen).toMatchObject([{ method: 'POST', path: '/' }])
    expect(seen[0]?.headers).not.toHaveProperty('content-length', '5')
  })

  test('is no method but the usual ones', async () => {
    const { text: token } = await mint()
    expect((await call(gateway, '/', { token, method: 'PROPFIND' })).status).toBe(405)
    expect(seen).toEqual([])
  })
})

describe.skipIf(isSkipped)('bodies and answers', () => {
  test('stream in both directions', async () => {
    const { text: token } = await mint()
    routes['/echo'] = (req, res) => {
      res.writeHead(200, { connection: 'x-internal', 'x-internal': '1' })
      req.pipe(res)
    }
    const req = begin(gateway, '/echo', { token, method: 'POST' })
    req.write('one')
    const [res] = (await once(req, 'response')) as [IncomingMessage]
    // It came back before the rest was sent: nothing waits for the whole.
    const [first] = (await once(res, 'data')) as [Buffer]
    req.end('two')
    expect(first.toString() + (await text(res))).toBe('onetwo')
    expect(res.headers).not.toHaveProperty('x-internal')
  })

  test('are those of the origin: a redirect is not followed', async () => {
    const { text: token } = await mint()
    routes['/moved'] = (_, res) => {
      res.writeHead(302, { location: 'http://127.0.0.1:1/inside' }).end()
    }
    const { status, headers } = await call(gateway, '/moved', { token })
    expect([status, headers.location]).toEqual([302, 'http://127.0.0.1:1/inside'])
  })

  test('are 504 when the origin is silent and 502 when it is gone', async () => {
    const { text: token } = await mint()
    routes['/silent'] = () => undefined
    expect((await call(await start(CLOCKED), '/silent', { token })).status).toBe(504)
    const nowhere = await start(WORKER, { ORIGIN: 'http://127.0.0.1:1' })
    expect((await call(nowhere, '/', { token })).status).toBe(502)
  })
})

test.skipIf(isSkipped).each([
  ['no receiver', { AUDIENCE: undefined }],
  ['a short key', { ORIGIN_KEY: 'c2hvcnQ=' }],
  ['an origin with a path', { ORIGIN: 'http://127.0.0.1:1/path' }],
  ['no issuer', { ISSUER: '' }],
])('the Worker does not serve with %s', async (_, env) => {
  const refused = await start(WORKER, env).then(
    (running) => call(running, '/', {}).then(({ status }) => status >= 500),
    () => true,
  )
  expect(refused).toBe(true)
})

test.skipIf(isSkipped)('the Worker is one file of 12 kB, as its README says', () => {
  expect(gzipSync(gateway.code, { level: 9 }).length).toBeLessThan(12_500)
})

function ownClient(machine: Machine) {
  return createClient({
    apiUrl: authority.url,
    issuer: recorder.url,
    machineSecretKey: machine.secretKey,
  })
}

async function mint(more: { claims?: Record<string, unknown> } = {}) {
  const created = await ownClient(worker).m2m.createToken({ tokenFormat: 'jwt', ...more })
  return { text: created.token ?? '', id: created.id }
}

async function start(
  entry: string,
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<RunningWorker> {
  const all: Record<string, string | undefined> = {
    ISSUER: recorder.url,
    AUDIENCE: api.id,
    ORIGIN: origin,
    ORIGIN_KEY,
    ...env,
  }
  const set = Object.entries(all).filter((one): one is [string, string] => one[1] !== undefined)
  const running = await startWorker({
    binary: BINARIES.workerd,
    folder: FOLDER,
    entry,
    env: Object.fromEntries(set),
  })
  workers.push(running)
  return running
}

async function skip(running: RunningWorker, seconds: number): Promise<void> {
  await fetch(running.url, { headers: { 'x-test-skip-seconds': String(seconds) } })
}

interface Sent {
  readonly token?: string | undefined
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
}

/** By Node's client: `fetch` would tidy up what is sent. */
function begin(running: RunningWorker, path: string, { token, method, headers }: Sent) {
  const { hostname, port } = new URL(running.url)
  return request({
    hostname,
    port,
    path,
    method: method ?? 'GET',
    headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...headers },
  })
}

async function call(running: RunningWorker, path: string, sent: Sent = {}) {
  const req = begin(running, path, sent)
  req.end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return { status: res.statusCode ?? 0, headers: res.headers, body: await text(res) }
}

async function raw(running: RunningWorker, bytes: string): Promise<string> {
  const socket = connect(Number(new URL(running.url).port), '127.0.0.1')
  socket.end(bytes)
  return text(socket)
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
