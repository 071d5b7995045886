import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequestHandler } from '@remix-run/express'
import { createClient, type Machine } from 'countersign'
import express from 'express'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { RunningApp } from '../../adapters/cases.ts'
import { listen } from '../../adapters/listen.ts'
import { startTestAuthority, type TestAuthority } from '../../support/authority.ts'

/** Remix 2, whose loaders take a `Request`: no adapter is needed, and the page says how. */

let authority: TestAuthority
let worker: Machine
let stranger: Machine
let app: RunningApp

type ServerBuild = Exclude<Parameters<typeof createRequestHandler>[0]['build'], () => unknown>

beforeAll(async () => {
  authority = await startTestAuthority()
  const { machines } = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const api = await machines.create({ name: 'api' })
  worker = await machines.create({ name: 'worker', scopedMachines: [api.id] })
  const other = await machines.create({ name: 'other' })
  stranger = await machines.create({ name: 'stranger', scopedMachines: [other.id] })
  process.env['COUNTERSIGN_URL'] = authority.url
  process.env['COUNTERSIGN_MACHINE_SECRET_KEY'] = api.secretKey
  const server = express().all('*', createRequestHandler({ build: await build() }))
  app = await listen(createServer(server))
})

afterAll(async () => {
  await app.close()
  await authority.close()
})

/** The one route of an app, a resource route, as Remix's compiler hands it to its server. */
async function build(): Promise<ServerBuild> {
  const module = (await import('./remix/orders.ts')) as unknown
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
  return fetch(`${app.url}/orders`, { headers, redirect: 'manual' })
}

async function mint({ secretKey }: Machine, tokenFormat: 'opaque' | 'jwt'): Promise<string> {
  const { m2m } = createClient({ apiUrl: authority.url, machineSecretKey: secretKey })
  return (await m2m.createToken({ tokenFormat })).token ?? ''
}

describe.each(['opaque', 'jwt'] as const)('a token that is %s', (tokenFormat) => {
  test('lets its machine in', async () => {
    const answer = await ask(await mint(worker, tokenFormat))
    expect([answer.status, await answer.json()]).toEqual([200, { machineId: worker.id }])
  })

  test('lets nobody in where it is meant for another machine', async () => {
    const answer = await ask(await mint(stranger, tokenFormat))
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([
      401,
      'Bearer error="invalid_token"',
    ])
  })
})

test('nobody, and who presents garbage, gets a 401 with its challenge, and no redirect', async () => {
  for (const [token, challenge] of [
    [undefined, 'Bearer'],
    ['mt_garbage', 'Bearer error="invalid_token"'],
  ] as const) {
    const answer = await ask(token)
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, challenge])
    expect(await answer.text()).toBe('')
  }
})

test('the page shows the code that was run', () => {
  const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8')
  const page = read('../../../docs/frameworks/react-router.md')
  expect(page).toContain(read('remix/orders.ts').trim())
})
