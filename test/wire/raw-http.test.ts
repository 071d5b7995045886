import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { useWire } from '../support/wire.ts'

/** What no HTTP client sends, straight to the authority's socket: each is answered as all refusals. */

const wire = await useWire()
const { hostname, port } = new URL(wire.authority.url)
const authorization = `Authorization: Bearer ${wire.secretKey}\r\n`

/** Sends these very characters and gives what came back before the other side closed. */
async function exchange(text: string): Promise<{ status: number; head: string; body: string }> {
  const answer = await new Promise<string>((resolve, reject) => {
    let received = ''
    const socket = connect(Number(port), hostname, () => socket.write(text))
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()))
    socket.on('close', () => {
      resolve(received)
    })
    socket.on('error', reject)
  })
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  return { status: Number(head.split(' ')[1]), head: head.toLowerCase(), body }
}

const CASES: Readonly<Record<string, readonly [number, string]>> = {
  'no HTTP at all': [400, 'NOT HTTP\r\n\r\n'],
  'headers beyond all measure': [
    431,
    `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
  ],
  'two lengths': [
    400,
    `POST /m2m_tokens/verify HTTP/1.1\r\nHost: x\r\n${authorization}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  ],
  'a length beyond the bound': [
    413,
    `POST /m2m_tokens/verify HTTP/1.1\r\nHost: x\r\n${authorization}Connection: close\r\nContent-Length: 99999999\r\n\r\n`,
  ],
  'a broken escape': [
    404,
    `GET /v1/machines/%zz HTTP/1.1\r\nHost: x\r\n${authorization}Connection: close\r\n\r\n`,
  ],
  'a method that no route has': [404, 'TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'],
}

test.each(Object.entries(CASES))(
  '%s is refused in the shape of all refusals',
  async (_, [status, text]) => {
    const answer = await exchange(text)
    expect(answer.status).toBe(status)
    expect(answer.head).toMatch(/^content-type: application\/json$/m)
    expect(JSON.parse(answer.body)).toMatchObject({
      errors: [{ message: expect.any(String) as string, code: expect.any(String) as string }],
    })
  },
)

const HOSTLESS: Readonly<Record<string, string>> = {
  'no Host': `GET /v1/machines HTTP/1.1\r\n${authorization}Connection: close\r\n\r\n`,
  'no Host in HTTP/1.0': `GET /v1/machines HTTP/1.0\r\n${authorization}\r\n`,
  'a Host that is none': `GET /v1/machines HTTP/1.1\r\nHost: a b\r\n${authorization}Connection: close\r\n\r\n`,
  'a Host with a path': `GET /v1/machines HTTP/1.1\r\nHost: x/livez?\r\n${authorization}Connection: close\r\n\r\n`,
  'a target that is no path': 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
}

test.each(Object.entries(HOSTLESS))('%s is a 400 in the shape of all refusals', async (_, text) => {
  const answer = await exchange(text)
  expect(answer.status).toBe(400)
  expect(answer.head).toMatch(/^content-type: application\/json$/m)
  expect(JSON.parse(answer.body)).toMatchObject({ errors: [{ code: 'bad_request' }] })
})
