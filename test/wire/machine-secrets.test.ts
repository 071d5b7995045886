import { expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { startWire, useWire } from '../support/wire.ts'

const wire = await useWire()
const { machines } = wire.client()

const works = async (machineSecretKey: string): Promise<boolean> => {
  const { m2m } = wire.client({ secretKey: null, machineSecretKey })
  try {
    await m2m.createToken()
    return true
  } catch (error) {
    expect(error).toMatchObject({
      status: 401,
      errors: [{ code: 'machine_secret_key_invalid' }],
    })
    return false
  }
}

const rotate = async (machineId: string, previousTokenTtl: number): Promise<string> =>
  (await machines.rotateSecretKey({ machineId, previousTokenTtl })).secret

test('a secret key can be read back', async () => {
  const { id, secretKey } = await wire.machine()
  expect((await machines.getSecretKey(id)).secret).toBe(secretKey)
  expect(JSON.parse(wire.last('GET', 'secret_key').body)).toEqual({
    object: 'machine_secret_key',
    secret: secretKey,
  })
})

test('a rotation without grace ends the old key at once', async () => {
  const { id, secretKey } = await wire.machine()
  const next = await rotate(id, 0)

  expect(next).not.toBe(secretKey)
  expect((await machines.getSecretKey(id)).secret).toBe(next)
  expect(await works(secretKey)).toBe(false)
  expect(await works(next)).toBe(true)
})

test('a rotation with grace keeps the old key alive to the millisecond', async () => {
  const { id, secretKey } = await wire.machine()
  const next = await rotate(id, 60)

  expect(await works(secretKey)).toBe(true)
  expect(await works(next)).toBe(true)
  wire.clock.advance(60_000 - 1)
  expect(await works(secretKey)).toBe(true)
  wire.clock.advance(1)
  expect(await works(secretKey)).toBe(false)
  expect(await works(next)).toBe(true)
})

test('two rotations inside one grace leave every key its own end', async () => {
  const { id, secretKey: first } = await wire.machine()
  const second = await rotate(id, 100)
  wire.clock.advance(40_000)
  const third = await rotate(id, 300)

  expect(await Promise.all([first, second, third].map(works))).toEqual([true, true, true])
  // The longer grace of the second rotation does not lengthen that of the first.
  wire.clock.advance(60_000)
  expect(await Promise.all([first, second, third].map(works))).toEqual([false, true, true])
  wire.clock.advance(240_000)
  expect(await Promise.all([first, second, third].map(works))).toEqual([false, false, true])
})

test('a rotation without grace ends every older key, also one inside its grace', async () => {
  const { id, secretKey: first } = await wire.machine()
  const second = await rotate(id, 28_800)
  const third = await rotate(id, 0)
  expect(await Promise.all([first, second, third].map(works))).toEqual([false, false, true])
})

test('rotations at once give each caller a key of its own, and the last one stays', async () => {
  const { id } = await wire.machine()
  const keys = await Promise.all(Array.from({ length: 8 }, () => rotate(id, 0)))
  expect(new Set(keys).size).toBe(8)
  const current = (await machines.getSecretKey(id)).secret
  expect(await Promise.all(keys.map(works))).toEqual(keys.map((key) => key === current))
})

test('tokens outlive the key that made them', async () => {
  const api = await wire.machine()
  const worker = await wire.machine('worker', [api.id])
  const { token = '' } = await worker.client.m2m.createToken()
  await rotate(worker.id, 0)
  expect((await api.client.m2m.verify({ token })).subject).toBe(worker.id)
})

test('a grace is a whole number of seconds up to eight hours', async () => {
  const { id } = await wire.machine()
  await rotate(id, 28_800)
  for (const ttl of [-1, 28_801, 0.5]) await expectRefusal(rotate(id, ttl), 400, 'bad_request')
  const missing = await wire.call('POST', `/v1/machines/${id}/secret_key/rotate`, { body: {} })
  expect(missing).toMatchObject({ status: 400, parameter: 'previous_token_ttl' })
})

test('a machine cannot read or rotate a key, not even its own', async () => {
  const { id, secretKey } = await wire.machine()
  const own = wire.client({ secretKey }).machines
  await expectRefusal(own.getSecretKey(id), 403, 'instance_key_required')
  await expectRefusal(
    own.rotateSecretKey({ machineId: id, previousTokenTtl: 0 }),
    403,
    'instance_key_required',
  )
  expect(await works(secretKey)).toBe(true)
})

test('where reading back is switched off, keys work and nothing gives them out again', async () => {
  await using wire = await startWire({ readBack: false })
  const { machines } = wire.client()
  const { id, secretKey, client } = await wire.machine()

  expect(secretKey).toMatch(/^ak_/)
  await expectRefusal(machines.getSecretKey(id), 403, 'read_back_disabled')
  const { secret } = await machines.rotateSecretKey({ machineId: id, previousTokenTtl: 60 })
  await expectRefusal(machines.getSecretKey(id), 403, 'read_back_disabled')
  await expect(client.m2m.createToken()).resolves.toBeTruthy()
  await expect(wire.client({ machineSecretKey: secret }).m2m.createToken()).resolves.toMatchObject({
    subject: id,
  })

  // Without a stored text there is nothing to reuse: a token is made instead.
  const first = await client.m2m.createToken({ minRemainingTtlSeconds: 10 })
  const second = await client.m2m.createToken({ minRemainingTtlSeconds: 10 })
  expect(second.id).not.toBe(first.id)
  expect(second.token).toMatch(/^mt_/)
})
