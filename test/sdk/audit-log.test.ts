import { createClient, type Client } from 'countersign'
import { parseNetworks } from '../../packages/authority/src/network.ts'
import { createAuthority, openInstanceKeys, startServer } from '@countersign/authority'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  call,
  captureLog,
  startTestAuthority,
  TEST_ROOT_KEY,
  type TestAuthority,
} from '../support/authority.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'

let clock: TestClock
let authority: TestAuthority
let client: Client

beforeEach(async () => {
  clock = createTestClock()
  authority = await startTestAuthority({ clock })
  client = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
})

afterEach(() => authority.close())

describe('the audit log', () => {
  it('tells of every change and every credential: who, by which key, from where, why', async () => {
    const { machines, m2m, apiKeys } = client
    const api = await machines.create({ name: 'api' })
    const worker = await machines.create({ name: 'worker', scopedMachines: [api.id] })
    await machines.update({ machineId: api.id, name: 'renamed' })
    await machines.getSecretKey(api.id)
    await machines.rotateSecretKey({ machineId: api.id, previousTokenTtl: 60 })
    const machineSecretKey = worker.secretKey ?? ''
    const asWorker = createClient({ apiUrl: authority.url, machineSecretKey })
    const opaque = await asWorker.m2m.createToken()
    const jwt = await asWorker.m2m.createToken({ tokenFormat: 'jwt' })
    await m2m.revokeToken({ m2mTokenId: opaque.id, revocationReason: 'laptop lost' })
    await m2m.revokeTokens({ machineId: worker.id, revocationReason: 'incident 7' })
    await machines.deleteScope(worker.id, api.id)
    await machines.createScope(worker.id, api.id)
    const key = await apiKeys.create({ name: 'key', subject: `user_${'4'.repeat(27)}` })
    await apiKeys.update({ apiKeyId: key.id, subject: `user_${'4'.repeat(27)}`, scopes: ['a'] })
    await apiKeys.getSecret(key.id)
    await apiKeys.revoke({ apiKeyId: key.id, revocationReason: 'unused' })
    await apiKeys.delete(key.id)
    await machines.delete(worker.id)
    await call(authority, 'GET', '/machines', 'sk_test_nobody')

    const { data } = await client.auditLog.list({ limit: 500 })
    const told = data.map(({ action, target, reason, by }) => [
      action,
      target,
      reason,
      by?.instanceKeyId === null ? by.machineId : by?.kind,
    ])
    const byKey = (action: string, target: unknown, reason: string | null = null) => [
      action,
      target,
      reason,
      'instance',
    ]
    const anything: unknown = expect.anything()
    expect(told).toEqual([
      ['instance.created', authority.instanceId, null, null],
      byKey('machine.created', api.id),
      byKey('machine.created', worker.id),
      byKey('machine.updated', api.id),
      byKey('machine_secret.read', api.id),
      byKey('machine_secret.rotated', api.id),
      ['m2m_token.created', opaque.id, null, worker.id],
      ['m2m_token.created', jwt.id, null, worker.id],
      byKey('m2m_token.revoked', opaque.id, 'laptop lost'),
      byKey('m2m_tokens.revoked', anything, 'incident 7'),
      byKey('scope.removed', worker.id),
      byKey('scope.added', worker.id),
      byKey('api_key.created', key.id),
      byKey('api_key.updated', key.id),
      byKey('api_key.read', key.id),
      byKey('api_key.revoked', key.id, 'unused'),
      byKey('api_key.deleted', key.id),
      byKey('machine.deleted', worker.id),
      ['caller.refused', null, null, null],
    ])
    for (const { seq, from, by } of data.slice(1)) {
      expect(from, String(seq)).toBe('127.0.0.1')
      if (by?.kind === 'machine') expect(by.secretVersion).toBe(1)
      if (by?.kind === 'instance') expect(by.instanceKeyId).toMatch(/^isk_/)
    }
    const text = JSON.stringify(data)
    for (const secret of [authority.secretKey, machineSecretKey, opaque.token, jwt.token]) {
      expect(text).not.toContain(secret)
    }
    expect(text).not.toContain(key.secret)
  })

  it('tells of instance keys, which are made and ended at the database itself', async () => {
    const config = { issuer: authority.url, rootKeys: [TEST_ROOT_KEY] }
    const keys = await openInstanceKeys(config, { store: authority.store })
    const { id } = await keys.create()
    await keys.revoke(id)
    const { data } = await client.auditLog.list({ target: id })
    expect(data).toMatchObject([
      { action: 'instance_key.created', by: { kind: 'operator' }, from: null },
      { action: 'instance_key.revoked', by: { kind: 'operator' }, from: null },
    ])
  })

  it('is found by action, target, actor and time, in pages from either end', async () => {
    for (const name of ['a', 'b', 'c']) {
      clock.advance(1_000)
      await client.machines.create({ name })
    }
    const seqs = async (params: Parameters<Client['auditLog']['list']>[0]) => {
      const { data, next } = await client.auditLog.list(params)
      return { seqs: data.map(({ seq }) => seq), next }
    }
    const { data } = await client.auditLog.list()
    const [, , b] = data
    expect(await seqs({ limit: 2 })).toEqual({ seqs: [1, 2], next: 2 })
    expect(await seqs({ limit: 2, after: 2 })).toEqual({ seqs: [3, 4], next: 4 })
    expect(await seqs({ after: 4 })).toEqual({ seqs: [], next: null })
    expect(await seqs({ order: 'desc', limit: 2 })).toEqual({ seqs: [4, 3], next: 3 })
    expect(await seqs({ order: 'desc', before: 3 })).toEqual({ seqs: [2, 1], next: null })
    expect((await seqs({ action: 'instance.created' })).seqs).toEqual([1])
    expect((await seqs({ target: b?.target ?? '' })).seqs).toEqual([3])
    expect((await seqs({ actor: 'operator' })).seqs).toEqual([1])
    expect((await seqs({ actor: b?.by?.instanceKeyId ?? '' })).seqs).toEqual([2, 3, 4])
    expect((await seqs({ since: b?.at ?? 0 })).seqs).toEqual([3, 4])
    expect((await seqs({ until: b?.at ?? 0 })).seqs).toEqual([1, 2])
  })

  it('has checkpoints, and the key that they are signed with', async () => {
    await authority.tick()
    const { instanceId, keys, data, next } = await client.auditLog.checkpoints()
    expect(instanceId).toBe(authority.instanceId)
    expect(keys).toEqual([
      { version: 1, publicKey: expect.stringMatching(/^[\w-]{43}$/) as string },
    ])
    expect(data).toMatchObject([{ seq: 1, keyVersion: 1 }])
    expect(next).toBeNull()
  })

  it.each([
    ['limit=0', 'limit'],
    ['limit=501', 'limit'],
    ['limit=1e2', 'limit'],
    ['after=-1', 'after'],
    ['order=up', 'order'],
    ['before=3', 'before'],
    ['order=desc&after=3', 'after'],
    ['since=yesterday', 'since'],
    ['seq=1', 'seq'],
    ['action=a&action=b', 'action'],
  ])('is not answered to ?%s', async (query, parameter) => {
    const { status, body } = await call(
      authority,
      'GET',
      `/audit_log?${query}`,
      authority.secretKey,
    )
    expect(status).toBe(400)
    expect(JSON.stringify(body)).toContain(parameter)
  })

  it('is read by the instance key alone', async () => {
    const machine = await client.machines.create({ name: 'm' })
    for (const path of ['/audit_log', '/v1/audit_log', '/audit_log/checkpoints']) {
      expect((await call(authority, 'GET', path)).status).toBe(401)
      expect((await call(authority, 'GET', path, 'sk_test_x')).status).toBe(401)
      const refused = await call(authority, 'GET', path, machine.secretKey)
      expect(refused.status).toBe(403)
      expect(JSON.stringify(refused.body)).not.toContain('instance.created')
    }
  })

  it('gets its checkpoint key at the next start of a database that has none', async () => {
    const { store } = authority
    let records = (await store.dataKeys()).filter(({ purpose }) => purpose !== 'audit')
    const write: typeof store.write = (command, entry) => {
      if (command.type !== 'create-data-key') return store.write(command, entry)
      records = [...records, command.dataKey]
      return store.write({ type: 'record-event' }, entry)
    }
    const ports = { store: { ...store, dataKeys: () => Promise.resolve(records), write } }
    const config = { issuer: authority.url, rootKeys: [TEST_ROOT_KEY] }
    await createAuthority(config, ports)
    await createAuthority(config, ports)
    expect(records.filter(({ purpose }) => purpose === 'audit')).toHaveLength(1)
    const { data } = await client.auditLog.list({ action: 'audit_key.created' })
    expect(data).toMatchObject([{ by: { kind: 'authority' } }])
  })
})

