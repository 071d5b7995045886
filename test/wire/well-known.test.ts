import { createRemoteJWKSet, jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { startWire, useWire } from '../support/wire.ts'

const wire = await useWire()

test('the key set is open to all, may be kept for a while, and read by a browser', async () => {
  const answer = await wire.call('GET', '/.well-known/jwks.json', { key: null })
  expect(answer.status).toBe(200)
  expect(answer.headers.get('cache-control')).toMatch(/^public, max-age=\d+$/)
  expect(answer.headers.get('access-control-allow-origin')).toBe('*')
})

test('the key set holds public members only', async () => {
  const { json } = await wire.call('GET', '/.well-known/jwks.json', { key: null })
  const keys = json['keys'] as Record<string, unknown>[]
  const material = { RSA: ['n', 'e'], EC: ['crv', 'x', 'y'], OKP: ['crv', 'x'] }
  expect(keys).toHaveLength(6)
  for (const key of keys) {
    const allowed = material[key['kty'] as keyof typeof material]
    expect(Object.keys(key).toSorted()).toEqual(['alg', 'kid', 'kty', 'use', ...allowed].toSorted())
    expect(key['kid']).toMatch(/^key_[0-9A-Za-z]{27}$/)
  }
})

test('the RSA key has 2048 bits or more', async () => {
  const { json } = await wire.call('GET', '/.well-known/jwks.json', { key: null })
  const rsa = (json['keys'] as Record<string, string>[]).find((key) => key['kty'] === 'RSA')
  expect(Buffer.from(rsa?.['n'] ?? '', 'base64url').length).toBeGreaterThanOrEqual(256)
})

test('what is for its caller alone is kept by nobody', async () => {
  expect((await wire.call('GET', '/v1/machines')).headers.get('cache-control')).toBe('no-store')
  expect((await wire.call('GET', '/v1/jwks')).headers.get('cache-control')).toBe('no-store')
})

test('the key set lies under the issuer, whatever its path', async () => {
  await using wire = await startWire({ path: '/clerk' })
  const { client, id } = await wire.machine()
  const { token = '' } = await client.m2m.createToken({ tokenFormat: 'jwt' })
  const keys = createRemoteJWKSet(new URL(`${wire.url}/.well-known/jwks.json`))
  const { payload } = await jwtVerify(token, keys, { issuer: wire.url })
  expect(wire.url).toMatch(/\/clerk$/)
  expect(payload.sub).toBe(id)
})

test('livez and readyz say that all is well, and no more', async () => {
  for (const target of ['/livez', '/readyz']) {
    const answer = await wire.call('GET', target, { key: null })
    expect(answer).toMatchObject({ status: 200, json: { status: 'ok' } })
    expect(Object.keys(answer.json)).toEqual(['status'])
  }
})

test('once the store is closed readyz is a 503, while livez still answers', async () => {
  const wire = await startWire()
  await wire.authority.closeStore()
  // Straight from its socket: a probe is no call of Clerk’s wire, whose errors have another shape.
  const ready = await fetch(`${wire.authority.url}/readyz`)
  expect([ready.status, await ready.json()]).toEqual([503, { status: 'unavailable' }])
  expect((await fetch(`${wire.authority.url}/livez`)).status).toBe(200)
  await wire.close()
})
