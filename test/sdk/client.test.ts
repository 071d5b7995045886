import { type Client, createClient, type Machine } from 'countersign'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** The SDK through every call, against the real authority on SQLite, behind a socket. */

let authority: TestAuthority
let admin: Client
let now: number

beforeAll(async () => {
  now = Date.now()
  authority = await startTestAuthority({ clock: { now: () => now } })
  const clock = (): number => now
  admin = createClient({ apiUrl: authority.url, secretKey: authority.secretKey, clock })
})

afterAll(async () => {
  await authority.close()
})

/** The client of one machine, which has its key and no other. */
function as(machine: Machine): Client {
  const { secretKey = '' } = machine
  return createClient({ apiUrl: authority.url, machineSecretKey: secretKey, clock: () => now })
}

const code = (expected: string): unknown => expect.objectContaining({ code: expected })

describe('machines', () => {
  it('are created, found, changed and deleted', async () => {
    const api = await admin.machines.create({ name: 'api' })
    const worker = await admin.machines.create({
      name: 'worker-of-api',
      scopedMachines: [api.id],
      defaultTokenTtl: 60,
      jwtAlgorithm: 'ES256',
    })
    expect(worker).toMatchObject({ defaultTokenTtl: 60, jwtAlgorithm: 'ES256' })
    expect(worker.scopedMachines.map(({ id }) => id)).toEqual([api.id])
    const listed = await admin.machines.list({ query: 'worker-of', orderBy: '+name', limit: 5 })
    expect(listed).toMatchObject({ totalCount: 1, data: [{ id: worker.id }] })
    const updated = await admin.machines.update({ machineId: worker.id, name: 'w2' })
    expect(updated.name).toBe('w2')
    expect(await admin.machines.get(worker.id)).toEqual(updated)
    expect(updated.secretKey).toBeUndefined()
    expect(await admin.machines.delete(worker.id)).toMatchObject({ id: worker.id, deleted: true })
    await expect(admin.machines.get(worker.id)).rejects.toThrow(code('request-refused'))
  })

  it('have scopes that are added once and removed', async () => {
    const [a, b] = [
      await admin.machines.create({ name: 'a' }),
      await admin.machines.create({ name: 'b' }),
    ]
    expect(await admin.machines.createScope(a.id, b.id)).toMatchObject({ toMachineId: b.id })
    await expect(admin.machines.createScope(a.id, b.id)).rejects.toMatchObject({
      status: 409,
      errors: [{ code: 'scope_exists' }],
    })
    expect(await admin.machines.deleteScope(a.id, b.id)).toMatchObject({ deleted: true })
    await expect(admin.machines.deleteScope(a.id, b.id)).rejects.toMatchObject({ status: 404 })
  })

  it('keep an old secret for the grace that was given, and not a moment longer', async () => {
    const machine = await admin.machines.create({ name: 'rolled' })
    const old = as(machine)
    const rotation = { machineId: machine.id, previousTokenTtl: 60 }
    const { secret } = await admin.machines.rotateSecretKey(rotation)
    expect(await admin.machines.getSecretKey(machine.id)).toEqual({ secret })
    await old.m2m.createToken()
    now += 60_000
    await expect(old.m2m.createToken()).rejects.toMatchObject({ status: 401 })
    await as({ ...machine, secretKey: secret }).m2m.createToken()
  })
})

