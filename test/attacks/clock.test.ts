import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'

/** Who can move the clock, or waits for its edges (R7). */

const START = 1_800_000_000_000

let authority: TestAuthority
let clock: TestClock
let api: { readonly id: string; readonly secret: string }
let worker: { readonly id: string; readonly secret: string }

beforeEach(async () => {
  clock = createTestClock(START)
  authority = await startTestAuthority({ clock })
  api = await createMachine('api')
  worker = await createMachine('worker', [api.id])
})

afterEach(() => authority.close())

async function createMachine(
  name: string,
  scopes: string[] = [],
): Promise<{ id: string; secret: string }> {
  const body = { name, scoped_machines: scopes, default_token_ttl: 315_360_000 }
  const answer = await call(authority, 'POST', '/v1/machines', authority.secretKey, body)
  return { id: answer.body['id'] as string, secret: answer.body['secret_key'] as string }
}

async function issue(more: object = {}): Promise<Record<string, unknown>> {
  return (await call(authority, 'POST', '/m2m_tokens', worker.secret, more)).body
}

async function isGood(token: unknown): Promise<boolean> {
  const answer = await call(authority, 'POST', '/m2m_tokens/verify', api.secret, { token })
  return answer.status === 200
}

describe('the edges of a life', () => {
  it('an opaque token is good up to the millisecond before its end', async () => {
    const { token, expiration } = await issue({ seconds_until_expiration: 1.5 })
    expect(expiration).toBe(START + 1500)
    clock.advance(1499)
    expect(await isGood(token)).toBe(true)
    clock.advance(1)
    expect(await isGood(token)).toBe(false)
  })

  it('a JWT is good up to the millisecond before its end', async () => {
    clock.advance(999)
    const token = await issue({ token_format: 'jwt', seconds_until_expiration: 0.001 })
    expect(token['expiration']).toBe(START + 1000)
    expect(await isGood(token['token'])).toBe(true)
    clock.advance(1)
    expect(await isGood(token['token'])).toBe(false)
  })

  it.each([Number.MIN_VALUE, 1e-300, 0.0004])('a life of %d s is a millisecond', async (life) => {
    const { expiration } = await issue({ seconds_until_expiration: life })
    expect(expiration).toBe(START + 1)
  })

  it.each([0, -1, -0, 315_360_000.1, 1e308, '60', true, [60], { valueOf: 60 }])(
    'a life of %j is refused',
    async (life) => {
      for (const format of ['opaque', 'jwt']) {
        const body = { token_format: format, seconds_until_expiration: life }
        const answer = await call(authority, 'POST', '/m2m_tokens', worker.secret, body)
        expect(answer.status).toBe(400)
      }
    },
  )

  it('a default of ten years makes no JWT of more than a day', async () => {
    const { expiration } = await issue({ token_format: 'jwt' })
    expect(expiration).toBe(START + 86_400_000)
    const asked = { token_format: 'jwt', seconds_until_expiration: 86_400.5 }
    const answer = await call(authority, 'POST', '/m2m_tokens', worker.secret, asked)
    expect(answer.status).toBe(400)
  })

  it('yesterday’s key works to the end of its grace and not a millisecond longer', async () => {
    const path = `/v1/machines/${worker.id}/secret_key/rotate`
    const grace = { previous_token_ttl: 60 }
    await call(authority, 'POST', path, authority.secretKey, grace)
    const status = async () =>
      (await call(authority, 'POST', '/m2m_tokens', worker.secret, {})).status
    clock.advance(59_999)
    expect(await status()).toBe(201)
    // A second rotation with a longer grace does not lengthen it.
    await call(authority, 'POST', path, authority.secretKey, { previous_token_ttl: 28_800 })
    clock.advance(1)
    expect(await status()).toBe(401)
  })
})

describe('a clock that is set back', () => {
  it('does not bring a revoked token back', async () => {
    const { id, token } = await issue()
    await call(authority, 'POST', `/m2m_tokens/${String(id)}/revoke`, worker.secret, {})
    clock.advance(-3_600_000)
    expect(await isGood(token)).toBe(false)
  })

  it('does not bring a deleted machine back', async () => {
    const tokens = [await issue(), await issue({ token_format: 'jwt' })]
    const path = `/v1/machines/${worker.id}`
    await call(authority, 'DELETE', path, authority.secretKey)
    clock.advance(-3_600_000)
    for (const { token } of tokens) expect(await isGood(token)).toBe(false)
    expect((await call(authority, 'POST', '/m2m_tokens', worker.secret, {})).status).toBe(401)
  })

  it('does not bring back a secret that was rolled without grace', async () => {
    const path = `/v1/machines/${worker.id}/secret_key/rotate`
    const body = { previous_token_ttl: 0 }
    const { status } = await call(authority, 'POST', path, authority.secretKey, body)
    expect(status).toBe(200)
    clock.advance(-3_600_000)
    expect((await call(authority, 'POST', '/m2m_tokens', worker.secret, {})).status).toBe(401)
  })

  it('does not make a JWT of the future good', async () => {
    const { token } = await issue({ token_format: 'jwt' })
    clock.advance(-1_000)
    expect(await isGood(token)).toBe(false)
  })

  it('makes no two ids the same, and no token that ends before it begins', async () => {
    const ids = new Set<unknown>()
    for (let round = 0; round < 20; round++) {
      const { id, created_at: begin, expiration } = await issue({ seconds_until_expiration: 1 })
      ids.add(id)
      expect(Number(expiration)).toBe(Number(begin) + 1000)
      clock.advance(-500)
    }
    expect(ids.size).toBe(20)
  })
})
