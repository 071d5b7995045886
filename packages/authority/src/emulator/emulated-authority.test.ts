import { beforeEach, describe, expect, it } from 'vitest'
import { createEmulatedAuthority, type EmulatedAuthority } from './emulated-authority.ts'
import { parseSeed } from './seed.ts'

const ISSUER = 'http://127.0.0.1:4100'
const USER = `user_${'1'.repeat(27)}`
const API_ID = 'mch_2vYVtestapiAAAAAAAAAAAAAAAA'
const TOKEN_ID = `mt_${'0'.repeat(31)}1`

const SEED = {
  secretKey: 'sk_test_emulator',
  machines: [
    {
      name: 'worker',
      secretKey: 'ak_worker',
      scopedMachines: ['api'],
      defaultTokenTtl: 86_400,
    },
    { name: 'api', id: API_ID, secretKey: 'ak_api' },
    { name: 'made', scopedMachines: [API_ID] },
  ],
  tokens: [
    { machine: 'worker', token: 'mt_good', id: TOKEN_ID, claims: { region: 'eu' } },
    { machine: 'worker', token: 'mt_expired', state: 'expired' },
    { machine: 'worker', token: 'mt_revoked', state: 'revoked' },
  ],
  apiKeys: [
    { name: 'good', subject: USER, secret: 'ak_key_good', scopes: ['read'] },
    { name: 'expired', subject: USER, secret: 'ak_key_expired', state: 'expired' },
    { name: 'revoked', subject: USER, secret: 'ak_key_revoked', state: 'revoked' },
  ],
}

interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
  readonly headers: Headers
}

let emulated: EmulatedAuthority

beforeEach(async () => {
  emulated = await start(SEED)
})

function start(seed: object): Promise<EmulatedAuthority> {
  return createEmulatedAuthority({ issuer: ISSUER, seed: parseSeed(JSON.stringify(seed)) })
}

async function call(
  method: string,
  path: string,
  key?: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await emulated.fetch(
    new Request(ISSUER + path, {
      method,
      headers: {
        'content-type': 'application/json',
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  )
  const text = await response.text()
  const parsed = (text === '' ? {} : JSON.parse(text)) as Answer['body']
  return { status: response.status, body: parsed, headers: response.headers }
}

const verify = (token: unknown, key = 'ak_api') =>
  call('POST', '/m2m_tokens/verify', key, { token })
const issue = (key = 'ak_worker') => call('POST', '/v1/m2m_tokens', key, {})

describe('what a seed fixes', () => {
  it('are secrets that work, of the instance and of machines', async () => {
    expect((await call('GET', '/v1/machines', 'sk_test_emulator')).body['total_count']).toBe(3)
    const { status, body } = await issue()
    expect(status).toBe(201)
    expect((await verify(body['token'])).body).toMatchObject({ scopes: [API_ID] })
    expect((await issue('ak_other')).status).toBe(401)
  })

  it('are tokens: good, expired and revoked ones', async () => {
    expect((await verify('mt_good')).body).toMatchObject({
      id: TOKEN_ID,
      claims: { region: 'eu' },
      expired: false,
      revoked: false,
    })
    expect((await verify('mt_good', 'ak_worker')).status).toBe(404)
    for (const token of ['mt_expired', 'mt_revoked', 'mt_unknown']) {
      expect((await verify(token)).status, token).toBe(404)
    }
    const path = `/m2m_tokens?subject=${emulated.machines[0]?.id}&expired=true&revoked=true`
    const { body } = await call('GET', path, 'ak_worker')
    expect(body['total_count']).toBe(3)
    expect(body['m2m_tokens']).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ expired: false, revoked: true }),
        expect.objectContaining({ expired: true, revoked: false }),
        expect.objectContaining({ expired: false, revoked: false, id: TOKEN_ID }),
      ]),
    )
  })

  it('are API keys: good, expired and revoked ones', async () => {
    const ask = (secret: string) => call('POST', '/api_keys/verify', 'sk_test_emulator', { secret })
    expect((await ask('ak_key_good')).body).toMatchObject({ subject: USER, scopes: ['read'] })
    for (const secret of ['ak_key_expired', 'ak_key_revoked', 'ak_key_unknown']) {
      expect((await ask(secret)).status, secret).toBe(404)
    }
  })

  it('is what is read back, too', async () => {
    const path = `/v1/machines/${API_ID}/secret_key`
    expect((await call('GET', path, 'sk_test_emulator')).body['secret']).toBe('ak_api')
  })

  it('is told; what it leaves open is made', () => {
    const [worker, api, made] = emulated.machines
    expect(worker).toMatchObject({ name: 'worker', secretKey: 'ak_worker' })
    expect(api).toEqual({ name: 'api', id: API_ID, secretKey: 'ak_api' })
    expect(made).toMatchObject({ secretKey: expect.stringMatching(/^ak_\w{60,}$/) })
  })

  it.each([
    [{ machines: [{ name: 'a', scopedMachines: ['b'] }] }, 'machines.0.scopedMachines names no'],
    [{ tokens: [{ machine: 'a' }] }, 'tokens.0.machine names no machine'],
    [{ machines: [{ name: 'a'.repeat(300) }] }, 'machines.0 cannot be made'],
    [{ machines: [{ name: 'a', defaultTokenTtl: -1 }] }, 'machines.0 cannot be made'],
    [{ apiKeys: [{ name: 'key', subject: 'nobody' }] }, 'apiKeys.0 cannot be made'],
  ])('cannot be what the engine refuses: %j', async (seed, why) => {
    await expect(start(seed)).rejects.toThrow(why)
  })
})

