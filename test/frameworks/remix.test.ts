import { readFileSync } from 'node:fs'
import { createRequestHandler, type ServerBuild } from '@remix-run/server-runtime'
import { createClient, type Machine } from 'countersign'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** Remix 2, whose loaders take a `Request`: no adapter is needed, and the page says how. */

let authority: TestAuthority
let worker: Machine
let handle: ReturnType<typeof createRequestHandler>

beforeAll(async () => {
  authority = await startTestAuthority()
  const { machines } = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const api = await machines.create({ name: 'api' })
  worker = await machines.create({ name: 'worker', scopedMachines: [api.id] })
  process.env['COUNTERSIGN_URL'] = authority.url
  process.env['COUNTERSIGN_MACHINE_SECRET_KEY'] = api.secretKey
  handle = createRequestHandler(await build())
})

afterAll(() => authority.close())

/** The one route of an app, a resource route, as Remix's compiler hands it to its server. */
async function build(): Promise<ServerBuild> {
  const module = (await import('./apps/remix/orders.ts')) as unknown
  const route = { id: 'routes/orders', path: 'orders', module }
  return {
    mode: 'production',
    isSpaMode: false,
    publicPath: '/build/',
    assetsBuildDirectory: 'public/build',
    future: {},
    entry: { module: { default: () => new Response(null, { status: 500 }) } },
    assets: { entry: { module: '', imports: [] }, routes: {}, url: '', version: '' },
    routes: { [route.id]: route },
  } as unknown as ServerBuild
}

async function ask(token?: string): Promise<Response> {
  const headers: HeadersInit = token === undefined ? {} : { authorization: `Bearer ${token}` }
  // Called as for fetching data; nobody would be sent anywhere.
  return handle(new Request('https://app.example/orders', { headers }))
}

test.each(['opaque', 'jwt'] as const)(
  'a machine is let in by its %s token',
  async (tokenFormat) => {
    const { m2m } = createClient({ apiUrl: authority.url, machineSecretKey: worker.secretKey })
    const { token } = await m2m.createToken({ tokenFormat })
    const answer = await ask(token)
    expect([answer.status, await answer.json()]).toEqual([200, { machineId: worker.id }])
  },
)

test('nobody, and who presents garbage, gets a 401 with its challenge, and no redirect', async () => {
  for (const [token, challenge] of [
    [undefined, 'Bearer'],
    ['mt_garbage', 'Bearer error="invalid_token"'],
  ] as const) {
    const answer = await ask(token)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, challenge])
  }
})

test('the page shows the code that was run', () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
  const page = read('../../docs/frameworks/react-router.md')
  expect(page).toContain(read('apps/remix/orders.ts').trim())
})
