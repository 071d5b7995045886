import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'

/** The endpoints for signing keys: our own dialect, which Clerk's wire knows nothing of. */

interface Key {
  readonly kid: string
  readonly algorithm: string
  readonly state: string
  readonly active_from: number | null
}

const WINDOW_MS = 660_000
const UNKNOWN = `key_${'0'.repeat(27)}`

let authority: TestAuthority
let clock: TestClock
let machine: { readonly id: string; readonly secret: string }

beforeAll(async () => {
  clock = createTestClock()
  authority = await startTestAuthority({ clock })
  const body = { name: 'worker', jwt_algorithm: 'ES256' }
  const answer = await call(authority, 'POST', '/v1/machines', authority.secretKey, body)
  machine = { id: String(answer.body['id']), secret: String(answer.body['secret_key']) }
})

afterAll(() => authority.close())

const administer = (method: string, path: string, body?: unknown) =>
  call(authority, method, path, authority.secretKey, body)

async function keys(state?: string): Promise<Key[]> {
  const { body } = await administer('GET', '/v1/signing_keys')
  const data = body['data'] as Key[]
  return data.filter(
    (key) => state === undefined || (key.state === state && key.algorithm === 'ES256'),
  )
}

async function keyIn(state: string): Promise<Key> {
  const [key] = await keys(state)
  if (key === undefined) throw new Error(`No key is ${state}.`)
  return key
}

async function newToken(): Promise<{ readonly kid: unknown; readonly token: string }> {
  const body = { token_format: 'jwt' }
  const answer = await call(authority, 'POST', '/m2m_tokens', machine.secret, body)
  const token = String(answer.body['token'])
  return { kid: decodeProtectedHeader(token).kid, token }
}

const isGood = async (token: string): Promise<boolean> =>
  (await administer('POST', '/m2m_tokens/verify', { token })).status === 200

async function published(): Promise<unknown[]> {
  const { body } = await call(authority, 'GET', '/.well-known/jwks.json')
  return (body['keys'] as { kid: unknown }[]).map(({ kid }) => kid)
}

beforeEach(async () => {
  clock.advance(WINDOW_MS)
  await authority.tick()
})

describe('every endpoint', () => {
  const endpoints = [
    ['GET', '/signing_keys'],
    ['POST', '/signing_keys/rotate'],
    ['POST', `/signing_keys/${UNKNOWN}/revoke`],
  ] as const

  it.each(endpoints)(
    '%s %s opens to the instance key alone, and tells others nothing',
    async (method, path) => {
      const before = await keys()
      const codeFor = async (secret: string | undefined): Promise<unknown> => {
        const { status, body } = await call(authority, method, path, secret)
        const [error] = body['errors'] as { code: string }[]
        expect(JSON.stringify(body)).not.toMatch(/key_\w{27}/)
        return [status, error?.code]
      }
      const { token } = await newToken()
      expect(await codeFor(undefined)).toEqual([401, 'unauthorized'])
      expect(await codeFor(`${authority.secretKey}x`)).toEqual([401, 'unauthorized'])
      expect(await codeFor(token.slice(0, 200))).toEqual([401, 'unauthorized'])
      expect(await codeFor(machine.secret)).toEqual([403, 'instance_key_required'])
      expect(await keys()).toEqual(before)
    },
  )

  it.each(endpoints)('%s %s answers with and without /v1', async (method, path) => {
    const [plain, versioned] = [
      await administer(method, path, method === 'POST' ? {} : undefined),
      await administer(method, `/v1${path}`, method === 'POST' ? {} : undefined),
    ]
    expect(plain.status).toBe(versioned.status)
  })

  it('is not there by another method', async () => {
    for (const [method, path] of [
      ['POST', '/signing_keys'],
      ['GET', '/signing_keys/rotate'],
      ['DELETE', `/signing_keys/${UNKNOWN}`],
      ['GET', `/signing_keys/${UNKNOWN}`],
    ] as const) {
      expect((await administer(method, path, method === 'GET' ? undefined : {})).status).toBe(404)
    }
  })
})

describe('GET /signing_keys', () => {
  it('lists for each algorithm the key that signs and the next one, and nothing secret', async () => {
    const { status, body } = await administer('GET', '/signing_keys')
    expect(status).toBe(200)
    expect(body['total_count']).toBe((body['data'] as unknown[]).length)
    const active = (body['data'] as Key[]).filter(({ state }) => state === 'active')
    expect(active.map(({ algorithm }) => algorithm).toSorted()).toEqual(['ES256', 'EdDSA', 'RS256'])
    expect(Object.keys(active[0] ?? {})).toEqual([
      'object',
      'kid',
      'algorithm',
      'state',
      'created_at',
      'active_from',
      'retires_at',
      'published_until',
      'revoked_at',
      'revocation_reason',
    ])
    expect((await newToken()).kid).toBe((await keyIn('active')).kid)
  })
})

