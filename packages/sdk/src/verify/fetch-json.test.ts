import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { isCountersignError } from '../token/errors.ts'
import { fetchJson } from './fetch-json.ts'

let server: Server | undefined

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

const start = async (listener: RequestListener): Promise<string> => {
  server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`
}

const answer =
  (status: number, type: string | undefined, body: string | Buffer): RequestListener =>
  (_, res) => {
    if (type !== undefined) res.setHeader('content-type', type)
    res.writeHead(status).end(body)
  }

const refusal = async (url: string): Promise<string> => {
  try {
    return JSON.stringify(await fetchJson((target, init) => fetch(target, init), url))
  } catch (error) {
    return isCountersignError(error) ? error.code : `thrown: ${String(error)}`
  }
}

test.each(['application/json', 'Application/JSON; charset=utf-8', 'application/jwk-set+json'])(
  'JSON is read, as %s',
  async (type) => {
    expect(await refusal(await start(answer(200, type, '{"keys":[]}')))).toBe('{"keys":[]}')
  },
)

describe('it refuses', () => {
  test.each([
    ['HTML', 200, 'text/html', '<html>'],
    ['JSON that says it is HTML', 200, 'text/html', '{}'],
    ['what says nothing of itself', 200, undefined, '{}'],
    ['an empty answer', 200, 'application/json', ''],
    ['broken JSON', 200, 'application/json', '{"keys":['],
    ['bytes that are no text', 200, 'application/json', Buffer.of(0x22, 0xff, 0x22)],
    ['another status', 201, 'application/json', '{}'],
    ['a failure', 500, 'application/json', '{}'],
    ['more than 256 KiB', 200, 'application/json', `"${'a'.repeat(262_144)}"`],
  ])('%s', async (_, status, type, body) => {
    expect(await refusal(await start(answer(status, type, body)))).toBe('keys-unavailable')
  })

  test('a redirect, without following it', async () => {
    const paths: (string | undefined)[] = []
    const url = await start((req, res) => {
      paths.push(req.url)
      res.writeHead(302, { location: '/elsewhere', 'content-type': 'application/json' }).end('{}')
    })
    expect(await refusal(url)).toBe('keys-unavailable')
    expect(paths).toEqual(['/keys'])
  })

  test('an answer without end, before it has swallowed much of it', async () => {
    let written = 0
    const url = await start((_, res) => {
      res.setHeader('content-type', 'application/json')
      const more = (): void => {
        while (!res.destroyed && written < 1e9) {
          written += 65_536
          if (!res.write('a'.repeat(65_536))) {
            res.once('drain', more)
            return
          }
        }
      }
      more()
    })
    expect(await refusal(url)).toBe('keys-unavailable')
    expect(written).toBeLessThan(50_000_000)
  })

  test('a connection that is reset, and a port where nobody is', async () => {
    const url = await start((req) => req.socket.destroy())
    expect(await refusal(url)).toBe('keys-unavailable')
    server?.close()
    expect(await refusal('http://127.0.0.1:1/')).toBe('keys-unavailable')
  })
})

test('what never answers is given up in time, also by a fetch that ignores signals', async () => {
  const never = (): Promise<Response> => new Promise(() => undefined)
  await expect(fetchJson(never, 'http://a.test/', 20)).rejects.toMatchObject({
    code: 'keys-unavailable',
    got: 'nothing in 20 ms',
  })
  const body = new ReadableStream({ pull: () => new Promise(() => undefined) })
  const endless = async (): Promise<Response> =>
    new Response(body, { headers: { 'content-type': 'application/json' } })
  await expect(fetchJson(endless, 'http://a.test/', 20)).rejects.toMatchObject({
    code: 'keys-unavailable',
  })
})