describe('the header Countersign-Emulate', () => {
  const jwks = (directives: string) =>
    call('GET', '/.well-known/jwks.json', undefined, undefined, {
      'countersign-emulate': directives,
    })

  it('makes this request fail, and no other', async () => {
    expect((await jwks('status=503; delay=1')).status).toBe(503)
    expect((await jwks('status=429')).headers.get('retry-after')).toBe('1')
    expect((await jwks('')).status).toBe(200)
    await expect(jwks('malformed')).rejects.toThrow(SyntaxError)
    expect((await jwks('delay=1')).status).toBe(200)
  })

  it.each(['status=200', 'status', 'delay=x', 'delay=-1', 'down=1', 'slow', 'status=500,delay=1'])(
    'that says "%s" is refused, for a test would pass by mistake',
    async (directives) => {
      const { status, body } = await jwks(directives)
      expect(status).toBe(400)
      expect(JSON.stringify(body)).toContain('status=400…599')
    },
  )

  it('closes the connection, when it says down', () => {
    const hangsUp = (url: string, directives?: string): boolean =>
      emulated.hangsUpOn({ url, headers: { 'countersign-emulate': directives } })
    expect(hangsUp('/jwks', 'down')).toBe(true)
    expect(hangsUp('/jwks', 'status=500')).toBe(false)
    expect(hangsUp('/jwks')).toBe(false)
    expect(hangsUp('/__emulate/reset', 'down')).toBe(false)
  })
})

describe('the emulator’s own paths', () => {
  const hangsUp = (url: string): boolean => emulated.hangsUpOn({ url, headers: {} })

  it('tell how it stands', async () => {
    expect((await call('GET', '/__emulate')).body).toMatchObject({
      emulator: true,
      issuer: ISSUER,
      secretKey: 'sk_test_emulator',
      machines: [{ secretKey: 'ak_worker' }, { id: API_ID }, {}],
      failures: [],
    })
  })

  it('let it fail until it is told to stop', async () => {
    const add = (failure: object) => call('POST', '/__emulate/failures', undefined, failure)
    await add({ kind: 'error', status: 500, path: '/verify', times: 2 })
    expect((await verify('mt_good')).status).toBe(500)
    expect((await issue()).status).toBe(201)
    expect((await call('GET', '/__emulate')).body['failures']).toEqual([
      { kind: 'error', status: 500, path: '/verify', times: 1 },
    ])
    expect((await verify('mt_good')).status).toBe(500)
    expect((await verify('mt_good')).status).toBe(200)
    await add({ kind: 'down' })
    expect(hangsUp('/jwks')).toBe(true)
    expect(hangsUp('/__emulate')).toBe(false)
    await call('DELETE', '/__emulate/failures')
    expect(hangsUp('/jwks')).toBe(false)
  })

  it('put its clock on, and its tokens are over', async () => {
    const { body } = await issue()
    expect((await verify(body['token'])).status).toBe(200)
    await call('POST', '/__emulate/clock', undefined, { advanceMs: 86_400_000 })
    expect((await verify(body['token'])).status).toBe(404)
    const { body: stand } = await call('POST', '/__emulate/clock', undefined, { nowMs: 2e12 })
    expect(stand['nowMs']).toBeGreaterThanOrEqual(2e12)
  })

  it('are none of a web page’s business, which reaches this machine as well', async () => {
    const origin = { origin: 'https://evil.example' }
    const reset = await call('POST', '/__emulate/reset', undefined, undefined, origin)
    expect(reset.status).toBe(403)
    const look = await call('GET', '/__emulate', undefined, undefined, origin)
    expect([look.status, JSON.stringify(look.body)]).toEqual([
      403,
      expect.not.stringContaining('ak_'),
    ])
  })

  it('put everything back as the seed has it, keys included', async () => {
    const before = await call('GET', '/.well-known/jwks.json')
    const { body } = await issue()
    await call('POST', `/m2m_tokens/${TOKEN_ID}/revoke`, 'ak_worker', {})
    await call('DELETE', `/v1/machines/${API_ID}`, 'sk_test_emulator')
    await call('POST', '/__emulate/failures', undefined, { kind: 'error' })
    await call('POST', '/__emulate/clock', undefined, { advanceMs: -1e9 })
    expect((await verify('mt_good')).status).toBe(500)
    expect((await call('POST', '/__emulate/reset')).body).toMatchObject({ failures: [] })
    expect((await verify('mt_good')).status).toBe(200)
    expect((await verify(body['token'])).status).toBe(404)
    expect((await call('GET', '/.well-known/jwks.json')).body).toEqual(before.body)
    expect((await call('GET', '/__emulate')).body['nowMs']).toBeGreaterThan(Date.now() - 60_000)
    expect((await issue()).status).toBe(201)
  })

  it.each([
    ['POST', '/__emulate/failures', { kind: 'gone' }, 400],
    ['POST', '/__emulate/failures', { kind: 'error', status: 200 }, 400],
    ['POST', '/__emulate/clock', { advance: 1 }, 400],
    ['POST', '/__emulate/clock', 'text', 400],
    ['POST', '/__emulate', {}, 404],
    ['GET', '/__emulate/reset', undefined, 404],
  ])('refuse %s %s %j', async (method, path, body, status) => {
    expect((await call(method, path, undefined, body)).status).toBe(status)
  })
})

it('every answer says that it is an emulator’s', async () => {
  for (const path of ['/.well-known/jwks.json', '/nowhere', '/__emulate']) {
    expect((await call('GET', path)).headers.get('countersign-emulator')).toBe('true')
  }
})

it('what it cannot read the engine refuses, as ever', async () => {
  const response = await emulated.fetch(
    new Request(`${ISSUER}/m2m_tokens`, {
      method: 'POST',
      headers: { authorization: 'Bearer ak_worker', 'content-type': 'application/json' },
      body: '{"claims":',
    }),
  )
  expect(response.status).toBe(400)
})