describe.each(['opaque', 'jwt'] as const)('a token of format %s', (tokenFormat) => {
  let api: Machine
  let other: Machine
  let worker: Machine

  beforeAll(async () => {
    api = await admin.machines.create({ name: 'api' })
    other = await admin.machines.create({ name: 'other' })
    worker = await admin.machines.create({ name: 'worker', scopedMachines: [api.id, other.id] })
  })

  it('is accepted by the machines it is meant for and says who calls, with the claims untouched', async () => {
    const claims = { fooBar: 1, nested: { camelCase: [true, null] } }
    const { token = '' } = await as(worker).m2m.createToken({ tokenFormat, claims })
    for (const client of [as(api), as(other), admin]) {
      const verified = await client.m2m.verify({ token })
      expect(verified.subject).toBe(worker.id)
      expect(verified.scopes.toSorted()).toEqual([api.id, other.id].sort())
      expect(verified.claims).toMatchObject(claims)
    }
  })

  it('is refused by every machine it is not meant for, its own creator included', async () => {
    const { token = '' } = await as(worker).m2m.createToken({ tokenFormat, scopes: [api.id] })
    await as(api).m2m.verify({ token })
    const expected = tokenFormat === 'jwt' ? 'token-audience-mismatch' : 'token-invalid'
    await expect(as(other).m2m.verify({ token })).rejects.toThrow(code(expected))
    await expect(as(worker).m2m.verify({ token })).rejects.toThrow(code(expected))
  })

  it('of a stranger is refused', async () => {
    const stranger = await admin.machines.create({ name: 'stranger' })
    const { token = '' } = await as(stranger).m2m.createToken({ tokenFormat })
    await expect(as(api).m2m.verify({ token })).rejects.toThrow(
      /token-invalid|token-audience-mismatch/,
    )
  })

  it('of another authority is refused', async () => {
    await using elsewhere = await startTestAuthority()
    const theirs = createClient({ apiUrl: elsewhere.url, secretKey: elsewhere.secretKey })
    const machine = await theirs.machines.create({ name: 'worker' })
    const client = createClient({
      apiUrl: elsewhere.url,
      machineSecretKey: machine.secretKey ?? '',
    })
    const { token = '' } = await client.m2m.createToken({ tokenFormat })
    const expected = tokenFormat === 'jwt' ? 'token-key-unknown' : 'token-invalid'
    await expect(admin.m2m.verify({ token })).rejects.toThrow(code(expected))
  })

  it('is refused when it has expired', async () => {
    const params = { tokenFormat, secondsUntilExpiration: 30 }
    const { token = '' } = await as(worker).m2m.createToken(params)
    now += 29_000
    await as(api).m2m.verify({ token })
    now += 6_001
    const expected = tokenFormat === 'jwt' ? 'token-expired' : 'token-invalid'
    await expect(as(api).m2m.verify({ token })).rejects.toThrow(code(expected))
  })
})

describe('opaque tokens', () => {
  it('are listed, reused and revoked', async () => {
    const machine = await admin.machines.create({ name: 'worker' })
    const { m2m } = as(machine)
    const first = await m2m.createToken({ claims: { a: 1, b: 2 } })
    const again = await m2m.createToken({ claims: { b: 2, a: 1 }, minRemainingTtlSeconds: 60 })
    expect(again.id).toBe(first.id)
    const second = await m2m.createToken({ claims: { a: 2 }, minRemainingTtlSeconds: 60 })
    const list = await m2m.list({ subject: machine.id })
    expect(list.data.map(({ id }) => id)).toEqual([second.id, first.id])
    const revoked = await m2m.revokeToken({ m2mTokenId: first.id, revocationReason: 'why not' })
    expect(revoked).toMatchObject({ revoked: true, revocationReason: 'why not' })
    expect((await m2m.list({ subject: machine.id })).totalCount).toBe(1)
    expect((await m2m.list({ subject: machine.id, revoked: true })).totalCount).toBe(2)
    await expect(admin.m2m.verify({ token: first.token ?? '' })).rejects.toThrow(
      code('token-invalid'),
    )
  })
})

describe('API keys', () => {
  it('are created, verified, changed, revoked and deleted', async () => {
    const { apiKeys } = admin
    const subject = `user_${'a'.repeat(27)}`
    const key = await apiKeys.create({ name: 'deploy', subject, scopes: ['read'] })
    const secret = key.secret ?? ''
    expect((await apiKeys.verify(secret)).id).toBe(key.id)
    expect(await apiKeys.getSecret(key.id)).toEqual({ secret })
    const scopes = ['read', 'write']
    expect((await apiKeys.update({ apiKeyId: key.id, scopes })).scopes).toEqual(scopes)
    expect((await apiKeys.get(key.id)).scopes).toEqual(scopes)
    expect((await apiKeys.list({ subject })).totalCount).toBe(1)
    expect((await apiKeys.revoke({ apiKeyId: key.id })).revoked).toBe(true)
    await expect(apiKeys.verify(secret)).rejects.toThrow(code('token-invalid'))
    expect((await apiKeys.list({ subject })).totalCount).toBe(0)
    expect((await apiKeys.list({ subject, includeInvalid: true })).totalCount).toBe(1)
    expect(await apiKeys.delete(key.id)).toMatchObject({ deleted: true })
  })
})

it('the key set is the one that everybody may read', async () => {
  const open = await fetch(`${authority.url}/.well-known/jwks.json`)
  expect(await admin.jwks.getJwks()).toEqual(await open.json())
})
