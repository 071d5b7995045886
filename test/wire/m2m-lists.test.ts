import { describe, expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { useWire } from '../support/wire.ts'

const wire = await useWire()
const api = await wire.machine('api')
const instance = wire.client().m2m

describe('reuse', () => {
  test('hands out the same token while it has enough life left', async () => {
    const { m2m } = (await wire.machine('pool', [api.id])).client
    const first = await m2m.createToken({ secondsUntilExpiration: 100 })
    wire.clock.advance(30_000)

    const reuse = (minRemainingTtlSeconds: number) =>
      m2m.createToken({ secondsUntilExpiration: 100, minRemainingTtlSeconds })
    const again = await reuse(70)
    expect(again).toEqual(first)
    expect((await api.client.m2m.verify({ token: again.token ?? '' })).id).toBe(first.id)

    wire.clock.advance(1)
    const next = await reuse(70)
    expect(next.id).not.toBe(first.id)
    expect((await reuse(70)).id).toBe(next.id)
  })

  test('never hands out a token with other claims or other scopes', async () => {
    const pool = await wire.machine('pool', [api.id])
    const reuse = (claims?: Record<string, unknown>) =>
      pool.client.m2m.createToken({ minRemainingTtlSeconds: 10, ...(claims && { claims }) })
    const plain = await reuse()
    const claimed = await reuse({ a: 1, b: 2 })

    expect(claimed.id).not.toBe(plain.id)
    expect((await reuse({ b: 2, a: 1 })).id).toBe(claimed.id)
    expect((await reuse({ a: 1 })).id).not.toBe(claimed.id)
    expect((await reuse()).id).toBe(plain.id)

    await wire.client().machines.deleteScope(pool.id, api.id)
    const narrower = await reuse()
    expect(narrower.id).not.toBe(plain.id)
    expect(narrower.scopes).toEqual([])
  })

  test('never hands out a revoked token, nor that of another machine', async () => {
    const [one, other] = [await wire.machine('one'), await wire.machine('other')]
    const reuse = (machine: typeof one) =>
      machine.client.m2m.createToken({ minRemainingTtlSeconds: 10 })
    const first = await reuse(one)
    expect((await reuse(other)).subject).toBe(other.id)
    await one.client.m2m.revokeToken({ m2mTokenId: first.id })
    expect((await reuse(one)).id).not.toBe(first.id)
  })

  test('never widens: a token narrowed to some receivers is reused for the same ones only', async () => {
    const other = await wire.machine('other')
    const pool = await wire.machine('pool', [api.id, other.id])
    const reuse = async (scopes?: readonly string[]): Promise<unknown> => {
      const body = { min_remaining_ttl_seconds: 0, scopes }
      return (await wire.call('POST', '/m2m_tokens', { key: pool.secretKey, body })).json['id']
    }
    const narrow = await reuse([api.id])
    const wide = await reuse()
    expect(wide).not.toBe(narrow)
    expect(await reuse([other.id, api.id])).toBe(wide)
    expect(await reuse([api.id])).toBe(narrow)
    expect(await reuse([other.id])).not.toBe(narrow)
  })

  test('must be possible: at or above the lifetime it is a 400', async () => {
    const pool = await wire.machine('pool', [], { defaultTokenTtl: 100 })
    const create = (minRemainingTtlSeconds: number, secondsUntilExpiration?: number) =>
      pool.client.m2m.createToken({
        minRemainingTtlSeconds,
        ...(secondsUntilExpiration !== undefined && { secondsUntilExpiration }),
      })
    await expectRefusal(create(100), 400, 'lifetime_invalid')
    await expectRefusal(create(50, 50), 400, 'lifetime_invalid')
    await expectRefusal(create(-1), 400, 'bad_request')
    await expectRefusal(create(1.5), 400, 'bad_request')
    expect(await create(99)).toMatchObject({ subject: pool.id })
    expect(await create(100, 101)).toMatchObject({ subject: pool.id })
  })

  test('is not for JWTs: each is new, and the bound means nothing', async () => {
    const { m2m } = (await wire.machine('pool')).client
    const create = () =>
      m2m.createToken({
        tokenFormat: 'jwt',
        secondsUntilExpiration: 60,
        minRemainingTtlSeconds: 600,
      })
    expect((await create()).id).not.toBe((await create()).id)
  })
})

describe('a list', () => {
  test('begins with the newest and is cut into pages', async () => {
    const { id, client } = await wire.machine('busy')
    const ids: string[] = []
    for (let count = 0; count < 12; count++) {
      ids.unshift((await client.m2m.createToken()).id)
      wire.clock.advance(1)
    }
    const page = async (limit?: number, offset?: number): Promise<string[]> => {
      const list = await instance.list({
        subject: id,
        ...(limit !== undefined && { limit }),
        ...(offset !== undefined && { offset }),
      })
      expect(list.totalCount).toBe(12)
      return list.data.map((token) => token.id)
    }
    expect(await page()).toEqual(ids.slice(0, 10))
    expect(await page(5, 0)).toEqual(ids.slice(0, 5))
    expect(await page(5, 5)).toEqual(ids.slice(5, 10))
    expect(await page(5, 10)).toEqual(ids.slice(10))
    expect(await page(100, 12)).toEqual([])
  })

  test('misses and repeats nothing among tokens of the same millisecond', async () => {
    const { id, client } = await wire.machine('burst')
    const made = await Promise.all(Array.from({ length: 9 }, () => client.m2m.createToken()))
    const pages = await Promise.all(
      [0, 3, 6].map((offset) => instance.list({ subject: id, limit: 3, offset })),
    )
    const listed = pages.flatMap((page) => page.data.map((token) => token.id))
    expect(listed.toSorted()).toEqual(made.map((token) => token.id).toSorted())
  })

  test('shows no token’s text and leaves the revoked and the expired out until asked', async () => {
    const { id, client } = await wire.machine('mixed')
    const live = await client.m2m.createToken()
    const revoked = await client.m2m.createToken()
    const expired = await client.m2m.createToken({ secondsUntilExpiration: 1 })
    const both = await client.m2m.createToken({ secondsUntilExpiration: 1 })
    await instance.revokeToken({ m2mTokenId: revoked.id })
    await instance.revokeToken({ m2mTokenId: both.id })
    wire.clock.advance(1000)

    const listed = async (filter: { revoked?: boolean; expired?: boolean }) => {
      const { data, totalCount } = await instance.list({ subject: id, ...filter })
      expect(totalCount).toBe(data.length)
      expect(data.map((token) => token.token)).toEqual(data.map(() => undefined))
      return data.map((token) => token.id).toSorted()
    }
    expect(await listed({})).toEqual([live.id])
    expect(await listed({ revoked: false, expired: false })).toEqual([live.id])
    expect(await listed({ revoked: true })).toEqual([live.id, revoked.id].toSorted())
    expect(await listed({ expired: true })).toEqual([live.id, expired.id].toSorted())
    const all = await listed({ revoked: true, expired: true })
    expect(all).toEqual([live, revoked, expired, both].map((token) => token.id).toSorted())

    const { data } = await instance.list({ subject: id, revoked: true, expired: true })
    expect(data.find((token) => token.id === both.id)).toMatchObject({
      revoked: true,
      expired: true,
    })
  })

  test('shows a machine its own tokens and a 403 for all others', async () => {
    const own = await wire.machine('own')
    const { id } = await own.client.m2m.createToken()
    expect((await own.client.m2m.list({ subject: own.id })).data[0]?.id).toBe(id)
    await expectRefusal(own.client.m2m.list({ subject: api.id }), 403, 'forbidden_subject')
    const unknown = `mch_${'2'.repeat(27)}`
    await expectRefusal(own.client.m2m.list({ subject: unknown }), 403, 'forbidden_subject')
    await expectRefusal(instance.list({ subject: unknown }), 404, 'resource_not_found')
  })

  test('needs a subject, and refuses what is no page', async () => {
    const list = (query: string) => wire.call('GET', `/m2m_tokens?${query}`)
    expect(await list('')).toMatchObject({ status: 400, parameter: 'subject' })
    expect(await list('subject=mch_1')).toMatchObject({ status: 400, parameter: 'subject' })
    for (const query of ['limit=0', 'limit=101', 'offset=-1', 'revoked=yes', 'expired=1']) {
      expect(await list(`subject=${api.id}&${query}`)).toMatchObject({
        status: 400,
        parameter: query.split('=')[0],
      })
    }
    expect((await list(`subject=${api.id}&limit=100`)).status).toBe(200)
    expect((await list(`subject=${api.id}&subject=${api.id}`)).status).toBe(400)
  })
})
