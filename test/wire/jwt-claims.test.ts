import { describe, expect, test } from 'vitest'
import { jwtParts } from '../support/jwt-parts.ts'
import { type TestMachine, useWire } from '../support/wire.ts'

const wire = await useWire()
const api = await wire.machine('api')

const mint = (machine: TestMachine, body: object) =>
  wire.call('POST', '/m2m_tokens', {
    key: machine.secretKey,
    body: { token_format: 'jwt', ...body },
  })

describe('claims', () => {
  const reserved = ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti', 'scopes', 'status', 'cnf']

  test.each(reserved)('that are the authority’s are a 400 naming the claim: %s', async (name) => {
    const refused = await mint(api, { claims: { fine: 1, [name]: 'x' } })
    expect(refused).toMatchObject({ status: 400, code: 'claims_invalid', parameter: 'claims' })
    expect(refused.explanation).toContain(`"${name}"`)
    expect((await mint(api, { claims: { nested: { [name]: 'x' } } })).status).toBe(201)
  })

  test('of a JWT are an object, an empty one or none', async () => {
    for (const claims of [[], [1], 'text', 7, true]) {
      expect(await mint(api, { claims })).toMatchObject({ status: 400, code: 'claims_invalid' })
    }
    for (const claims of [{}, null]) {
      const { payload } = jwtParts((await mint(api, { claims })).json['token'])
      expect(Object.keys(payload)).toEqual([
        'iss',
        'sub',
        'aud',
        'status',
        'exp',
        'nbf',
        'iat',
        'jti',
      ])
    }
  })

  test.each(['jwt', 'opaque'])('of a token as %s have at most 4096 bytes', async (format) => {
    const overhead = JSON.stringify({ a: '' }).length
    const ofBytes = (bytes: number) => ({ a: 'ü'.repeat((bytes - overhead) / 2) })
    const create = (claims: object) => mint(api, { token_format: format, claims })
    expect((await create(ofBytes(4096))).status).toBe(201)
    expect(await create(ofBytes(4098))).toMatchObject({ status: 400, code: 'claims_invalid' })
  })

  test.each(['jwt', 'opaque'])('of a token as %s are at most 16 levels deep', async (format) => {
    const nested = (levels: number): object => (levels === 1 ? {} : { a: nested(levels - 1) })
    const create = (claims: object) => mint(api, { token_format: format, claims })
    expect((await create(nested(16))).status).toBe(201)
    expect(await create(nested(17))).toMatchObject({ status: 400, code: 'claims_invalid' })
  })

  test.each(['jwt', 'opaque'])(
    'of a token as %s have at most 200 named members',
    async (format) => {
      const members = (count: number): object =>
        Object.fromEntries(Array.from({ length: count }, (_, index) => [`c${index}`, 0]))
      const create = (claims: object) => mint(api, { token_format: format, claims })
      expect((await create({ flat: members(199) })).status).toBe(201)
      expect(await create({ deep: [members(200)] })).toMatchObject({
        status: 400,
        code: 'claims_invalid',
      })
    },
  )

  test('nested as deep as a body allows are refused, and the authority lives', async () => {
    const body = `{"claims":${'['.repeat(30_000)}${']'.repeat(30_000)}}`
    const refused = await wire.call('POST', '/m2m_tokens', { key: api.secretKey, body })
    expect(refused.status).toBe(400)
    expect((await wire.call('GET', '/livez')).status).toBe(200)
  })

  test('cannot set a prototype', async () => {
    for (const claims of ['{"__proto__":{"admin":true}}', '{"a":[{"__proto__":1}]}']) {
      const body = `{"token_format":"jwt","claims":${claims}}`
      const refused = await wire.call('POST', '/m2m_tokens', { key: api.secretKey, body })
      expect(refused).toMatchObject({ status: 400, code: 'claims_invalid' })
    }
  })

  test('that look like the end of a payload stay text', async () => {
    const claims = { 'a"}': '","sub":"mch_evil"', '\\': '\u2028"\\' }
    const { payload } = jwtParts((await mint(api, { claims })).json['token'])
    expect(payload).toMatchObject({ sub: api.id, ...claims })
  })
})
