import { beforeAll, describe, expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { startWire, useWire } from '../support/wire.ts'

const UNKNOWN = `mch_${'0'.repeat(27)}`

const wire = await useWire()
const { machines } = wire.client()

test('a new machine is told with its secret, and never again with it', async () => {
  const created = await machines.create({ name: 'svc-a' })

  expect(created.id).toMatch(/^mch_\w{27}$/)
  expect(created.secretKey).toMatch(/^ak_[0-9A-Za-z]+$/)
  expect(created).toMatchObject({
    name: 'svc-a',
    instanceId: wire.authority.instanceId,
    createdAt: wire.clock.now(),
    updatedAt: wire.clock.now(),
    defaultTokenTtl: 3600,
    scopedMachines: [],
  })
  expect((await machines.get(created.id)).secretKey).toBeUndefined()
  expect(wire.last('GET', created.id).body).not.toContain(created.secretKey)
})

test('a machine is created with scopes and a lifetime of its tokens', async () => {
  const api = await machines.create({ name: 'api' })
  const worker = await machines.create({
    name: 'worker',
    scopedMachines: [api.id],
    defaultTokenTtl: 600,
  })

  expect(worker.defaultTokenTtl).toBe(600)
  expect(worker.scopedMachines.map(({ id, name }) => [id, name])).toEqual([[api.id, 'api']])
  expect(await machines.get(worker.id)).toMatchObject({
    defaultTokenTtl: 600,
    scopedMachines: [{ id: api.id }],
  })
})

test('a machine cannot be created with a scope on a machine that does not exist', async () => {
  const work = machines.create({ name: 'lost', scopedMachines: [UNKNOWN] })
  await expectRefusal(work, 422, 'machine_unknown')
  expect((await machines.list({ query: 'lost' })).totalCount).toBe(0)
})

test('an update changes what it names and nothing else', async () => {
  const before = await machines.create({ name: 'before', defaultTokenTtl: 60 })
  wire.clock.advance(1000)

  const renamed = await machines.update({ machineId: before.id, name: 'after' })
  expect(renamed).toMatchObject({ name: 'after', defaultTokenTtl: 60 })
  expect(renamed.updatedAt).toBe(before.updatedAt + 1000)
  expect(renamed.createdAt).toBe(before.createdAt)

  const slower = await machines.update({ machineId: before.id, defaultTokenTtl: 120 })
  expect(slower).toMatchObject({ name: 'after', defaultTokenTtl: 120 })
})

test('a deleted machine is gone, and deleting it again is a 404', async () => {
  const { id } = await machines.create({ name: 'short-lived' })
  expect(await machines.delete(id)).toMatchObject({ object: 'machine', id, deleted: true })
  await expectRefusal(machines.get(id), 404, 'resource_not_found')
  await expectRefusal(machines.delete(id), 404, 'resource_not_found')
})

test('nothing can be done to a machine that does not exist', async () => {
  await expectRefusal(machines.get(UNKNOWN), 404)
  await expectRefusal(machines.update({ machineId: UNKNOWN, name: 'x' }), 404)
  await expectRefusal(machines.getSecretKey(UNKNOWN), 404)
  await expectRefusal(machines.rotateSecretKey({ machineId: UNKNOWN, previousTokenTtl: 0 }), 404)
})

test('names and lifetimes are bounded', async () => {
  await expectRefusal(machines.create({ name: '' }), 400, 'bad_request')
  await expectRefusal(machines.create({ name: 'n'.repeat(256) }), 400, 'bad_request')
  for (const defaultTokenTtl of [0, -1, 1.5, 315_360_001]) {
    await expectRefusal(machines.create({ name: 'n', defaultTokenTtl }), 400, 'bad_request')
  }
  expect(
    await machines.create({ name: 'n'.repeat(255), defaultTokenTtl: 315_360_000 }),
  ).toBeTruthy()
})

test('only an instance key administers machines', async () => {
  const { id, secretKey } = await wire.machine('curious')
  const intruder = wire.client({ secretKey }).machines
  await expectRefusal(intruder.list(), 403, 'instance_key_required')
  await expectRefusal(intruder.get(id), 403, 'instance_key_required')
  await expectRefusal(intruder.create({ name: 'x' }), 403, 'instance_key_required')
  await expectRefusal(intruder.delete(id), 403, 'instance_key_required')

  const stranger = wire.client({ secretKey: 'sk_test_wrong' }).machines
  await expectRefusal(stranger.list(), 401, 'unauthorized')
  await expectRefusal(stranger.getSecretKey(id), 401, 'unauthorized')
})

describe('a list of machines', async () => {
  const wire = await startWire()
  const { machines } = wire.client()
  const names = ['bravo', 'Alpha-svc', 'delta', 'charlie-SVC', 'echo']

  beforeAll(async () => {
    for (const name of names) {
      await machines.create({ name })
      wire.clock.advance(1000)
    }
    return () => wire[Symbol.asyncDispose]()
  })

  const listed = async (query: Parameters<typeof machines.list>[0]): Promise<string[]> =>
    (await machines.list(query)).data.map((machine) => machine.name)

  test('begins with the newest', async () => {
    expect(await listed({})).toEqual(names.toReversed())
  })

  test('is ordered by name or by age, upwards unless a minus says otherwise', async () => {
    expect(await listed({ orderBy: '-created_at' })).toEqual(names.toReversed())
    expect(await listed({ orderBy: '+created_at' })).toEqual(names)
    expect(await listed({ orderBy: 'created_at' })).toEqual(names)
    const byName = await listed({ orderBy: '+name' })
    expect(byName.toSorted()).toEqual(names.toSorted())
    expect(await listed({ orderBy: '-name' })).toEqual(byName.toReversed())
    expect(await listed({ orderBy: 'name' })).toEqual(byName)
  })

  test('is cut into pages that miss nothing and repeat nothing, each with the count of all', async () => {
    const pages = await Promise.all(
      [0, 2, 4].map((offset) => machines.list({ limit: 2, offset, orderBy: '+created_at' })),
    )
    expect(pages.flatMap((page) => page.data.map((machine) => machine.name))).toEqual(names)
    expect(pages.map((page) => page.totalCount)).toEqual([5, 5, 5])
    expect(await machines.list({ offset: 99 })).toEqual({ data: [], totalCount: 5 })
  })

  test('is searched by part of a name in any case, or by a whole id', async () => {
    expect(await listed({ query: 'svc', orderBy: '+name' })).toHaveLength(2)
    expect(await listed({ query: 'ALPHA' })).toEqual(['Alpha-svc'])
    const [echo] = (await machines.list({ query: 'echo' })).data
    expect(await listed({ query: echo?.id ?? '' })).toEqual(['echo'])
    expect(await listed({ query: '' })).toHaveLength(5)
    expect(await listed({ query: '%' })).toEqual([])
  })

  test('has limits', async () => {
    expect((await wire.call('GET', '/v1/machines?limit=500')).status).toBe(200)
    for (const query of ['limit=0', 'limit=501', 'limit=x', 'offset=-1', 'order_by=secret']) {
      expect((await wire.call('GET', `/v1/machines?${query}`)).code).toBe('bad_request')
    }
  })
})
