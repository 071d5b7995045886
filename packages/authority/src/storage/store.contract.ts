import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Outcome, Store } from '../domain/ports.ts'
import {
  anApiKey,
  aMachine,
  anInstance,
  anInstanceKey,
  aScope,
  aSecret,
  aSigningKey,
  aToken,
} from './fixtures.ts'

/** What every store promises, run against each of them. */
export function describeStore(name: string, open: () => Promise<Store>): void {
  describe(name, () => {
    let store: Store

    beforeEach(async () => {
      store = await open()
    })

    afterEach(async () => {
      await store.close()
    })

    const withMachines = async (...ids: string[]): Promise<void> => {
      for (const id of ids) {
        await store.write({
          type: 'create-machine',
          machine: aMachine({ id }),
          secret: aSecret({ machineId: id }),
          scopes: [],
        })
      }
    }

    const addScope = (fromMachineId: string, toMachineId: string, limit = 150): Promise<Outcome> =>
      store.write({
        type: 'create-scope',
        scope: aScope(fromMachineId, toMachineId),
        limit,
      })

    const receiverIds = async (id: string): Promise<string[] | undefined> =>
      (await store.receivers([id])).get(id)?.map((machine) => machine.id)

    const policyVersion = async (id: string): Promise<number | undefined> =>
      (await store.machine(id))?.policyVersion

    describe('the instance', () => {
      it('is founded once, with its keys, and comes back as it was written', async () => {
        expect(await store.instance()).toBeNull()
        const command = anInstance()
        expect(await store.write(command)).toBe('done')
        expect(await store.write({ ...command, instance: { ...command.instance, id: 'x' } })).toBe(
          'exists',
        )
        expect(await store.instance()).toEqual(command.instance)
        expect(await store.dataKeys()).toEqual(command.dataKeys)
        expect(await store.signingKeys()).toEqual(command.signingKeys)
        expect(await store.signingKeysVersion()).toBe(1)
        expect(await store.instanceKeys()).toEqual([command.instanceKey])
      })

      it('can have further keys, and the first revocation of one stands', async () => {
        const instanceKey = anInstanceKey({ id: 'isk_2' })
        await store.write({ type: 'create-instance-key', instanceKey })
        expect(await store.instanceKey('isk_2')).toEqual(instanceKey)
        expect(await store.write({ type: 'revoke-instance-key', id: 'isk_2', at: 5 })).toBe('done')
        expect(await store.write({ type: 'revoke-instance-key', id: 'isk_2', at: 9 })).toBe('done')
        expect((await store.instanceKey('isk_2'))?.revokedAt).toBe(5)
        expect(await store.write({ type: 'revoke-instance-key', id: 'isk_x', at: 5 })).toBe(
          'missing',
        )
      })
    })

    describe('signing keys', () => {
      const next = (version: number, ...kids: string[]) => ({
        version,
        keys: kids.map((kid) =>
          aSigningKey({ kid, activeFrom: null, retiresAt: 7, revokedAt: 8, revocationReason: 'r' }),
        ),
      })

      beforeEach(async () => {
        await store.write(anInstance())
      })

      it('are replaced all together, and come back as they were written', async () => {
        const set = next(2, 'key_2', 'key_3')
        expect(await store.write({ type: 'replace-signing-keys', set })).toBe('done')
        expect(await store.signingKeys()).toEqual(set)
        expect(await store.signingKeysVersion()).toBe(2)
      })

      it('change once for every version: who decided on an older one decides again', async () => {
        const first = next(2, 'key_2')
        const outcomes = await Promise.all(
          [first, next(2, 'key_3'), next(1, 'key_4'), next(4, 'key_5')].map((set) =>
            store.write({ type: 'replace-signing-keys', set }),
          ),
        )
        expect(outcomes).toEqual(['done', 'stale', 'stale', 'stale'])
        expect(await store.signingKeys()).toEqual(first)
      })

      it('are revoked by the same rule', async () => {
        const why = { kid: 'key_2', at: 8, reason: 'stolen' } as const
        const set = next(2, 'key_2')
        expect(await store.write({ type: 'revoke-signing-key', set, ...why })).toBe('done')
        expect(await store.write({ type: 'revoke-signing-key', set, ...why })).toBe('stale')
        expect(await store.signingKeys()).toEqual(set)
      })

      it('are none, of version 0, before there is an instance', async () => {
        const empty = await open()
        expect(await empty.signingKeys()).toEqual({ version: 0, keys: [] })
        expect(await empty.signingKeysVersion()).toBe(0)
        await empty.close()
      })
    })

    describe('machines', () => {
      it('come back as they were written, with the machines they may call', async () => {
        await withMachines('mch_b')
        const machine = aMachine({ id: 'mch_a', name: 'a', jwtAlgorithm: 'ES256' })
        const secret = aSecret({ machineId: 'mch_a', sealed: Uint8Array.of(1, 2) })
        const command = { type: 'create-machine', machine, secret } as const
        const scopes = [aScope('mch_a', 'mch_a'), aScope('mch_a', 'mch_b')]
        expect(await store.write({ ...command, scopes })).toBe('done')
        expect(await store.scopes('mch_a')).toEqual(scopes)
        expect(await store.scopes('mch_b')).toEqual([])
        expect(await store.machine('mch_a')).toEqual(machine)
        expect(await store.machineSecret('mch_a', 1)).toEqual(secret)
        expect(await receiverIds('mch_a')).toEqual(['mch_a', 'mch_b'])
        expect(await receiverIds('mch_b')).toEqual([])
      })

      it('are not created when a receiver does not exist, nor anything of them', async () => {
        const machine = aMachine({ id: 'mch_a' })
        const secret = aSecret({ machineId: 'mch_a' })
        const command = { type: 'create-machine', machine, secret } as const
        const scopes = [aScope('mch_a', 'mch_none')]
        expect(await store.write({ ...command, scopes })).toBe('missing')
        expect(await store.machine('mch_a')).toBeNull()
        expect(await store.currentMachineSecret('mch_a')).toBeNull()
      })

      it('change only in what is given', async () => {
        await withMachines('mch_a')
        const before = await store.machine('mch_a')
        await store.write({ type: 'update-machine', id: 'mch_a', at: 50, name: 'new' })
        expect(await store.machine('mch_a')).toEqual({ ...before, name: 'new', updatedAt: 50 })
        await store.write({ type: 'update-machine', id: 'mch_a', at: 60, jwtAlgorithm: 'EdDSA' })
        await store.write({
          type: 'update-machine',
          id: 'mch_a',
          at: 70,
          defaultTokenTtlSeconds: 5,
        })
        expect(await store.machine('mch_a')).toMatchObject({
          name: 'new',
          jwtAlgorithm: 'EdDSA',
          defaultTokenTtlSeconds: 5,
        })
        await store.write({ type: 'update-machine', id: 'mch_a', at: 80, jwtAlgorithm: null })
        expect((await store.machine('mch_a'))?.jwtAlgorithm).toBeNull()
        expect(await store.write({ type: 'update-machine', id: 'mch_x', at: 1, name: 'n' })).toBe(
          'missing',
        )
      })

      it('are listed by part of a name in any case, or by exact id', async () => {
        for (const [index, name] of ['Alpha', 'beta', 'ALPHABET'].entries()) {
          await store.write({
            type: 'create-machine',
            machine: aMachine({ id: `mch_${index}`, name, createdAt: index }),
            secret: aSecret({ machineId: `mch_${index}` }),
            scopes: [],
          })
        }
        const names = async (text: string, orderBy: 'name' | 'created_at', descending: boolean) => {
          const page = await store.machines({ text, orderBy, descending, limit: 10, offset: 0 })
          return page.rows.map((machine) => machine.name)
        }
        expect(await names('', 'created_at', true)).toEqual(['ALPHABET', 'beta', 'Alpha'])
        expect(await names('alpha', 'created_at', false)).toEqual(['Alpha', 'ALPHABET'])
        expect(await names('mch_1', 'created_at', false)).toEqual(['beta'])
        expect(await names('mch_', 'created_at', false)).toEqual([])
        expect(await names('%', 'created_at', false)).toEqual([])
        expect(await names('', 'name', false)).toEqual(['ALPHABET', 'Alpha', 'beta'])
      })

      it('are listed in pages that know the whole count', async () => {
        await withMachines('mch_a', 'mch_b', 'mch_c')
        const query = { text: '', orderBy: 'name', descending: false } as const
        const page = await store.machines({ ...query, limit: 2, offset: 2 })
        expect(page.rows).toHaveLength(1)
        expect(page.totalCount).toBe(3)
      })

      it('take their secrets, scopes and tokens with them', async () => {
        await withMachines('mch_a', 'mch_b')
        await addScope('mch_a', 'mch_b')
        await addScope('mch_b', 'mch_a')
        const token = aToken({ id: 'mt_1', machineId: 'mch_a' })
        await store.write({ type: 'create-m2m-token', token, policyVersion: 2 })
        expect(await store.m2mToken('mt_1')).not.toBeNull()
        const before = await policyVersion('mch_b')
        expect(await store.write({ type: 'delete-machine', id: 'mch_a' })).toBe('done')
        expect(await store.machineSecret('mch_a', 1)).toBeNull()
        expect(await receiverIds('mch_b')).toEqual([])
        expect(await policyVersion('mch_b')).not.toBe(before)
        expect(await store.m2mToken('mt_1')).toBeNull()
        expect(await store.write({ type: 'delete-machine', id: 'mch_a' })).toBe('missing')
      })
    })

    describe('scopes', () => {
      it('are one-way, exist once, and need both machines', async () => {
        await withMachines('mch_a', 'mch_b')
        expect(await addScope('mch_a', 'mch_b')).toBe('done')
        expect(await addScope('mch_a', 'mch_b')).toBe('exists')
        expect(await addScope('mch_a', 'mch_x')).toBe('missing')
        expect(await addScope('mch_x', 'mch_a')).toBe('missing')
        expect(await receiverIds('mch_a')).toEqual(['mch_b'])
        expect(await receiverIds('mch_b')).toEqual([])
      })

      it('stop at their limit', async () => {
        await withMachines('mch_a', 'mch_b', 'mch_c')
        expect(await addScope('mch_a', 'mch_b', 1)).toBe('done')
        expect(await addScope('mch_a', 'mch_c', 1)).toBe('full')
      })

      it('change the policy version whenever they change', async () => {
        await withMachines('mch_a', 'mch_b')
        const versions = [await policyVersion('mch_a')]
        await addScope('mch_a', 'mch_b')
        versions.push(await policyVersion('mch_a'))
        const remove = {
          type: 'delete-scope',
          fromMachineId: 'mch_a',
          toMachineId: 'mch_b',
        } as const
        expect(await store.write(remove)).toBe('done')
        versions.push(await policyVersion('mch_a'))
        expect(new Set(versions).size).toBe(3)
        expect(await store.write(remove)).toBe('missing')
      })
    })

    describe('machine secrets', () => {
      const rotate = (version: number, previousExpiresAt: number): Promise<Outcome> =>
        store.write({
          type: 'rotate-machine-secret',
          secret: aSecret({ machineId: 'mch_a', version }),
          previousExpiresAt,
        })

      it('rotate one version at a time', async () => {
        await withMachines('mch_a')
        expect(await rotate(3, 100)).toBe('stale')
        expect(await rotate(2, 100)).toBe('done')
        expect(await rotate(2, 100)).toBe('stale')
        expect((await store.currentMachineSecret('mch_a'))?.version).toBe(2)
        expect((await store.machineSecret('mch_a', 1))?.expiresAt).toBe(100)
        expect((await store.machineSecret('mch_a', 2))?.expiresAt).toBeNull()
      })

      it('never get a longer grace from a later rotation', async () => {
        await withMachines('mch_a')
        await rotate(2, 100)
        await rotate(3, 900)
        expect((await store.machineSecret('mch_a', 1))?.expiresAt).toBe(100)
        expect((await store.machineSecret('mch_a', 2))?.expiresAt).toBe(900)
        await rotate(4, 50)
        expect((await store.machineSecret('mch_a', 1))?.expiresAt).toBe(50)
      })

      it('of a machine that does not exist cannot rotate', async () => {
        expect(await rotate(2, 100)).toBe('missing')
      })
    })

    describe('opaque tokens', () => {
      it('come back as they were written', async () => {
        await withMachines('mch_a')
        const token = aToken({ machineId: 'mch_a', scopes: ['mch_b', 'mch_c'], claims: '{"a":1}' })
        const bare = aToken({ id: 'mt_2', machineId: 'mch_a', scopes: [], sealed: null })
        for (const one of [token, bare]) {
          await store.write({ type: 'create-m2m-token', token: one, policyVersion: 1 })
          expect(await store.m2mToken(one.id)).toEqual(one)
        }
      })

      it('are not created on scopes that have changed, nor for a machine that is gone', async () => {
        await withMachines('mch_a', 'mch_b')
        await addScope('mch_a', 'mch_b')
        const token = aToken({ machineId: 'mch_a' })
        const command = { type: 'create-m2m-token', token } as const
        expect(await store.write({ ...command, policyVersion: 1 })).toBe('stale')
        await store.write({ type: 'delete-machine', id: 'mch_a' })
        expect(await store.write({ ...command, policyVersion: 2 })).toBe('stale')
        expect(await store.m2mToken(token.id)).toBeNull()
      })

      it('are listed newest first, without the revoked and the expired unless asked for', async () => {
        await withMachines('mch_a', 'mch_b')
        const tokens = [
          aToken({ id: 'mt_1', machineId: 'mch_a', expiresAt: 1000 }),
          aToken({ id: 'mt_2', machineId: 'mch_a', expiresAt: 10 }),
          aToken({ id: 'mt_3', machineId: 'mch_a', expiresAt: 1000 }),
          aToken({ id: 'mt_4', machineId: 'mch_a', expiresAt: 1000 }),
          aToken({ id: 'mt_5', machineId: 'mch_b', expiresAt: 1000 }),
        ]
        for (const token of tokens) {
          await store.write({ type: 'create-m2m-token', token, policyVersion: 1 })
        }
        await store.write({ type: 'revoke-m2m-token', id: 'mt_3', at: 5, reason: null })
        const ids = async (includeRevoked: boolean, includeExpired: boolean) => {
          const page = await store.m2mTokens({
            machineId: 'mch_a',
            includeRevoked,
            includeExpired,
            now: 10,
            limit: 10,
            offset: 0,
          })
          expect(page.totalCount).toBe(page.rows.length)
          return page.rows.map((token) => token.id)
        }
        expect(await ids(false, false)).toEqual(['mt_4', 'mt_1'])
        expect(await ids(true, false)).toEqual(['mt_4', 'mt_3', 'mt_1'])
        expect(await ids(false, true)).toEqual(['mt_4', 'mt_2', 'mt_1'])
        expect(await ids(true, true)).toEqual(['mt_4', 'mt_3', 'mt_2', 'mt_1'])
      })

      it('are revoked at once, and the first revocation stands', async () => {
        await withMachines('mch_a')
        const token = aToken({ machineId: 'mch_a' })
        await store.write({ type: 'create-m2m-token', token, policyVersion: 1 })
        const revoke = { type: 'revoke-m2m-token', id: token.id } as const
        expect(await store.write({ ...revoke, at: 7, reason: 'first' })).toBe('done')
        expect(await store.write({ ...revoke, at: 8, reason: 'second' })).toBe('done')
        expect(await store.m2mToken(token.id)).toMatchObject({
          revokedAt: 7,
          updatedAt: 7,
          revocationReason: 'first',
        })
        expect(await store.write({ ...revoke, id: 'mt_x', at: 8, reason: null })).toBe('missing')
      })

      it('are found again by likeness: live, kept, and with enough time left', async () => {
        await withMachines('mch_a', 'mch_b')
        const like = { machineId: 'mch_a', likeness: 'L' }
        const tokens = [
          aToken({ ...like, id: 'mt_1', expiresAt: 100 }),
          aToken({ ...like, id: 'mt_2', expiresAt: 300 }),
          aToken({ ...like, id: 'mt_3', expiresAt: 500, sealed: null }),
          aToken({ ...like, id: 'mt_4', expiresAt: 400, machineId: 'mch_b' }),
          aToken({ ...like, id: 'mt_5', expiresAt: 400, likeness: 'M' }),
        ]
        for (const token of tokens) {
          await store.write({ type: 'create-m2m-token', token, policyVersion: 1 })
        }
        const found = async (endsAfter: number) =>
          (await store.reusableM2MToken('mch_a', 'L', endsAfter))?.id
        expect(await found(50)).toBe('mt_2')
        expect(await found(300)).toBe('mt_2')
        expect(await found(301)).toBeUndefined()
        await store.write({ type: 'revoke-m2m-token', id: 'mt_2', at: 1, reason: null })
        expect(await found(50)).toBe('mt_1')
      })

      it('are forgotten after their end, oldest first, a bounded number at a time', async () => {
        await withMachines('mch_a')
        for (const [id, expiresAt] of Object.entries({ mt_1: 30, mt_2: 10, mt_3: 90, mt_4: 20 })) {
          const token = aToken({ id, machineId: 'mch_a', expiresAt })
          await store.write({ type: 'create-m2m-token', token, policyVersion: 1 })
        }
        await store.write({ type: 'prune', before: 50, limit: 2 })
        expect(await store.m2mToken('mt_2')).toBeNull()
        expect(await store.m2mToken('mt_4')).toBeNull()
        expect(await store.m2mToken('mt_1')).not.toBeNull()
        expect(await store.m2mToken('mt_3')).not.toBeNull()
      })

      it('remember their last use', async () => {
        await withMachines('mch_a')
        const token = aToken({ machineId: 'mch_a' })
        await store.write({ type: 'create-m2m-token', token, policyVersion: 1 })
        const m2mTokens = new Map([
          [token.id, 77],
          ['mt_gone', 78],
        ])
        await store.write({ type: 'record-use', m2mTokens, apiKeys: new Map() })
        expect((await store.m2mToken(token.id))?.lastUsedAt).toBe(77)
        expect(await store.m2mToken('mt_gone')).toBeNull()
      })
    })

    describe('API keys', () => {
      it('come back as they were written, and can be deleted', async () => {
        const apiKey = anApiKey({ scopes: ['read', 'a b'], claims: '[1]', description: 'd' })
        await store.write({ type: 'create-api-key', apiKey })
        expect(await store.apiKey(apiKey.id)).toEqual(apiKey)
        expect(await store.write({ type: 'delete-api-key', id: apiKey.id })).toBe('done')
        expect(await store.apiKey(apiKey.id)).toBeNull()
        expect(await store.write({ type: 'delete-api-key', id: apiKey.id })).toBe('missing')
      })

      it('are replaced only while they are what was read', async () => {
        const before = anApiKey({ mac: Uint8Array.of(1) })
        await store.write({ type: 'create-api-key', apiKey: before })
        const after = { ...before, subject: 'user_2', mac: Uint8Array.of(2), updatedAt: 9 }
        expect(await store.write({ type: 'replace-api-key', before, after })).toBe('done')
        expect(await store.apiKey(before.id)).toEqual(after)
        expect(await store.write({ type: 'replace-api-key', before, after })).toBe('stale')
      })

      it('are listed by subject and type, newest first, the invalid only when asked for', async () => {
        const keys = [
          anApiKey({ id: 'ak_1', name: 'Deploy' }),
          anApiKey({ id: 'ak_2', expiresAt: 10 }),
          anApiKey({ id: 'ak_3', revokedAt: 3 }),
          anApiKey({ id: 'ak_4', expiresAt: 1000 }),
          anApiKey({ id: 'ak_5', subject: 'user_other' }),
          anApiKey({ id: 'ak_6', type: 'other' }),
        ]
        for (const apiKey of keys) await store.write({ type: 'create-api-key', apiKey })
        const ids = async (includeInvalid: boolean, text: string) => {
          const page = await store.apiKeys({
            subject: 'user_1',
            type: 'api_key',
            includeInvalid,
            text,
            now: 10,
            limit: 10,
            offset: 0,
          })
          return page.rows.map((key) => key.id)
        }
        expect(await ids(false, '')).toEqual(['ak_4', 'ak_1'])
        expect(await ids(true, '')).toEqual(['ak_4', 'ak_3', 'ak_2', 'ak_1'])
        expect(await ids(true, 'DEPL')).toEqual(['ak_1'])
        expect(await ids(true, 'ak_2')).toEqual(['ak_2'])
      })

      it('are revoked once, and remember their last use', async () => {
        const apiKey = anApiKey({})
        await store.write({ type: 'create-api-key', apiKey })
        const revoke = { type: 'revoke-api-key', id: apiKey.id } as const
        await store.write({ ...revoke, at: 4, reason: 'leaked' })
        await store.write({ ...revoke, at: 5, reason: null })
        const apiKeys = new Map([[apiKey.id, 6]])
        await store.write({ type: 'record-use', m2mTokens: new Map(), apiKeys })
        expect(await store.apiKey(apiKey.id)).toMatchObject({
          revokedAt: 4,
          revocationReason: 'leaked',
          lastUsedAt: 6,
        })
      })
    })

    it('says so when it is closed, and can be closed twice', async () => {
      await expect(store.ping()).resolves.toBeUndefined()
      await store.close()
      await store.close()
      const refused = { code: 'storage_unavailable' }
      await expect(store.ping()).rejects.toMatchObject(refused)
      await expect(store.write({ type: 'delete-machine', id: 'mch_a' })).rejects.toMatchObject(
        refused,
      )
    })

    it('answers commands that arrive together each for itself', async () => {
      await withMachines('mch_a', 'mch_b')
      const outcomes = await Promise.all([
        addScope('mch_a', 'mch_b'),
        addScope('mch_a', 'mch_b'),
        addScope('mch_a', 'mch_x'),
        store.write({ type: 'delete-machine', id: 'mch_b' }),
        addScope('mch_a', 'mch_b'),
      ])
      expect(outcomes).toEqual(['done', 'exists', 'missing', 'done', 'missing'])
    })
  })
}
