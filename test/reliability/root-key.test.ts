import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Authority,
  createAuthority,
  createRootKey,
  initializeInstance,
  openRootKeyRotation,
  openSqliteStore,
  RootKeyError,
} from '@countersign/authority'
import { createClient } from 'countersign'
import { expect, test } from 'vitest'
import { createTestClock } from '../support/clock.ts'

const OLD = createRootKey(new Uint8Array(32).fill(1))
const NEW = createRootKey(new Uint8Array(32).fill(2))
const ISSUER = 'http://authority.test'

/** Two authorities on one database, and a third that knows the new root key alone. */
const startedWith = async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'countersign-')), 'authority.db')
  const clock = createTestClock()
  const open = async (migrate = false) => ({
    store: await openSqliteStore({ file, migrate }),
    clock,
  })
  const founding = await open(true)
  const founded = await initializeInstance({ rootKeys: [OLD], environment: 'test' }, founding)
  clock.advance(3_600_000)
  const config = { issuer: ISSUER, rootKeys: [NEW, OLD] }
  const [first, second] = [
    await createAuthority(config, await open()),
    await createAuthority(config, await open()),
  ]
  const rotation = await openRootKeyRotation(config, await open())
  return { clock, open, config, first, second, rotation, secretKey: founded?.secretKey ?? '' }
}

const clientOf = (authority: Authority, keys: object) =>
  createClient({
    apiUrl: ISSUER,
    ...keys,
    fetch: (url, init) => authority.fetch(new Request(url, init)),
  })

test('the root key is changed while two authorities serve: every secret and token lives on, and the new key alone opens all', async () => {
  const { clock, open, first, second, rotation, secretKey } = await startedWith()
  const owner = clientOf(first, { secretKey })
  const api = await owner.machines.create({ name: 'api' })
  const worker = await owner.machines.create({ name: 'worker', scopedMachines: [api.id] })
  const machineSecretKey = worker.secretKey ?? ''
  const early = await clientOf(first, { machineSecretKey }).m2m.createToken({
    secondsUntilExpiration: 86_400,
  })

  /** What may never fail, on either authority. */
  const work = async (): Promise<void> => {
    for (const [here, there] of [
      [first, second],
      [second, first],
    ] as const) {
      const made = await clientOf(here, { machineSecretKey }).m2m.createToken()
      for (const token of [early.token, made.token ?? '']) {
        const verifier = clientOf(there, { machineSecretKey: api.secretKey }).m2m
        expect((await verifier.verify({ token: token ?? '' })).subject).toBe(worker.id)
      }
      await clientOf(here, { machineSecretKey }).m2m.createToken({ tokenFormat: 'jwt' })
      const read = await clientOf(there, { secretKey }).machines.getSecretKey(worker.id)
      expect(read.secret).toBe(machineSecretKey)
    }
  }

  await work()
  expect(await rotation.begin({ kind: 'operator', address: null })).toBe(true)
  await work()
  expect(await rotation.settled()).toBe(false)
  for (let passed = 0; passed < 5; passed++) {
    clock.advance(1_000)
    await Promise.all([first.tick(), second.tick()])
    await work()
  }
  expect(await rotation.settled()).toBe(true)
  await work()
  const [{ count, unopened }] = await Promise.all([rotation.finish(), work()])
  expect(count).toBeGreaterThan(6)
  expect(unopened).toBe(0)
  await work()
  expect(await rotation.begin({ kind: 'operator', address: null })).toBe(false)
  expect((await rotation.finish()).count).toBe(0)

  clock.advance(600_000)
  await Promise.all([first.tick(), second.tick()])
  await work()
  const { store } = await open()
  const versions = (await store.dataKeys()).map(({ purpose, version }) => `${purpose} ${version}`)
  expect(versions).toEqual(['audit 1', 'mac 1', 'mac 2', 'seal 2', 'signing 1', 'signing 2'])

  const third = await createAuthority({ issuer: ISSUER, rootKeys: [NEW] }, await open())
  const read = await clientOf(third, { secretKey }).machines.getSecretKey(worker.id)
  expect(read.secret).toBe(machineSecretKey)
  await clientOf(third, { machineSecretKey }).m2m.createToken({ tokenFormat: 'jwt' })
  await expect(createAuthority({ issuer: ISSUER, rootKeys: [OLD] }, await open())).rejects.toThrow(
    RootKeyError,
  )
}, 30_000)

test('a rotation that was interrupted goes on where it was', async () => {
  const { clock, config, open, first, rotation, secretKey } = await startedWith()
  await clientOf(first, { secretKey }).machines.create({ name: 'one' })
  await rotation.begin({ kind: 'operator', address: null })
  const another = await openRootKeyRotation(config, await open())
  expect(await another.begin({ kind: 'operator', address: null })).toBe(false)
  expect(await another.settled()).toBe(false)
  clock.advance(5_000)
  expect(await another.settled()).toBe(true)
  expect((await another.finish()).count).toBeGreaterThan(0)
})

test('of two who rotate at once one does it', async () => {
  const { config, open, rotation } = await startedWith()
  const another = await openRootKeyRotation(config, await open())
  const by = { kind: 'operator', address: null } as const
  const outcomes = await Promise.allSettled([rotation.begin(by), another.begin(by)])
  const done = outcomes.filter((one) => one.status === 'fulfilled' && one.value)
  expect(done).toHaveLength(1)
  const { store } = await open()
  expect(await store.dataKeys()).toHaveLength(7)
})

test('a value that was altered does not stop the rotation, is told of, and keeps its key', async () => {
  const { clock, open, first, rotation, secretKey } = await startedWith()
  const { id } = await clientOf(first, { secretKey }).machines.create({ name: 'one' })
  const { store } = await open()
  const [value] = await store.sealedValues('machine_secrets', '', 1)
  if (value === undefined) throw new Error('nothing is sealed')
  const altered = value.sealed.map((byte, index) => (index === 30 ? byte ^ 1 : byte))
  const values = [{ ...value, resealed: altered }]
  await store.write({ type: 'reseal', table: 'machine_secrets', values })
  await rotation.begin({ kind: 'operator', address: null })
  clock.advance(5_000)
  await rotation.settled()
  expect((await rotation.finish()).unopened).toBe(1)
  clock.advance(600_000)
  await first.tick()
  const seals = (await store.dataKeys()).filter(({ purpose }) => purpose === 'seal')
  expect(seals.map(({ version }) => version)).toEqual([1, 2])
  const refused = clientOf(first, { secretKey }).machines.getSecretKey(id)
  await expect(refused).rejects.toMatchObject({ status: 403 })
})
