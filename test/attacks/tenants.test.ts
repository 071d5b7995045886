import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** Two instances under one root key and one issuer: what one gives out is nothing at the other. */

const ISSUER = 'https://authority.test'

interface Tenant {
  readonly authority: TestAuthority
  readonly machineId: string
  readonly machineSecret: string
  readonly opaque: { readonly id: string; readonly text: string }
  readonly jwt: string
  readonly apiKey: { readonly id: string; readonly secret: string }
}

let mine: Tenant
let theirs: Tenant

beforeAll(async () => {
  mine = await startTenant()
  theirs = await startTenant()
})

afterAll(async () => {
  await mine.authority.close()
  await theirs.authority.close()
})

async function startTenant(): Promise<Tenant> {
  const authority = await startTestAuthority({ publicUrl: ISSUER })
  const post = async (
    path: string,
    secret: string,
    body: object,
  ): Promise<Record<string, string>> =>
    (await call(authority, 'POST', path, secret, body)).body as Record<string, string>
  const machine = await post('/v1/machines', authority.secretKey, { name: 'worker' })
  const machineSecret = machine['secret_key'] ?? ''
  const opaque = await post('/m2m_tokens', machineSecret, {})
  const jwt = await post('/m2m_tokens', machineSecret, { token_format: 'jwt' })
  const subject = `user_${'a'.repeat(27)}`
  const apiKey = await post('/api_keys', authority.secretKey, { name: 'key', subject })
  return {
    authority,
    machineId: machine['id'] ?? '',
    machineSecret,
    opaque: { id: opaque['id'] ?? '', text: opaque['token'] ?? '' },
    jwt: jwt['token'] ?? '',
    apiKey: { id: apiKey['id'] ?? '', secret: apiKey['secret'] ?? '' },
  }
}

const status = async (method: string, path: string, secret: string, body?: object) =>
  (await call(mine.authority, method, path, secret, body)).status

describe('another instance under the same root key and issuer', () => {
  it('cannot administer with its instance key', async () => {
    expect(await status('GET', '/v1/machines', theirs.authority.secretKey)).toBe(401)
    expect(await status('GET', '/v1/machines', mine.authority.secretKey)).toBe(200)
  })

  it('cannot act with its machines’ keys', async () => {
    expect(await status('POST', '/m2m_tokens', theirs.machineSecret, {})).toBe(401)
    expect(await status('GET', '/v1/jwks', theirs.machineSecret)).toBe(401)
  })

  it.each(['opaque', 'jwt'] as const)('cannot have its %s tokens accepted', async (format) => {
    const text = (tenant: Tenant) => (format === 'jwt' ? tenant.jwt : tenant.opaque.text)
    const verify = (token: string) =>
      status('POST', '/m2m_tokens/verify', mine.authority.secretKey, { token })
    expect(await verify(text(theirs))).toBe(404)
    expect(await verify(text(mine))).toBe(200)
  })

  it('cannot have its API keys accepted', async () => {
    const verify = (secret: string) =>
      status('POST', '/api_keys/verify', mine.authority.secretKey, { secret })
    expect(await verify(theirs.apiKey.secret)).toBe(404)
    expect(await verify(mine.apiKey.secret)).toBe(200)
  })

  it('cannot reach anything by an id it has learned', async () => {
    const key = theirs.authority.secretKey
    const other = async (method: string, path: string, body?: object) =>
      (await call(theirs.authority, method, path, key, body)).status
    expect(await other('GET', `/v1/machines/${mine.machineId}`)).toBe(404)
    expect(await other('GET', `/v1/machines/${mine.machineId}/secret_key`)).toBe(404)
    expect(await other('DELETE', `/v1/machines/${mine.machineId}`)).toBe(404)
    expect(await other('GET', `/m2m_tokens?subject=${mine.machineId}`)).toBe(404)
    expect(await other('POST', `/m2m_tokens/${mine.opaque.id}/revoke`, {})).toBe(404)
    expect(await other('GET', `/api_keys/${mine.apiKey.id}/secret`)).toBe(404)
    const scope = { to_machine_id: mine.machineId }
    expect(await other('POST', `/v1/machines/${theirs.machineId}/scopes`, scope)).toBe(404)
    const named = { name: 'thief', scoped_machines: [mine.machineId] }
    expect(await other('POST', '/v1/machines', named)).toBe(422)
  })

  it('shares no signing key', async () => {
    const kids = async ({ authority }: Tenant) => {
      const { body } = await call(authority, 'GET', '/.well-known/jwks.json')
      return (body['keys'] as { kid: string }[]).map(({ kid }) => kid)
    }
    const all = [...(await kids(mine)), ...(await kids(theirs))]
    expect(new Set(all).size).toBe(12)
  })
})
