import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** What a machine of the same instance can do to others with its own key: nothing (A23). */

interface Machine {
  readonly id: string
  readonly secret: string
}

let authority: TestAuthority
let api: Machine
let worker: Machine
let stranger: Machine

beforeAll(async () => {
  authority = await startTestAuthority()
  api = await createMachine('api')
  worker = await createMachine('worker', [api.id])
  stranger = await createMachine('stranger')
})

afterAll(() => authority.close())

async function createMachine(name: string, scopes: string[] = []): Promise<Machine> {
  const body = { name, scoped_machines: scopes }
  const answer = await call(authority, 'POST', '/v1/machines', authority.secretKey, body)
  return { id: answer.body['id'] as string, secret: answer.body['secret_key'] as string }
}

async function createToken(secret: string, more: object = {}): Promise<Record<string, string>> {
  const { body } = await call(authority, 'POST', '/m2m_tokens', secret, more)
  return body as Record<string, string>
}

const status = async (method: string, path: string, secret: string, body?: object) =>
  (await call(authority, method, path, secret, body)).status

describe('a machine key', () => {
  it('opens no route of the instance, on its own machine as little as on another', async () => {
    for (const { id } of [stranger, api]) {
      const routes = [
        ['GET', '/v1/machines'],
        ['POST', '/v1/machines'],
        ['GET', `/v1/machines/${id}`],
        ['PATCH', `/v1/machines/${id}`],
        ['DELETE', `/v1/machines/${id}`],
        ['GET', `/v1/machines/${id}/secret_key`],
        ['POST', `/v1/machines/${id}/secret_key/rotate`],
        ['POST', `/v1/machines/${id}/scopes`],
        ['DELETE', `/v1/machines/${id}/scopes/${api.id}`],
        ['GET', '/signing_keys'],
        ['POST', '/signing_keys/rotate'],
        ['POST', `/signing_keys/key_${'0'.repeat(27)}/revoke`],
        ['POST', '/api_keys'],
        ['GET', '/api_keys'],
        ['POST', '/api_keys/verify'],
        ['GET', `/api_keys/ak_${'a'.repeat(32)}`],
        ['PATCH', `/api_keys/ak_${'a'.repeat(32)}`],
        ['DELETE', `/api_keys/ak_${'a'.repeat(32)}`],
        ['GET', `/api_keys/ak_${'a'.repeat(32)}/secret`],
        ['POST', `/api_keys/ak_${'a'.repeat(32)}/revoke`],
      ] as const
      for (const [method, path] of routes) {
        expect([method, path, await status(method, path, stranger.secret)]).toEqual([
          method,
          path,
          403,
        ])
      }
    }
  })

  it('does not verify a token that is meant for another machine', async () => {
    for (const format of ['opaque', 'jwt']) {
      const { token } = await createToken(worker.secret, { token_format: format })
      expect(await status('POST', '/m2m_tokens/verify', api.secret, { token })).toBe(200)
      expect(await status('POST', '/m2m_tokens/verify', stranger.secret, { token })).toBe(404)
      // Nor does the machine that made it.
      expect(await status('POST', '/m2m_tokens/verify', worker.secret, { token })).toBe(404)
    }
  })

  it('does not revoke another’s token, not even the receiver’s key', async () => {
    const { id, token } = await createToken(worker.secret)
    expect(await status('POST', `/m2m_tokens/${id}/revoke`, stranger.secret, {})).toBe(404)
    expect(await status('POST', `/m2m_tokens/${id}/revoke`, api.secret, {})).toBe(404)
    expect(await status('POST', '/m2m_tokens/verify', api.secret, { token })).toBe(200)
  })

  it('does not tell which other machines there are', async () => {
    const list = async (subject: string) => {
      const path = `/m2m_tokens?subject=${subject}`
      const { status: code, body } = await call(authority, 'GET', path, stranger.secret)
      return { code, errors: body['errors'] }
    }
    const there = await list(worker.id)
    expect(there.code).toBe(403)
    expect(there).toEqual(await list(`mch_${'z'.repeat(27)}`))
    const naming = async (id: string) => {
      const body = { scopes: [id] }
      const answer = await call(authority, 'POST', '/m2m_tokens', stranger.secret, body)
      // The answer repeats the id that was sent, and says nothing else of it.
      const errors = JSON.stringify(answer.body['errors']).replaceAll(id, 'the id')
      return { code: answer.status, errors }
    }
    expect(await naming(api.id)).toEqual(await naming(`mch_${'z'.repeat(27)}`))
  })

  it('is not handed another machine’s token by reuse', async () => {
    const twin = await createMachine('twin', [api.id])
    const first = await createToken(worker.secret, { min_remaining_ttl_seconds: 5 })
    const again = await createToken(worker.secret, { min_remaining_ttl_seconds: 5 })
    const other = await createToken(twin.secret, { min_remaining_ttl_seconds: 5 })
    expect(again['token']).toBe(first['token'])
    expect(other['token']).not.toBe(first['token'])
    expect(other['subject']).toBe(twin.id)
  })

  it.each([
    ['constructor', 1],
    ['__proto__', { scopes: [] }],
    ['scopes_', []],
    ['subject', 'mch_x'],
    ['machine_id', 'mch_x'],
    ['revoked', false],
  ])('cannot assign the member %s of a token', async (name, value) => {
    const text = `{${JSON.stringify(name)}:${JSON.stringify(value)}}`
    const response = await fetch(`${authority.url}/m2m_tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${worker.secret}` },
      body: text,
    })
    expect(response.status).toBe(400)
  })

  it.each([
    'iss',
    'sub',
    'aud',
    'exp',
    'jti',
    'scopes',
    'status',
    'cnf',
    'cat',
    'typ',
    '__proto__',
  ])('cannot claim %s in a JWT', async (name) => {
    const response = await fetch(`${authority.url}/m2m_tokens`, {
      method: 'POST',
      headers: { authorization: `Bearer ${worker.secret}` },
      body: `{"token_format":"jwt","claims":{"${name}":[["x"]]}}`,
    })
    expect(response.status).toBe(400)
  })
})
