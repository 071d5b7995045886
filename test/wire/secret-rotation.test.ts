import { type Client, createClient } from 'countersign'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock } from '../support/clock.ts'

/** A secret key is replaced while its machine goes on: who uses which, and when the old one may end. */

const clock = createTestClock()
let authority: TestAuthority
let owner: Client

beforeAll(async () => {
  authority = await startTestAuthority({ clock })
  owner = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
})

afterAll(() => authority.close())

const use = (machineSecretKey: string) =>
  createClient({ apiUrl: authority.url, machineSecretKey }).m2m.createToken()

/** A machine with two live keys, neither of which was used. */
async function rotating() {
  const { id: machineId, secretKey: first = '' } = await owner.machines.create({ name: 'rotating' })
  const { secret: second } = await owner.machines.rotateSecretKey({
    machineId,
    previousTokenTtl: 28_800,
  })
  return { machineId, first, second }
}

const finish = (machineId: string, how: { quietSeconds?: number; force?: boolean } = {}) =>
  owner.machines.finishSecretKeyRotation({ machineId, ...how })

test('of each version: until when it works, how often it was used, when and from where', async () => {
  const { machineId, first } = await rotating()
  const madeAt = clock.now()
  clock.advance(1_000)
  for (let time = 0; time < 3; time++) await use(first)
  expect(await owner.machines.listSecretKeys(machineId)).toEqual([
    {
      machineId,
      version: 2,
      live: true,
      createdAt: madeAt,
      expiresAt: null,
      lastUsedAt: null,
      useCount: 0,
      callers: [],
    },
    {
      machineId,
      version: 1,
      live: true,
      createdAt: madeAt,
      expiresAt: madeAt + 28_800_000,
      lastUsedAt: clock.now(),
      useCount: 3,
      callers: [{ address: '127.0.0.1', lastUsedAt: clock.now() }],
    },
  ])
})

test('uses are written by the beat, not by the caller, and none is lost when it ends', async () => {
  const { machineId, first } = await rotating()
  await use(first)
  const count = async () => (await authority.store.machineSecret(machineId, 1))?.useCount
  expect(await count()).toBe(0)
  clock.advance(10_000)
  await authority.tick()
  expect(await count()).toBe(1)
})

test('the old key stays while it is in use, and the refusal says by whom', async () => {
  const { machineId, first, second } = await rotating()
  await use(second)
  await use(first)
  clock.advance(20_000)
  const refusal = await finish(machineId).catch((error: unknown) => error)
  expect(refusal).toMatchObject({
    code: 'request-refused',
    status: 409,
    errors: [
      {
        code: 'secret_in_use',
        longMessage: 'Version 1 was used 20 s ago, 1 time in all, last from 127.0.0.1.',
      },
    ],
  })
  await use(first)
})

test('the old key stays while nobody has used the new one, however long ago the old one was', async () => {
  const { machineId, first, second } = await rotating()
  await use(first)
  clock.advance(3_600_000)
  await expect(finish(machineId)).rejects.toMatchObject({
    errors: [{ longMessage: expect.stringContaining('Version 2 was never used.') }],
  })
  await use(second)
  expect(await finish(machineId)).toEqual([1])
})

test('the old key ends at once when it was quiet for as long as was asked', async () => {
  const { machineId, first, second } = await rotating()
  await use(first)
  await use(second)
  clock.advance(60_000)
  await expect(finish(machineId, { quietSeconds: 61 })).rejects.toMatchObject({ status: 409 })
  expect(await finish(machineId, { quietSeconds: 60 })).toEqual([1])
  await expect(use(first)).rejects.toMatchObject({ status: 401 })
  await use(second)
  expect(await finish(machineId)).toEqual([])
})

test('a key that nobody ever used ends without a question', async () => {
  const { machineId, first } = await rotating()
  expect(await finish(machineId)).toEqual([1])
  await expect(use(first)).rejects.toMatchObject({ status: 401 })
})

test('force ends it in use, and the audit log knows', async () => {
  const { machineId, first, second } = await rotating()
  await use(first)
  expect(await finish(machineId, { force: true })).toEqual([1])
  await expect(use(first)).rejects.toMatchObject({ status: 401 })
  await use(second)
  const log = await authority.store.auditLog(0, 10_000)
  const entry = log.map((one) => JSON.parse(one.entry) as { action: string; target: string })
  expect(entry.filter(({ target }) => target === machineId).at(-1)).toMatchObject({
    action: 'machine_secret.ended',
    details: { versions: [1], inUse: 1 },
  })
})

test('a key that does not work any more is not in use', async () => {
  const { machineId, first } = await rotating()
  await use(first)
  await owner.machines.rotateSecretKey({ machineId, previousTokenTtl: 0 })
  expect(await finish(machineId)).toEqual([])
  const versions = await owner.machines.listSecretKeys(machineId)
  expect(versions.map(({ version, live }) => [version, live])).toEqual([
    [3, true],
    [2, false],
    [1, false],
  ])
})

test('who fails to get in has used nothing', async () => {
  const { machineId, first } = await rotating()
  const forged = `${first.slice(0, -1)}${first.endsWith('a') ? 'b' : 'a'}`
  await expect(use(forged)).rejects.toMatchObject({ status: 401 })
  const [, version] = await owner.machines.listSecretKeys(machineId)
  expect(version).toMatchObject({ useCount: 0, callers: [] })
})

test.each([
  ['GET', ''],
  ['POST', '/finish'],
])(
  '%s …/secrets%s is for the instance key alone, and for machines that exist',
  async (method, path) => {
    const { machineId, second } = await rotating()
    const at = `/machines/${machineId}/secrets${path}`
    const body = method === 'POST' ? {} : undefined
    expect((await call(authority, method, at, second, body)).status).toBe(403)
    expect((await call(authority, method, at, undefined, body)).status).toBe(401)
    for (const id of ['mch_0', machineId.replace(/.$/, (last) => (last === 'a' ? 'b' : 'a'))]) {
      const nowhere = `/machines/${id}/secrets${path}`
      expect((await call(authority, method, nowhere, authority.secretKey, body)).status).toBe(404)
    }
  },
)

test.each([{ quiet_seconds: -1 }, { quiet_seconds: 2_592_001 }, { force: 'yes' }, { unknown: 1 }])(
  'what cannot be asked is refused: %j',
  async (body) => {
    const { machineId } = await rotating()
    const at = `/machines/${machineId}/secrets/finish`
    expect((await call(authority, 'POST', at, authority.secretKey, body)).status).toBe(400)
  },
)

test('a machine whose newest key was ended says so, and gets another', async () => {
  const { id: machineId } = await owner.machines.create({ name: 'ended' })
  await authority.store.write({ type: 'end-machine-secrets', machineId, versions: [1] })
  clock.advance(90_000_000)
  await authority.tick()
  await expect(owner.machines.getSecretKey(machineId)).rejects.toMatchObject({
    status: 409,
    errors: [{ code: 'machine_secret_ended' }],
  })
  const { secret } = await owner.machines.rotateSecretKey({ machineId, previousTokenTtl: 0 })
  await use(secret)
  expect((await owner.machines.listSecretKeys(machineId))[0]?.version).toBe(2)
})
