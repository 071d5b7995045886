import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** Somebody on the socket who has no key. */

let authority: TestAuthority
let machine: { readonly id: string; readonly secret: string }

beforeEach(async () => {
  authority = await startTestAuthority()
  const body = { name: 'worker' }
  const answer = await call(authority, 'POST', '/v1/machines', authority.secretKey, body)
  machine = { id: answer.body['id'] as string, secret: answer.body['secret_key'] as string }
})

afterEach(() => authority.close())

/** Of the right form and checksum for all that can be seen, but never issued. */
function garbage(secret: string, turnOf: number): string {
  const at = 10 + (turnOf % 60)
  const other = secret[at] === 'a' ? 'b' : 'a'
  return secret.slice(0, at) + other + secret.slice(at + 1)
}

const status = async (method: string, path: string, secret?: string, body?: object) =>
  (await call(authority, method, path, secret, body)).status

describe('garbage', () => {
  it('costs no read: it is refused even while there is no storage', async () => {
    const { body } = await call(authority, 'POST', '/m2m_tokens', machine.secret, {})
    const token = body['token'] as string
    await authority.closeStore()
    expect(await status('POST', '/m2m_tokens', machine.secret, {})).toBe(503)
    for (let index = 0; index < 60; index++) {
      expect(await status('POST', '/m2m_tokens', garbage(machine.secret, index), {})).toBe(401)
      expect(await status('GET', '/v1/machines', garbage(authority.secretKey, index))).toBe(401)
    }
    for (const key of [
      '',
      'ak_',
      'sk_',
      'mt_',
      token,
      'constructor',
      '__proto__',
      'x'.repeat(240),
    ]) {
      expect(await status('GET', '/v1/machines', key)).toBe(401)
    }
  })

  it('in its hundreds pushes no good key out and leaves nothing behind', async () => {
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          status('GET', '/v1/machines', `sk_test_${round}x${index}`.padEnd(88, 'z')),
        ),
      )
      expect(new Set(answers)).toEqual(new Set([401]))
    }
    expect(await status('GET', '/v1/machines', authority.secretKey)).toBe(200)
    expect(authority.log.lines.filter((line) => line.startsWith('error'))).toEqual([])
  })
})

describe('a broken connection', () => {
  const open = async (): Promise<Socket> => {
    const { hostname, port } = new URL(authority.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    await new Promise((resolve) => socket.once('connect', resolve))
    return socket
  }

  it.each([
    ['before the request', ''],
    ['inside a header', 'POST /m2m_tokens HTTP/1.1\r\nHost: x\r\nAuthoriz'],
    ['before the body', 'POST /m2m_tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n'],
    ['inside the body', 'POST /m2m_tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{'],
    [
      'inside a chunk',
      'POST /jwks HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{',
    ],
    ['before the answer', 'GET /.well-known/jwks.json HTTP/1.1\r\nHost: x\r\n\r\n'],
    ['with garbage behind', 'GET /livez HTTP/1.1\r\nHost: x\r\n\r\n\0\0\0\0'],
    ['with a tunnel', 'CONNECT evil.test:443 HTTP/1.1\r\nHost: evil.test\r\n\r\n'],
  ])('%s ends nothing but itself', async (_, text) => {
    for (let round = 0; round < 10; round++) {
      const socket = await open()
      await new Promise((resolve) => socket.write(text === '' ? '\r\n' : text, resolve))
      await turn()
      if (round % 2 === 0) socket.destroy()
      else socket.resetAndDestroy()
    }
    expect(await status('GET', '/livez')).toBe(200)
    expect(await status('POST', '/m2m_tokens', machine.secret, {})).toBe(201)
  })

  it('an endless body without a key is cut off, not read', async () => {
    const socket = await open()
    const closed = new Promise((resolve) => socket.once('close', resolve))
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    socket.write('POST /m2m_tokens HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n')
    await closed
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('a thousand requests in one packet are all answered', async () => {
    const socket = await open()
    const last = 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
    socket.write('GET /jwks HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(999) + last)
    let answer = ''
    socket.on('data', (chunk: Buffer) => (answer += chunk.toString()))
    await new Promise((resolve) => socket.once('close', resolve))
    expect(answer.match(/HTTP\/1\.1 401 /g)).toHaveLength(999)
    expect(answer.match(/HTTP\/1\.1 200 /g)).toHaveLength(1)
  })
})
