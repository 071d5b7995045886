import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, describe, expect, test } from 'vitest'
import { CountersignError, isCountersignError } from '../token/errors.ts'
import { fetchJson, fetchText, readBounded } from './fetch-json.ts'

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

test.each([
  'application/json',
  'Application/JSON; charset=utf-8',
  'application/json ;charset=utf-8',
  'application/json\t;charset=utf-8',
  'application/jwk-set+json',
])('JSON is read, as %s', async (type) => {
  expect(await refusal(await start(answer(200, type, '{"keys":[]}')))).toBe('{"keys":[]}')
})

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

describe('a refusal says what came instead', () => {
  const said = async (listener: RequestListener): Promise<string> => {
    const url = await start(listener)
    const error: unknown = await fetchJson((target, init) => fetch(target, init), url).catch(
      (reason: unknown) => reason,
    )
    return String(error).replace(url, 'URL')
  }
  const prefix = 'CountersignError: keys-unavailable: expected JSON at URL, got'

  test.each([
    ['no JSON', answer(200, 'application/json', '{')],
    ['status 500 application/json', answer(500, 'application/json', '{}')],
    ['status 200 Text/HTML', answer(200, 'Text/HTML; charset=utf-8', '{}')],
    ['status 200 ', answer(200, undefined, '{}')],
    ['no answer', answer(200, 'application/json', `"${'a'.repeat(262_144)}"`)],
  ])('%s', async (got, listener) => {
    expect(await said(listener)).toBe(`${prefix} ${got}`)
  })
})

test.each([
  'text/json',
  'application/jsonx',
  'xapplication/json',
  'application/+json',
  'application/json+xml',
  'application/x; a=+json',
  'text/html; application/json',
])('what says that it is %s is no JSON', async (type) => {
  expect(await refusal(await start(answer(200, type, '{}')))).toBe('keys-unavailable')
})

test('it asks for what it reads, and follows nobody', async () => {
  const inits: RequestInit[] = []
  const text = (type: string) => async (_: string, init: RequestInit) => {
    inits.push(init)
    return new Response('{}', { headers: { 'content-type': type } })
  }
  expect(await fetchJson(text('application/json'), 'http://a.test/')).toEqual({})
  expect(await fetchText(text('a/b'), 'http://a.test/', 'a/b', /^a\/b$/)).toBe('{}')
  expect(inits).toEqual([
    expect.objectContaining({ redirect: 'manual', headers: { accept: 'application/json' } }),
    expect.objectContaining({ redirect: 'manual', headers: { accept: 'a/b' } }),
  ])
})

test('what somebody’s own fetch throws is no verdict on a token', async () => {
  const thrown = new CountersignError('token-revoked')
  await expect(fetchJson(() => Promise.reject(thrown), 'http://a.test/')).rejects.toMatchObject({
    code: 'keys-unavailable',
    got: 'no answer',
    cause: thrown,
  })
})

test('the answer that is not read is let go of', async () => {
  let isCancelled = false
  const body = new ReadableStream({
    cancel() {
      isCancelled = true
    },
  })
  const failing = async (): Promise<Response> => new Response(body, { status: 500 })
  await expect(fetchJson(failing, 'http://a.test/')).rejects.toThrow()
  expect(isCancelled).toBe(true)
})

describe('a body', () => {
  const response = (...chunks: (Uint8Array | string)[]): Response =>
    new Response(
      new ReadableStream({
        start(controller) {
          for (const chunk of chunks) {
            controller.enqueue(typeof chunk === 'string' ? Buffer.from(chunk) : chunk)
          }
          controller.close()
        },
      }),
    )

  test('is read up to its bound, in however many pieces', async () => {
    expect(await readBounded(response('ab', 'cd'), 4)).toBe('abcd')
    await expect(readBounded(response('ab', 'cde'), 4)).rejects.toThrow('more than 4 bytes')
    expect(await readBounded(new Response(null), 0)).toBe('')
    const [first, ...rest] = Buffer.from('é')
    expect(await readBounded(response(Uint8Array.of(first ?? 0), Uint8Array.from(rest)), 2)).toBe(
      'é',
    )
  })

  test('that ends within a character is no text', async () => {
    await expect(readBounded(response(Uint8Array.of(0x61, 0xc3)), 9)).rejects.toThrow(TypeError)
  })

  test('that is too large is let go of', async () => {
    let isCancelled = false
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(new Uint8Array(10))
      },
      cancel() {
        isCancelled = true
      },
    })
    await expect(readBounded(new Response(body), 99)).rejects.toThrow(RangeError)
    expect(isCancelled).toBe(true)
  })
})
