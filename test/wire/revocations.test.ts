import { afterAll, beforeAll, expect, test } from 'vitest'
import { createClient } from 'countersign'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock } from '../support/clock.ts'

/** Many tokens at once: what Clerk’s wire does not have. */

const clock = createTestClock()
let authority: TestAuthority

beforeAll(async () => {
  authority = await startTestAuthority({ clock })
})

afterAll(() => authority.close())

const clientFor = (machineSecretKey?: string) =>
  createClient({
    apiUrl: authority.url,
    secretKey: authority.secretKey,
    ...(machineSecretKey !== undefined && { machineSecretKey }),
  })

const aMachine = async (name: string, scopedMachines: string[] = []) => {
  const machine = await clientFor().machines.create({ name, scopedMachines })
  return { id: machine.id, secretKey: machine.secretKey ?? '' }
}

const mint = async (secretKey: string, tokenFormat: 'jwt' | 'opaque') => {
  const { m2m } = createClient({ apiUrl: authority.url, machineSecretKey: secretKey })
  const { id, token = '' } = await m2m.createToken({ tokenFormat })
  return { id, token }
}

const isLive = async (token: string): Promise<boolean> => {
  const answer = await call(authority, 'POST', '/m2m_tokens/verify', authority.secretKey, { token })
  return answer.status === 200
}

const fates = (...tokens: { token: string }[]) =>
  Promise.all(tokens.map(({ token }) => isLive(token)))

test('a dry run counts and ends nothing; the same without it ends as many', async () => {
  const worker = await aMachine('worker')
  const [jwt, opaque] = [
    await mint(worker.secretKey, 'jwt'),
    await mint(worker.secretKey, 'opaque'),
  ]
  const { m2m } = clientFor()
  const dry = await m2m.revokeTokens({ machineId: worker.id, dryRun: true })
  expect(dry).toEqual({ id: null, dryRun: true, count: 2 })
  expect(await fates(jwt, opaque)).toEqual([true, true])
  const done = await m2m.revokeTokens({ machineId: worker.id, revocationReason: 'stolen' })
  expect(done).toMatchObject({ dryRun: false, count: 2 })
  expect(done.id).toMatch(/^rev_/)
  expect(await fates(jwt, opaque)).toEqual([false, false])
  const { data } = await m2m.list({ subject: worker.id, tokenFormat: 'all', revoked: true })
  expect(data.map(({ revocationReason }) => revocationReason)).toEqual(['stolen', 'stolen'])
  expect((await m2m.revokeTokens({ machineId: worker.id })).count).toBe(0)
})

test('tokens of one version of a secret end, and those of the next live on', async () => {
  const worker = await aMachine('worker')
  const first = await mint(worker.secretKey, 'jwt')
  const { secret } = await clientFor().machines.rotateSecretKey({
    machineId: worker.id,
    previousTokenTtl: 60,
  })
  const second = await mint(secret, 'jwt')
  const { count } = await clientFor().m2m.revokeTokens({ machineId: worker.id, secretVersion: 1 })
  expect(count).toBe(1)
  expect(await fates(first, second)).toEqual([false, true])
})

test('tokens made before an instant end, and later ones live on', async () => {
  const worker = await aMachine('worker')
  const early = await mint(worker.secretKey, 'opaque')
  clock.advance(10_000)
  const late = await mint(worker.secretKey, 'opaque')
  const issuedBefore = clock.now()
  await clientFor().m2m.revokeTokens({ machineId: worker.id, issuedBefore })
  expect(await fates(early, late)).toEqual([false, true])
})

test('tokens that one key has signed end, and opaque ones live on', async () => {
  const worker = await aMachine('worker')
  const [jwt, opaque] = [
    await mint(worker.secretKey, 'jwt'),
    await mint(worker.secretKey, 'opaque'),
  ]
  const [header = ''] = jwt.token.split('.')
  const { kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid: string }
  await clientFor().m2m.revokeTokens({ kid })
  expect(await fates(jwt, opaque)).toEqual([false, true])
})

test('tokens for one receiver end, whoever made them, and others live on', async () => {
  const [api, db] = [await aMachine('api'), await aMachine('db')]
  const [a, b] = [await aMachine('a', [api.id, db.id]), await aMachine('b', [db.id])]
  const tokens = [await mint(a.secretKey, 'jwt'), await mint(b.secretKey, 'opaque')]
  expect((await clientFor().m2m.revokeTokens({ receiverId: api.id })).count).toBe(1)
  expect(await fates(...tokens)).toEqual([false, true])
})

test('all tokens of the instance end when that is said in so many words', async () => {
  const worker = await aMachine('worker')
  const token = await mint(worker.secretKey, 'opaque')
  const refused = clientFor().m2m.revokeTokens({})
  await expect(refused).rejects.toMatchObject({ code: 'request-refused', status: 400 })
  expect(await fates(token)).toEqual([true])
  await clientFor().m2m.revokeTokens({ entireInstance: true })
  expect(await fates(token)).toEqual([false])
})

test('a machine ends its own tokens and nobody else’s', async () => {
  const [mine, other] = [await aMachine('mine'), await aMachine('other')]
  const tokens = [await mint(mine.secretKey, 'jwt'), await mint(other.secretKey, 'jwt')]
  const { m2m } = clientFor(mine.secretKey)
  for (const predicate of [
    { machineId: other.id },
    { receiverId: mine.id },
    { issuedBefore: clock.now() + 1 },
    { entireInstance: true },
    { machineId: other.id, dryRun: true },
  ]) {
    await expect(m2m.revokeTokens(predicate)).rejects.toMatchObject({ status: 403 })
  }
  expect(await fates(...tokens)).toEqual([true, true])
  await m2m.revokeTokens({ machineId: mine.id })
  expect(await fates(...tokens)).toEqual([false, true])
})

test('a removed scope reaches live tokens when it is told to, and a deleted machine always does', async () => {
  const api = await aMachine('api')
  const worker = await aMachine('worker', [api.id])
  const { machines } = clientFor()
  const first = await mint(worker.secretKey, 'jwt')
  await machines.deleteScope(worker.id, api.id)
  expect(await fates(first)).toEqual([true])
  await machines.createScope(worker.id, api.id)
  const second = await mint(worker.secretKey, 'opaque')
  await machines.deleteScope(worker.id, api.id, { applyToLiveTokens: true })
  expect(await fates(first, second)).toEqual([false, false])
  const third = await mint(worker.secretKey, 'jwt')
  await machines.delete(worker.id)
  expect(await fates(third)).toEqual([false])
})