describe('POST /signing_keys/rotate', () => {
  it('tells when the next key takes over, and then it does', async () => {
    const [active, next] = [await keyIn('active'), await keyIn('next')]
    const { status, body } = await administer('POST', '/signing_keys/rotate', {
      algorithm: 'ES256',
    })
    expect([status, body['total_count']]).toEqual([200, 1])
    const [{ kid, active_from: at } = next] = body['data'] as Key[]
    expect(kid).toBe(next.kid)
    expect((await newToken()).kid).toBe(active.kid)
    clock.advance((at ?? 0) - clock.now())
    expect((await newToken()).kid).toBe(next.kid)
    expect(await published()).toContain(active.kid)
    expect((await keys('retired')).map((key) => key.kid)).toContain(active.kid)
  })

  it.each([
    [{ algorithm: 'HS256' }],
    [{ algorithm: 'none' }],
    [{ algorithm: null }],
    [{ algorithm: ['ES256'] }],
    [{ algoritm: 'ES256' }],
    [[]],
  ])('refuses %j', async (body) => {
    const answer = await administer('POST', '/signing_keys/rotate', body)
    expect(answer).toMatchObject({ status: 400, body: { errors: [{ code: 'bad_request' }] } })
  })

  it('is refused before the key set outgrows what a verifier reads', async () => {
    await using crowded = await startTestAuthority({ clock })
    const rotate = (): ReturnType<typeof call> =>
      call(crowded, 'POST', '/signing_keys/rotate', crowded.secretKey, { algorithm: 'EdDSA' })
    let rotations = 0
    for (;;) {
      const { status } = await rotate()
      if (status !== 200) {
        expect(status).toBe(409)
        break
      }
      rotations++
      clock.advance(WINDOW_MS)
      await crowded.tick()
    }
    expect(rotations).toBeGreaterThan(50)
    const { body } = await call(crowded, 'GET', '/.well-known/jwks.json')
    expect((body['keys'] as unknown[]).length).toBeLessThan(256)
  })
})

describe('POST /signing_keys/:kid/revoke', () => {
  it('ends the key and its tokens at once; the next key signs', async () => {
    const [active, next] = [await keyIn('active'), await keyIn('next')]
    const { token } = await newToken()
    expect(await isGood(token)).toBe(true)
    const path = `/signing_keys/${active.kid}/revoke`
    const { status, body } = await administer('POST', path, { revocation_reason: 'stolen' })
    expect(status).toBe(200)
    expect(body).toMatchObject({
      object: 'signing_key_revocation',
      revoked: { kid: active.kid, state: 'revoked', revocation_reason: 'stolen' },
      signer: { kid: next.kid, state: 'active' },
      key_set_max_age: 300,
    })
    expect(await published()).not.toContain(active.kid)
    expect(await isGood(token)).toBe(false)
    expect((await newToken()).kid).toBe(next.kid)
    expect(await keys('next')).toHaveLength(1)
  })

  it('is idempotent: the first revocation stands', async () => {
    const { kid } = await keyIn('active')
    const first = await administer('POST', `/signing_keys/${kid}/revoke`)
    clock.advance(5)
    const body = { revocation_reason: 'again' }
    const second = await administer('POST', `/signing_keys/${kid}/revoke`, body)
    expect(second.body['revoked']).toEqual(first.body['revoked'])
  })

  it.each([UNKNOWN, 'key_x', 'constructor', 'mt_1'])('of %s is a 404', async (kid) => {
    const { status, body } = await administer('POST', `/signing_keys/${kid}/revoke`, {})
    expect([status, (body['errors'] as { code: string }[])[0]?.code]).toEqual([
      404,
      'resource_not_found',
    ])
  })

  it.each([
    [{ reason: 'r' }],
    [{ revocation_reason: 5 }],
    [{ revocation_reason: 'r'.repeat(256) }],
  ])('refuses %j, and revokes nothing', async (body) => {
    const { kid } = await keyIn('active')
    expect((await administer('POST', `/signing_keys/${kid}/revoke`, body)).status).toBe(400)
    expect((await keyIn('active')).kid).toBe(kid)
  })
})
