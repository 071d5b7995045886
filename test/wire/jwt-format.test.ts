import { createRemoteJWKSet, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { jwtParts } from '../support/jwt-parts.ts'
import { startWire, type TestMachine, useWire, type Wire } from '../support/wire.ts'

const wire = await useWire()
const api = await wire.machine('api')
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const

const mint = async (machine: TestMachine, body: object = {}, on: Wire = wire) =>
  on.call('POST', '/m2m_tokens', {
    key: machine.secretKey,
    body: { token_format: 'jwt', ...body },
  })

const machineWith = async (
  algorithm: string | null,
  receivers: readonly string[],
): Promise<TestMachine> => {
  const machine = await wire.machine(`signs ${algorithm ?? 'as the instance'}`, receivers)
  await wire.call('PATCH', `/v1/machines/${machine.id}`, { body: { jwt_algorithm: algorithm } })
  return machine
}

describe.each(ALGORITHMS)('a JWT signed with %s', (algorithm) => {
  test('has exactly the header and the payload of the design, in that order', async () => {
    const machine = await machineWith(algorithm, [api.id])
    const keys = (await wire.client().jwks.getJwks()).keys ?? []
    const made = await mint(machine, {
      seconds_until_expiration: 60,
      claims: { zeta: 1, fooBar: { camelCase: [true] } },
    })
    const { header, payload } = jwtParts(made.json['token'])
    const now = Math.floor(wire.clock.now() / 1000)

    expect(Object.entries(header)).toEqual([
      ['alg', algorithm],
      ['typ', 'JWT'],
      ['kid', keys.find((key) => key.alg === algorithm)?.kid],
      ['cat', 'cl_B7d4PD333AAA'],
    ])
    expect(Object.entries(payload)).toEqual([
      ['iss', wire.url],
      ['sub', machine.id],
      ['aud', [api.id]],
      ['scopes', api.id],
      ['zeta', 1],
      ['fooBar', { camelCase: [true] }],
      [
        'status',
        {
          status_list: {
            uri: expect.stringContaining(`${wire.url}/status-lists/`) as string,
            idx: expect.any(Number) as number,
          },
        },
      ],
      ['exp', now + 60],
      ['nbf', now],
      ['iat', now],
      ['jti', made.json['id']],
    ])
    expect(payload['jti']).toMatch(/^mt_[0-9a-f]{32}$/)
    expect(made.json).toMatchObject({
      expiration: (now + 60) * 1000,
      created_at: now * 1000,
      scopes: [api.id],
      claims: { zeta: 1, fooBar: { camelCase: [true] } },
    })
  })

  test('is verified by jose from the public key set alone', async () => {
    const machine = await machineWith(algorithm, [api.id])
    const { json } = await mint(machine)
    const keys = createRemoteJWKSet(new URL(`${wire.url}/.well-known/jwks.json`))
    const { payload, protectedHeader } = await jwtVerify(String(json['token']), keys, {
      issuer: wire.url,
      audience: api.id,
      typ: 'JWT',
      algorithms: [algorithm],
    })
    expect(protectedHeader.alg).toBe(algorithm)
    expect(payload.sub).toBe(machine.id)
    await expect(
      jwtVerify(String(json['token']), keys, { audience: machine.id }),
    ).rejects.toMatchObject({ code: 'ERR_JWT_CLAIM_VALIDATION_FAILED' })
  })
})

describe('the algorithm', () => {
  test.each(ALGORITHMS)(
    'of an instance can be %s, and holds for machines with none',
    async (algorithm) => {
      await using other = await startWire({ jwtAlgorithm: algorithm })
      const machine = await other.machine()
      expect(jwtParts((await mint(machine, {}, other)).json['token']).header['alg']).toBe(algorithm)
    },
  )

  test('of a machine goes before that of the instance, until it is taken away', async () => {
    const machine = await machineWith('ES256', [])
    expect(jwtParts((await mint(machine)).json['token']).header['alg']).toBe('ES256')
    await wire.call('PATCH', `/v1/machines/${machine.id}`, { body: { jwt_algorithm: null } })
    expect(jwtParts((await mint(machine)).json['token']).header['alg']).toBe('RS256')
  })

  test('is one of three', async () => {
    for (const algorithm of ['none', 'HS256', 'RS512', 'PS256', 'rs256', '']) {
      const body = { name: 'x', jwt_algorithm: algorithm }
      const refused = await wire.call('POST', '/v1/machines', { body })
      expect(refused).toMatchObject({ status: 400, parameter: 'jwt_algorithm' })
    }
  })
})

describe('the receivers', () => {
  test('of a machine without scopes are nobody: an empty audience, and no scopes', async () => {
    const machine = await wire.machine('lonely')
    const made = await mint(machine)
    const { payload } = jwtParts(made.json['token'])
    expect(payload['aud']).toEqual([])
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
    expect(made.json['scopes']).toEqual([])
  })

  test.each(['jwt', 'opaque'])(
    'of one %s token can be narrowed and never widened',
    async (format) => {
      const other = await wire.machine('other')
      const foreign = await wire.machine('foreign')
      const machine = await wire.machine('caller', [api.id, other.id])
      const create = (scopes: unknown) => mint(machine, { token_format: format, scopes })

      const all = await mint(machine, { token_format: format })
      expect((all.json['scopes'] as string[]).toSorted()).toEqual([api.id, other.id].toSorted())
      const one = await create([other.id, other.id])
      expect(one).toMatchObject({ status: 201, json: { scopes: [other.id] } })
      expect((await create([])).json['scopes']).toEqual([])
      if (format === 'jwt') {
        expect(jwtParts(one.json['token']).payload).toMatchObject({
          aud: [other.id],
          scopes: other.id,
        })
      }
      for (const scopes of [[foreign.id], [other.id, foreign.id], [machine.id]]) {
        const refused = await create(scopes)
        expect(refused).toMatchObject({ status: 400, code: 'scope_not_granted' })
        expect(refused.explanation).toContain(scopes.at(-1))
      }
      for (const scopes of ['all', [1], [''], null, Array.from({ length: 151 }, () => other.id)]) {
        expect(await create(scopes)).toMatchObject({ status: 400, code: 'bad_request' })
      }
    },
  )

  test('narrowing leaves the token refused by those that were left out', async () => {
    const other = await wire.machine('other')
    const machine = await wire.machine('caller', [api.id, other.id])
    const { json } = await mint(machine, { token_format: 'opaque', scopes: [other.id] })
    const verify = (key: string) =>
      wire.call('POST', '/m2m_tokens/verify', { key, body: { token: json['token'] } })
    expect((await verify(other.secretKey)).status).toBe(200)
    expect((await verify(api.secretKey)).status).toBe(404)
  })

  test('are compared when a token is handed out again: none is wider than was asked for, or narrower', async () => {
    const other = await wire.machine('other')
    const machine = await wire.machine('caller', [api.id, other.id])
    const create = async (scopes?: readonly string[]) => {
      const body = { token_format: 'opaque', min_remaining_ttl_seconds: 60, scopes }
      const { json } = await mint(machine, body)
      return { id: json['id'], scopes: (json['scopes'] as string[]).toSorted() }
    }
    const both = [api.id, other.id].toSorted()
    const wide = await create()
    expect(wide.scopes).toEqual(both)
    const narrow = await create([api.id])
    expect(narrow).toMatchObject({ scopes: [api.id] })
    expect(narrow.id).not.toBe(wide.id)
    const none = await create([])
    expect(none.scopes).toEqual([])
    // In whichever order they are named, or not named at all.
    expect(await create([other.id, api.id, api.id])).toEqual(wide)
    expect(await create()).toEqual(wide)
    expect(await create([api.id])).toEqual(narrow)
    expect(await create([])).toEqual(none)
    expect((await create([other.id])).scopes).toEqual([other.id])

    // Once a scope is taken away, what was issued with it is not handed out again.
    await wire.client().machines.deleteScope(machine.id, other.id)
    expect(await create()).toEqual(narrow)
    expect(await create([api.id])).toEqual(narrow)
  })

  test('of a JWT are 64 at most; 65 are a 400 that narrowing avoids', async () => {
    const ids = await Promise.all(
      Array.from({ length: 65 }, async () => (await wire.machine('one of many')).id),
    )
    const machine = await wire.machine('caller', ids)
    expect(await mint(machine)).toMatchObject({ status: 400, code: 'too_many_receivers' })
    const narrowed = await mint(machine, { scopes: ids.slice(0, 64) })
    expect(jwtParts(narrowed.json['token']).payload['aud']).toEqual(ids.slice(0, 64))
    expect((await mint(machine, { token_format: 'opaque' })).status).toBe(201)
  })
})

describe('the lifetime', () => {
  const expOf = (token: unknown): number => Number(jwtParts(token).payload['exp'])
  const day = 86_400

  test('is 24 hours at most: to ask for more is a 400, a longer default is cut', async () => {
    const machine = await wire.machine('lasting', [], { defaultTokenTtl: 315_360_000 })
    const now = Math.floor(wire.clock.now() / 1000)

    expect(expOf((await mint(machine)).json['token'])).toBe(now + day)
    const longest = await mint(machine, { seconds_until_expiration: day })
    expect(expOf(longest.json['token'])).toBe(now + day)
    const tooLong = await mint(machine, { seconds_until_expiration: day + 1 })
    expect(tooLong).toMatchObject({
      status: 400,
      code: 'lifetime_invalid',
      parameter: 'seconds_until_expiration',
    })
    const opaque = await mint(machine, { token_format: 'opaque' })
    expect(opaque.json['expiration']).toBe(wire.clock.now() + 315_360_000_000)
  })

  test('is whole seconds, a fraction rounded up, and always there', async () => {
    const now = Math.floor(wire.clock.now() / 1000)
    const fraction = await mint(api, { seconds_until_expiration: 1.2 })
    expect(expOf(fraction.json['token'])).toBe(now + 2)
    const none = await mint(api, { seconds_until_expiration: null })
    expect(expOf(none.json['token'])).toBe(now + 3600)
  })
})

test('a token format is opaque or jwt', async () => {
  for (const token_format of ['JWT', 'jws', '', null]) {
    expect(await mint(api, { token_format })).toMatchObject({ status: 400, code: 'bad_request' })
  }
})
