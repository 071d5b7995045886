import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import process from 'node:process'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { instanceSecret, RECEIVER } from '../testing/tokens.ts'
import { type Client, createClient } from './client.ts'

/** Behind `apiUrl` stands something that is no authority, reached by the platform's own `fetch`. */

const JSON_TYPE = { 'content-type': 'application/json' }

const unhandled: unknown[] = []
const note = (reason: unknown): void => {
  unhandled.push(reason)
}

let server: Server | undefined

beforeAll(() => {
  process.on('unhandledRejection', note)
})

afterEach(() => {
  server?.closeAllConnections()
  server?.close()
})

afterAll(async () => {
  // Node tells of them at the end of a turn.
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
})

const start = async (
  listener: RequestListener,
  timeoutMs = 2_000,
): Promise<{ client: Client; requests: string[] }> => {
  const requests: string[] = []
  server = createServer((req, res) => {
    requests.push(`${req.method} ${req.url}`)
    listener(req, res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const retry = { retries: 1, backoffMs: 0 }
  return {
    client: createClient({ apiUrl, secretKey: instanceSecret(), timeoutMs, retry }),
    requests,
  }
}

const CREATE = 'POST /v1/machines'
const GET = `GET /v1/machines/${RECEIVER}`

describe('creating is sent once, and reading once more,', () => {
  test.each<[string, RequestListener]>([
    ['when the connection is reset before an answer', (req) => req.socket.destroy()],
    [
      'when it is reset in the middle of one',
      (_, res) => {
        res.writeHead(200, { ...JSON_TYPE, 'content-length': '100' })
        res.write('{"object":')
        setImmediate(() => res.destroy())
      },
    ],
    ['when what comes is no HTTP', (req) => req.socket.end('SSH-2.0-OpenSSH_9.6\r\n\r\n')],
    [
      'when more is announced than comes',
      (_, res) => {
        res.socket?.end(
          'HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{}',
        )
      },
    ],
  ])('%s', async (_, listener) => {
    const { client, requests } = await start(listener)
    const unreachable = { code: 'authority-unreachable' }
    await expect(client.machines.create({ name: 'a' })).rejects.toMatchObject(unreachable)
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject(unreachable)
    expect(requests).toEqual([CREATE, GET, GET])
  })
})

test('a redirect is not followed, and the secret goes nowhere else', async () => {
  for (const status of [301, 302, 303, 307, 308]) {
    const { client, requests } = await start((_, res) => {
      res.writeHead(status, { ...JSON_TYPE, location: '/elsewhere' }).end('{}')
    })
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({
      code: 'answer-unexpected',
      status,
    })
    expect(requests).toEqual([GET])
    server?.closeAllConnections()
    server?.close()
  }
})

describe('the timeout ends', () => {
  test.each<[string, RequestListener]>([
    ['a silence', () => undefined],
    [
      'a head without a body',
      (_, res) => {
        res.writeHead(200, JSON_TYPE).flushHeaders()
      },
    ],
    [
      'a body that trickles',
      (_, res) => {
        res.writeHead(200, JSON_TYPE)
        const timer = setInterval(() => res.write(' '), 5)
        res.on('close', () => {
          clearInterval(timer)
        })
      },
    ],
    [
      'a refusal that trickles',
      (_, res) => {
        res.writeHead(503, JSON_TYPE)
        const timer = setInterval(() => res.write(' '), 5)
        res.on('close', () => {
          clearInterval(timer)
        })
      },
    ],
  ])('%s', async (_, listener) => {
    const { client, requests } = await start(listener, 60)
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({
      code: 'authority-unreachable',
      got: 'none in 60 ms',
    })
    expect(requests).toEqual([GET])
  })
})

test.each<[string, string, (written: () => void) => RequestListener]>([
  [
    'more than any list has',
    'answer-unexpected',
    (written) => (_, res) => {
      res.writeHead(200, JSON_TYPE)
      const more = (): void => {
        while (!res.destroyed) {
          written()
          if (!res.write('a'.repeat(65_536))) {
            res.once('drain', more)
            return
          }
        }
      }
      more()
    },
  ],
  [
    'bytes that are no text',
    'authority-unreachable',
    (written) => (_, res) => {
      res.writeHead(200, JSON_TYPE)
      res.write(Buffer.of(0x7b, 0xff))
      const more = (): void => {
        while (!res.destroyed) {
          written()
          if (!res.write('a'.repeat(65_536))) {
            res.once('drain', more)
            return
          }
        }
      }
      more()
    },
  ],
])('of %s no more is read, and the connection is let go', async (_, code, listener) => {
  let chunks = 0
  const count = (): void => {
    chunks++
  }
  const closed: Promise<unknown>[] = []
  const { client } = await start((req, res) => {
    closed.push(once(res, 'close'))
    listener(count)(req, res)
  }, 60_000)
  await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({ code })
  // Long before the timeout of the call.
  await Promise.all(closed)
  expect(chunks).toBeLessThan(1_000)
})
