import { expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { useWire } from '../support/wire.ts'

const wire = await useWire()
const { machines } = wire.client()

test('a scope lets one machine call another, one way', async () => {
  const api = await wire.machine('api')
  const worker = await wire.machine('worker')

  const scope = await machines.createScope(worker.id, api.id)
  expect(scope).toMatchObject({
    fromMachineId: worker.id,
    toMachineId: api.id,
    createdAt: wire.clock.now(),
  })
  expect((await machines.get(worker.id)).scopedMachines.map(({ id }) => id)).toEqual([api.id])
  expect((await machines.get(api.id)).scopedMachines).toEqual([])

  const there = await worker.client.m2m.createToken()
  const back = await api.client.m2m.createToken()
  expect(await api.client.m2m.verify({ token: there.token ?? '' })).toMatchObject({ id: there.id })
  await expectRefusal(worker.client.m2m.verify({ token: back.token ?? '' }), 404)
})

test('the same scope twice is a 409, and changes nothing', async () => {
  const api = await wire.machine()
  const worker = await wire.machine('worker', [api.id])
  await expectRefusal(machines.createScope(worker.id, api.id), 409, 'scope_exists')
  expect((await machines.get(worker.id)).scopedMachines).toHaveLength(1)
})

test('of many requests at once for one scope exactly one makes it', async () => {
  const [api, worker] = [await wire.machine(), await wire.machine()]
  const outcomes = await Promise.allSettled(
    Array.from({ length: 12 }, () => machines.createScope(worker.id, api.id)),
  )
  const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
  expect(refused).toHaveLength(11)
  for (const { reason } of refused) expect(reason).toMatchObject({ status: 409 })
})

test('a removed scope is gone, and removing it again is a 404', async () => {
  const api = await wire.machine()
  const worker = await wire.machine('worker', [api.id])

  const removed = await machines.deleteScope(worker.id, api.id)
  expect(removed).toMatchObject({ object: 'machine_scope', deleted: true })
  expect(JSON.parse(wire.last('DELETE', api.id).body)).toEqual({
    object: 'machine_scope',
    from_machine_id: worker.id,
    to_machine_id: api.id,
    deleted: true,
  })
  expect((await machines.get(worker.id)).scopedMachines).toEqual([])
  await expectRefusal(machines.deleteScope(worker.id, api.id), 404, 'resource_not_found')
})

test('a scope needs two machines that exist', async () => {
  const { id } = await wire.machine()
  const unknown = `mch_${'1'.repeat(27)}`
  await expectRefusal(machines.createScope(id, unknown), 404, 'resource_not_found')
  await expectRefusal(machines.createScope(unknown, id), 404, 'resource_not_found')
  await expectRefusal(machines.createScope(id, 'mch_short'), 400, 'bad_request')
  await expectRefusal(machines.deleteScope(id, unknown), 404, 'resource_not_found')
})

test('a changed scope reaches new tokens and leaves old ones as they are', async () => {
  const api = await wire.machine()
  const worker = await wire.machine('worker', [api.id])
  const old = await worker.client.m2m.createToken()

  await machines.deleteScope(worker.id, api.id)
  const without = await worker.client.m2m.createToken()
  expect(without.scopes).toEqual([])
  await expectRefusal(api.client.m2m.verify({ token: without.token ?? '' }), 404)
  expect((await api.client.m2m.verify({ token: old.token ?? '' })).scopes).toEqual([api.id])

  await machines.createScope(worker.id, api.id)
  await expectRefusal(api.client.m2m.verify({ token: without.token ?? '' }), 404)
  expect((await worker.client.m2m.createToken()).scopes).toEqual([api.id])
})

test('a deleted machine takes its scopes with it, in both directions', async () => {
  const api = await wire.machine()
  const worker = await wire.machine('worker', [api.id])
  const caller = await wire.machine('caller', [worker.id])

  await machines.delete(worker.id)
  expect((await machines.get(caller.id)).scopedMachines).toEqual([])
  await expectRefusal(machines.deleteScope(caller.id, worker.id), 404)
  expect((await caller.client.m2m.createToken()).scopes).toEqual([])
})

test('a machine has at most 150 scopes', async () => {
  const ids = await Promise.all(
    Array.from({ length: 151 }, async () => (await machines.create({ name: 'one of many' })).id),
  )
  await expectRefusal(machines.create({ name: 'greedy', scopedMachines: ids }), 400, 'bad_request')

  const full = await machines.create({ name: 'full', scopedMachines: ids.slice(0, 150) })
  expect(full.scopedMachines).toHaveLength(150)
  await expectRefusal(machines.createScope(full.id, ids[150] ?? ''), 422, 'scopes_full')
})

test('a machine named twice at creation is one scope', async () => {
  const { id } = await wire.machine()
  const twice = await machines.create({ name: 'twice', scopedMachines: [id, id] })
  expect(twice.scopedMachines).toHaveLength(1)
})

test('only an instance key changes scopes', async () => {
  const api = await wire.machine()
  const worker = await wire.machine()
  const own = wire.client({ secretKey: worker.secretKey }).machines
  await expectRefusal(own.createScope(worker.id, api.id), 403, 'instance_key_required')
  await expectRefusal(own.deleteScope(worker.id, api.id), 403, 'instance_key_required')
  expect((await machines.get(worker.id)).scopedMachines).toEqual([])
})
