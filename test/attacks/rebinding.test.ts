import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEmulatedAuthority } from '../../packages/authority/src/emulator/emulated-authority.ts'
import { parseSeed } from '../../packages/authority/src/emulator/seed.ts'
import { type RunningServer, startServer } from '../../packages/authority/src/node.ts'
import { silentLog } from '../../packages/authority/src/system.ts'

/** A web page has its own name lead to 127.0.0.1: to the browser the emulator is then the page's own server. */

const ISSUER = 'http://authority:4100'

let server: RunningServer

beforeAll(async () => {
  const seed = parseSeed('{"machines":[{"name":"api","secretKey":"ak_api"}]}')
  const open = () => createEmulatedAuthority({ issuer: ISSUER, seed })
  server = await startServer({ host: '127.0.0.1', port: 0, log: silentLog, open })
})

afterAll(async () => {
  await server.close()
})

/** By Node's client: `fetch` lets nobody write `Host`. */
async function ask(method: string, path: string, host: string) {
  const { hostname, port } = new URL(server.url)
  const req = request({ hostname, port, method, path, headers: { host } }).end()
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  return { status: res.statusCode, body: await text(res) }
}

test.each([
  'evil.example',
  'evil.example:4100',
  '127.0.0.1.evil.example',
  'localhost.evil.example',
])('the page of %s reads no secret of an emulator, and does not reset it', async (host) => {
  for (const [method, path] of [
    ['GET', '/__emulate'],
    ['POST', '/__emulate/reset'],
    ['DELETE', '/__emulate/failures'],
  ] as const) {
    const { status, body } = await ask(method, path, host)
    expect(status, `${method} ${path}`).toBe(403)
    expect(body).not.toMatch(/sk_test_|ak_api/)
  }
})

test.each([
  '127.0.0.1:4100',
  '[::1]:4100',
  'localhost',
  'api.localhost',
  '10.0.0.7',
  'authority:4100',
])('whoever asks for %s is answered: no page decides where that leads', async (host) => {
  expect((await ask('GET', '/__emulate', host)).status).toBe(200)
})