describe('where a request came from', () => {
  const addressOf = async (proxies: string | null, forwardedFor: string): Promise<unknown> => {
    const trustedProxies = proxies === null ? undefined : parseNetworks(proxies)
    const server = await startServer({
      host: '127.0.0.1',
      port: 0,
      log: captureLog(),
      ...(trustedProxies && { trustedProxies }),
      open: (issuer) =>
        createAuthority({ issuer, rootKeys: [TEST_ROOT_KEY] }, { store: authority.store }),
    })
    await fetch(`${server.url}/machines`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${authority.secretKey}`,
        'content-type': 'application/json',
        'x-forwarded-for': forwardedFor,
      },
      body: JSON.stringify({ name: 'm' }),
    })
    await server.close()
    return (await client.auditLog.list({ order: 'desc', limit: 1 })).data[0]?.from
  }

  it('is the peer of the socket, whatever a header says', async () => {
    expect(await addressOf(null, '198.51.100.1')).toBe('127.0.0.1')
    expect(await addressOf('10.0.0.0/8', '198.51.100.1')).toBe('127.0.0.1')
  })

  it('is what a trusted proxy appended, not what the caller wrote before it', async () => {
    expect(await addressOf('loopback', '1.2.3.4, 198.51.100.1')).toBe('198.51.100.1')
    expect(await addressOf('loopback', 'garbage')).toBe('127.0.0.1')
  })
})
