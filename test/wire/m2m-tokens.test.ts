import { describe, expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { useWire } from '../support/wire.ts'

const wire = await useWire()
const api = await wire.machine('api')
const worker = await wire.machine('worker', [api.id])
const stranger = await wire.machine('stranger')
const instance = wire.client().m2m

const claims = { fooBar: 1, nested: { camelCase: [true, null], snake_case: 'ü😀' }, Ünïcode: '' }

describe('an opaque token', () => {
  test('is made by a machine, told once, and lives as long as the machine says', async () => {
    const made = await worker.client.m2m.createToken()
    expect(made.id).toMatch(/^mt_[0-9a-f]{32}$/)
    expect(made.token).toMatch(/^mt_[0-9A-Za-z]+$/)
    expect(made).toMatchObject({
      subject: worker.id,
      scopes: [api.id],
      claims: null,
      revoked: false,
      revocationReason: null,
      expired: false,
      expiration: wire.clock.now() + 3_600_000,
      createdAt: wire.clock.now(),
      updatedAt: wire.clock.now(),
    })
    const verified = await api.client.m2m.verify({ token: made.token ?? '' })
    expect(verified).toMatchObject({ id: made.id, subject: worker.id, scopes: [api.id] })
    expect(verified.token).toBeUndefined()
    expect(wire.last('POST', 'verify').body).not.toContain(made.token)
  })

  test('carries its claims untouched: no name is changed on the way (W12)', async () => {
    const { token = '', ...made } = await worker.client.m2m.createToken({ claims })
    expect(made.claims).toEqual(claims)
    expect((await api.client.m2m.verify({ token })).claims).toEqual(claims)
    expect(JSON.parse(wire.last('POST', 'verify').body)).toMatchObject({ claims })
  })

  test.each([[['a', 1]], ['text'], [7], [false]])(
    'may carry any JSON as claims: %j',
    async (value) => {
      const made = await wire.call('POST', '/m2m_tokens', {
        key: worker.secretKey,
        body: { claims: value },
      })
      expect(made).toMatchObject({ status: 201, json: { claims: value } })
    },
  )

  test('lives as long as it was asked to, also for a fraction of a second', async () => {
    const { m2m } = worker.client
    const minute = await m2m.createToken({ secondsUntilExpiration: 60 })
    const moment = await m2m.createToken({ secondsUntilExpiration: 0.5 })
    expect(minute.expiration).toBe(wire.clock.now() + 60_000)
    expect(moment.expiration).toBe(wire.clock.now() + 500)
    for (const secondsUntilExpiration of [0, -1, 315_360_001]) {
      await expectRefusal(m2m.createToken({ secondsUntilExpiration }), 400, 'bad_request')
    }
  })

  test('is verified by its receivers and the instance, and by nobody else', async () => {
    const { token = '', id } = await worker.client.m2m.createToken()
    expect((await api.client.m2m.verify({ token })).id).toBe(id)
    expect((await instance.verify({ token })).id).toBe(id)
    await expectRefusal(stranger.client.m2m.verify({ token }), 404, 'token_not_found')
    await expectRefusal(worker.client.m2m.verify({ token }), 404, 'token_not_found')
  })

  test('of an unscoped machine is a 404 at the receiver', async () => {
    const { token = '' } = await stranger.client.m2m.createToken()
    await expectRefusal(api.client.m2m.verify({ token }), 404, 'token_not_found')
    expect((await instance.verify({ token })).scopes).toEqual([])
  })

  test('is a 404 from the instant at which it expires', async () => {
    const { token = '' } = await worker.client.m2m.createToken({ secondsUntilExpiration: 10 })
    wire.clock.advance(9999)
    expect(await api.client.m2m.verify({ token })).toMatchObject({ expired: false })
    wire.clock.advance(1)
    await expectRefusal(api.client.m2m.verify({ token }), 404, 'token_not_found')
    await expectRefusal(instance.verify({ token }), 404, 'token_not_found')
  })

  test('says when it was last used, once that is written down', async () => {
    const { token = '', id } = await worker.client.m2m.createToken()
    wire.clock.advance(5000)
    await api.client.m2m.verify({ token })
    await wire.authority.tick()
    const { json } = await wire.call('GET', `/m2m_tokens?subject=${worker.id}&limit=100`)
    const rows = json['m2m_tokens'] as { id: string; last_used_at: number | null }[]
    expect(rows.find((row) => row.id === id)?.last_used_at).toBe(wire.clock.now())
  })

  test('that was never issued is a 404 like every other', async () => {
    const { token = '' } = await worker.client.m2m.createToken()
    const altered = token.slice(0, -1) + (token.endsWith('a') ? 'b' : 'a')
    for (const garbage of [altered, 'mt_', 'mt_xxx', 'garbage', 'ö', 'x'.repeat(16_384)]) {
      await expectRefusal(instance.verify({ token: garbage }), 404, 'token_not_found')
    }
  })
})

describe('revoking', () => {
  test('a revoked token is refused by the next verification', async () => {
    const { token = '', id } = await worker.client.m2m.createToken()
    await api.client.m2m.verify({ token })
    wire.clock.advance(1000)

    const revoked = await instance.revokeToken({ m2mTokenId: id, revocationReason: 'leaked' })
    expect(revoked).toMatchObject({ id, revoked: true, revocationReason: 'leaked' })
    expect(revoked.updatedAt).toBe(wire.clock.now())
    await expectRefusal(api.client.m2m.verify({ token }), 404, 'token_not_found')
    await expectRefusal(instance.verify({ token }), 404, 'token_not_found')
  })

  test('a machine revokes its own tokens only', async () => {
    const { token = '', id } = await worker.client.m2m.createToken()
    await expectRefusal(api.client.m2m.revokeToken({ m2mTokenId: id }), 404, 'token_not_found')
    await expectRefusal(stranger.client.m2m.revokeToken({ m2mTokenId: id }), 404)
    expect(await api.client.m2m.verify({ token })).toMatchObject({ revoked: false })

    expect(await worker.client.m2m.revokeToken({ m2mTokenId: id })).toMatchObject({ revoked: true })
    await expectRefusal(api.client.m2m.verify({ token }), 404)
  })

  test('twice keeps the first reason and time', async () => {
    const { id } = await worker.client.m2m.createToken()
    const first = await instance.revokeToken({ m2mTokenId: id, revocationReason: 'first' })
    wire.clock.advance(1000)
    const second = await instance.revokeToken({ m2mTokenId: id, revocationReason: 'second' })
    expect(second).toEqual(first)
  })

  test('a token that does not exist is a 404', async () => {
    const m2mTokenId = `mt_${'0'.repeat(32)}`
    await expectRefusal(instance.revokeToken({ m2mTokenId }), 404, 'token_not_found')
  })

  test('deleting a machine ends its tokens', async () => {
    const doomed = await wire.machine('doomed', [api.id])
    const { token = '', id } = await doomed.client.m2m.createToken()
    await wire.client().machines.delete(doomed.id)

    await expectRefusal(api.client.m2m.verify({ token }), 404, 'token_not_found')
    await expectRefusal(instance.verify({ token }), 404, 'token_not_found')
    await expectRefusal(instance.revokeToken({ m2mTokenId: id }), 404, 'token_not_found')
    await expectRefusal(doomed.client.m2m.createToken(), 401, 'machine_secret_key_invalid')
    await expectRefusal(instance.list({ subject: doomed.id }), 404, 'resource_not_found')
  })
})

describe('who may ask', () => {
  test('a token is made by a machine, never with an instance key or a wrong one', async () => {
    await expectRefusal(instance.createToken(), 401, 'machine_secret_key_invalid')
    for (const machineSecretKey of ['ak_wrong', `${worker.secretKey}x`, 'sk_test_wrong']) {
      const { m2m } = wire.client({ machineSecretKey })
      await expectRefusal(m2m.createToken(), 401, 'machine_secret_key_invalid')
    }
  })

  test('a wrong key is a 401 wherever a token is verified, listed or revoked', async () => {
    const { token = '', id } = await worker.client.m2m.createToken()
    const { m2m } = wire.client({ machineSecretKey: 'ak_wrong' })
    await expectRefusal(m2m.verify({ token }), 401, 'unauthorized')
    await expectRefusal(m2m.list({ subject: worker.id }), 401, 'unauthorized')
    await expectRefusal(m2m.revokeToken({ m2mTokenId: id }), 401, 'unauthorized')
    await expectRefusal(wire.client({ secretKey: null }).m2m.verify({ token }), 401, 'unauthorized')
  })

  test('a key given with the call goes before that of the client', async () => {
    const made = await instance.createToken({ machineSecretKey: stranger.secretKey })
    expect(made.subject).toBe(stranger.id)
    const list = await worker.client.m2m.list({
      machineSecretKey: stranger.secretKey,
      subject: stranger.id,
    })
    expect(list.data[0]?.id).toBe(made.id)
  })
})
