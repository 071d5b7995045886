import { type ChildProcess } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ClerkClient, createClerkClient } from '@clerk/backend'
import { createClient } from 'countersign'
import { createVerifier } from 'countersign/verify'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { firstLine, kill, spawnSource } from '../support/spawn.ts'
import { PUBLISHABLE_KEY } from '../support/wire.ts'

/** `countersign emulate` in a process of its own, as Clerk's own client meets it. */

const API_ID = 'mch_2vYVtestapiAAAAAAAAAAAAAAAA'
const WORKER_ID = 'mch_2vYVtestworkerAAAAAAAAAAAAA'
const SEED = {
  secretKey: 'sk_test_emulator',
  machines: [
    { name: 'api', id: API_ID, secretKey: 'ak_api' },
    { name: 'worker', id: WORKER_ID, secretKey: 'ak_worker', scopedMachines: ['api'] },
  ],
  tokens: [
    { machine: 'worker', token: 'mt_fixed', claims: { region: 'eu' } },
    { machine: 'worker', token: 'mt_expired', state: 'expired' },
    { machine: 'worker', token: 'mt_revoked', state: 'revoked' },
  ],
  apiKeys: [{ name: 'deploy', subject: WORKER_ID, secret: 'ak_deploy', scopes: ['write'] }],
}

let folder: string
let child: ChildProcess
let url: string
let admin: ClerkClient
let worker: ClerkClient
let api: ClerkClient

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-emulator-'))
  const seed = join(folder, 'seed.json')
  await writeFile(seed, JSON.stringify(SEED))
  const main = 'packages/authority/src/cli/main.ts'
  child = spawnSource(main, 'emulate', '--port', '0', '--seed', seed, '--json')
  url = (JSON.parse(await firstLine(child)) as { url: string }).url
  const client = (keys: object): ClerkClient =>
    createClerkClient({
      apiUrl: url,
      publishableKey: PUBLISHABLE_KEY,
      telemetry: { disabled: true },
      ...keys,
    })
  admin = client({ secretKey: SEED.secretKey })
  worker = client({ machineSecretKey: 'ak_worker' })
  api = client({ machineSecretKey: 'ak_api' })
})

afterAll(async () => {
  await kill(child)
  await rm(folder, { recursive: true })
})

beforeEach(() => control('POST', '/reset'))

async function control(method: string, path: string, body?: object): Promise<void> {
  const response = await fetch(`${url}/__emulate${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  expect(response.status).toBe(200)
}

describe('Clerk’s client', () => {
  test('creates, verifies, lists and revokes opaque tokens, with secrets that are written down', async () => {
    const { token = '', id, subject } = await worker.m2m.createToken({ claims: { job: 1 } })
    expect(subject).toBe(WORKER_ID)
    expect(await api.m2m.verify({ token })).toMatchObject({ id, claims: { job: 1 } })
    const { data } = await worker.m2m.list({ subject: WORKER_ID })
    expect(data.map((one) => one.id)).toContain(id)
    await worker.m2m.revokeToken({ m2mTokenId: id })
    await expectRefusal(api.m2m.verify({ token }), 404, 'token_not_found')
  })

  test('creates and verifies JWTs', async () => {
    const { token = '', id } = await worker.m2m.createToken({ tokenFormat: 'jwt' })
    expect(token.split('.')).toHaveLength(3)
    expect(await admin.m2m.verify({ token })).toMatchObject({ id, subject: WORKER_ID })
  })

  test('verifies the tokens and API keys of the seed', async () => {
    expect(await api.m2m.verify({ token: 'mt_fixed' })).toMatchObject({ claims: { region: 'eu' } })
    for (const token of ['mt_expired', 'mt_revoked']) {
      await expectRefusal(api.m2m.verify({ token }), 404, 'token_not_found')
    }
    expect(await admin.apiKeys.verify('ak_deploy')).toMatchObject({ scopes: ['write'] })
    await admin.apiKeys.revoke({ apiKeyId: (await admin.apiKeys.verify('ak_deploy')).id })
    await expect(admin.apiKeys.verify('ak_deploy')).rejects.toMatchObject({ status: 404 })
  })

  test('administers machines, until the seed is put back', async () => {
    const { id } = await admin.machines.create({ name: 'new', scopedMachines: [API_ID] })
    expect((await admin.machines.list()).totalCount).toBe(3)
    expect((await admin.machines.getSecretKey(API_ID)).secret).toBe('ak_api')
    await admin.machines.delete(WORKER_ID)
    await expect(worker.m2m.createToken()).rejects.toMatchObject({ status: 401 })
    await control('POST', '/reset')
    expect((await admin.machines.list()).totalCount).toBe(2)
    await expect(admin.machines.get(id)).rejects.toMatchObject({ status: 404 })
    expect((await worker.m2m.createToken()).subject).toBe(WORKER_ID)
  })

  test('meets what goes wrong', async () => {
    await control('POST', '/failures', { kind: 'error', status: 503, times: 1 })
    await expect(worker.m2m.createToken()).rejects.toMatchObject({ status: 503 })
    expect((await worker.m2m.createToken()).subject).toBe(WORKER_ID)
    await control('POST', '/failures', { kind: 'down' })
    await expect(worker.m2m.createToken()).rejects.toThrow()
    await control('DELETE', '/failures')
    expect((await worker.m2m.createToken()).subject).toBe(WORKER_ID)
  })

  test('sees a token expire when the clock is put on', async () => {
    const { token = '' } = await worker.m2m.createToken({ secondsUntilExpiration: 60 })
    await control('POST', '/clock', { advanceMs: 60_000 })
    await expectRefusal(api.m2m.verify({ token }), 404, 'token_not_found')
  })
})

describe('our client', () => {
  test('works with the same secrets, once it is told whom its JWTs are meant for', async () => {
    const receiver = createClient({ apiUrl: url, machineSecretKey: 'ak_api', audience: API_ID }).m2m
    const sender = createClient({ apiUrl: url, machineSecretKey: 'ak_worker' }).m2m
    for (const tokenFormat of ['opaque', 'jwt'] as const) {
      const { token = '' } = await sender.createToken({ tokenFormat })
      expect((await receiver.verify({ token })).subject).toBe(WORKER_ID)
    }
    expect((await receiver.verify({ token: 'mt_fixed' })).subject).toBe(WORKER_ID)
  })

  test('learns of a revocation from the lists, unless they are stale', async () => {
    const clock = { now: Date.now() }
    const { verify } = createVerifier({ issuer: url, audience: API_ID, clock: () => clock.now })
    const { token = '', id } = await worker.m2m.createToken({ tokenFormat: 'jwt' })
    await verify(token)
    await control('POST', '/failures', { kind: 'staleLists' })
    await worker.m2m.revokeToken({ m2mTokenId: id })
    clock.now += 15_000
    await verify(token)
    await control('DELETE', '/failures')
    clock.now += 15_000
    await expect(verify(token)).rejects.toMatchObject({ code: 'token-revoked' })
  })
})
