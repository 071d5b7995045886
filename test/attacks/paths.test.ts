import { connect } from 'node:net'
import { expect, test } from 'vitest'
import { useWire } from '../support/wire.ts'

/** Requests that a proxy before the authority might read differently than the authority does. */

const wire = await useWire()
const { hostname, port } = new URL(wire.authority.url)
const machine = await wire.machine('worker')
const authorization = `Authorization: Bearer ${wire.secretKey}\r\n`

async function send(text: string): Promise<{ status: number; body: string }> {
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
  return { status: Number(head.split(' ')[1]), body }
}

const request = (method: string, target: string, more = ''): string =>
  `${method} ${target} HTTP/1.1\r\nHost: x\r\n${authorization}${more}Connection: close\r\n\r\n`

test.each([
  ['a doubled slash in front', '//v1/machines'],
  ['a doubled slash inside', '/v1//machines'],
  ['a slash at the end', '/v1/machines/'],
  ['a parameter', '/v1/machines;x=1'],
  ['an encoded letter', '/v1/%6dachines'],
  ['an encoded prefix', '/%76%31/machines'],
  ['an encoded slash', '/v1%2Fmachines'],
  ['a NUL', '/v1/machines%00'],
  ['capitals', '/v1/MACHINES'],
  ['a third prefix', '/v1/v1/v1/machines'],
])('a path with %s leads to no route', async (_, target) => {
  expect((await send(request('GET', target))).status).toBe(404)
})

test.each(['%2e%2e', '..%2f', '%2e%2e%2fmch_x', '%00', '%25', 'mch_%E2%84%AA', "mch_'--", '*'])(
  'an id written %s names nothing',
  async (id) => {
    expect((await send(request('GET', `/v1/machines/${id}/secret_key`))).status).toBe(404)
    expect((await send(request('POST', `/m2m_tokens/${id}/revoke`))).status).toBe(404)
  },
)

test.each(['HEAD', 'OPTIONS', 'PUT', 'TRACE', 'PROPFIND'])(
  'the method %s changes nothing, whatever an override header says',
  async (method) => {
    const override = 'X-HTTP-Method-Override: DELETE\r\nX-Method-Override: DELETE\r\n'
    await send(request(method, `/v1/machines/${machine.id}`, override))
    await send(request(method, `/v1/machines/${machine.id}?_method=DELETE`, override))
    expect((await wire.call('GET', `/v1/machines/${machine.id}`)).status).toBe(200)
  },
)

test('a HEAD of a secret gives no body', async () => {
  const answer = await send(request('HEAD', `/v1/machines/${machine.id}/secret_key`))
  expect(answer).toEqual({ status: 200, body: '' })
})

test.each([
  ['the good one first', wire.secretKey, 'nonsense'],
  ['the good one last', 'nonsense', wire.secretKey],
  ['twice the same', wire.secretKey, wire.secretKey],
])('two Authorization headers are refused: %s', async (_, first, second) => {
  const text =
    `GET /v1/machines HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${first}\r\n` +
    `Authorization: Bearer ${second}\r\nConnection: close\r\n\r\n`
  expect((await send(text)).status).toBe(401)
})

test.each([
  ['joined by a comma', `Bearer ${wire.secretKey}, Bearer ${wire.secretKey}`],
  ['without a scheme', wire.secretKey],
  ['as Basic', `Basic ${Buffer.from(`${wire.secretKey}:`).toString('base64')}`],
  ['after two spaces', `Bearer  ${wire.secretKey}`],
  ['after a tab', `Bearer\t${wire.secretKey}`],
  ['in quotes', `Bearer "${wire.secretKey}"`],
  ['with more behind it', `Bearer ${wire.secretKey}x`],
])('a key %s is refused', async (_, value) => {
  const answer = await wire.call('GET', '/v1/machines', {
    key: null,
    headers: { authorization: value },
  })
  expect(answer.status).toBe(401)
})

test('a key in the query, a cookie or a proxy’s header is no key', async () => {
  const target = `/v1/machines?access_token=${wire.secretKey}&authorization=${wire.secretKey}`
  const headers = {
    cookie: `__session=${wire.secretKey}`,
    'x-api-key': wire.secretKey,
    'proxy-authorization': `Bearer ${wire.secretKey}`,
    'x-forwarded-authorization': `Bearer ${wire.secretKey}`,
  }
  expect((await wire.call('GET', target, { key: null, headers })).status).toBe(401)
})

test('forwarding headers change neither the issuer nor the route', async () => {
  const headers = {
    'x-forwarded-host': 'evil.test',
    'x-forwarded-proto': 'https',
    'x-forwarded-prefix': '/evil',
    'x-original-url': '/v1/machines',
    'x-rewrite-url': '/v1/machines',
    forwarded: 'host=evil.test',
  }
  const body = { token_format: 'jwt' }
  const answer = await wire.call('POST', '/m2m_tokens', { key: machine.secretKey, headers, body })
  const [, payload = ''] = String(answer.json['token']).split('.')
  const { iss } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iss: string }
  expect(iss).toBe(wire.url)
})
