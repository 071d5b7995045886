import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FIRST_HASH, nextHash } from '../domain/audit-chain.ts'
import type { AuditEntry, Outcome, Store } from '../domain/ports.ts'
import type {
  DataKeyRecord,
  AuditCheckpointRecord,
  JwtRecord,
  StatusListRecord,
  TokenPredicate,
} from '../domain/records.ts'
import {
  aJwt,
  anApiKey,
  aMachine,
  aRevocation,
  anInstance,
  anInstanceKey,
  aScope,
  aSecret,
  aSigningKey,
  aToken,
  aWebhook,
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

      it('can get a data key of another purpose, once', async () => {
        await store.write(anInstance())
        const [first] = await store.dataKeys()
        if (first === undefined) throw new Error('There is no data key.')
        const command = {
          type: 'create-data-key',
          dataKey: { ...first, purpose: 'audit' },
        } as const
        expect(await store.write(command)).toBe('done')
        expect(await store.write(command)).toBe('exists')
        expect((await store.dataKeys()).map(({ purpose }) => purpose).sort()).toEqual([
          'audit',
          'mac',
        ])
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
        await withMachines('mch_a')
        const token = aJwt({ id: 'mt_1', machineId: 'mch_a', kid: 'key_1' })
        await store.write({ type: 'create-m2m-token', token, policyVersion: 1 })
        const revocation = aRevocation({ kid: 'key_1' })
        const set = next(2, 'key_2')
        const command = { type: 'revoke-signing-key', set, revocation } as const
        expect(await store.write({ ...command, set: next(1, 'key_2') })).toBe('stale')
        expect((await store.m2mToken('mt_1'))?.revokedAt).toBeNull()
        expect(await store.write(command)).toBe('done')
        expect(await store.write(command)).toBe('stale')
        expect(await store.signingKeys()).toEqual(set)
        expect((await store.m2mToken('mt_1'))?.revokedAt).toBe(2)
      })

      it('keep a handle that was sealed anew meanwhile, and lose one that is wiped', async () => {
        const set = next(2, 'key_2')
        await store.write({ type: 'replace-signing-keys', set })
        const [value] = await store.sealedValues('signing_keys', '', 1)
        const values = value === undefined ? [] : [{ ...value, resealed: Uint8Array.of(7, 7) }]
        await store.write({ type: 'reseal', table: 'signing_keys', values })
        await store.write({ type: 'replace-signing-keys', set: { ...set, version: 3 } })
        const handles = async () => (await store.signingKeys()).keys.map(({ handle }) => handle)
        expect(await handles()).toContainEqual(Uint8Array.of(7, 7))
        const wiped = set.keys.map((key) => ({ ...key, handle: new Uint8Array(0) }))
        await store.write({ type: 'replace-signing-keys', set: { version: 4, keys: wiped } })
        expect(await handles()).toEqual(wiped.map(() => new Uint8Array(0)))
        expect(await store.sealedValues('signing_keys', '', 9)).toEqual([])
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
        expect(
          await store.write({
            type: 'delete-machine',
            id: 'mch_a',
            revocation: aRevocation({ machineId: 'mch_a' }),
          }),
        ).toBe('done')
        expect(await store.machineSecret('mch_a', 1)).toBeNull()
        expect(await receiverIds('mch_b')).toEqual([])
        expect(await policyVersion('mch_b')).not.toBe(before)
        expect(await store.m2mToken('mt_1')).toBeNull()
        expect(
          await store.write({
            type: 'delete-machine',
            id: 'mch_a',
            revocation: aRevocation({ machineId: 'mch_a' }),
          }),
        ).toBe('missing')
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
          revocation: null,
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

      it('are listed, the newest first, those of one machine', async () => {
        await withMachines('mch_a', 'mch_b')
        await rotate(2, 900)
        const versions = await store.machineSecrets('mch_a')
        expect(versions.map(({ machineId, version }) => [machineId, version])).toEqual([
          ['mch_a', 2],
          ['mch_a', 1],
        ])
        expect(await store.machineSecrets('mch_c')).toEqual([])
      })

      it('remember their uses, added up, and nothing of one that is gone', async () => {
        await withMachines('mch_a')
        const record = (count: number, lastUsedAt: number, address: string): Promise<Outcome> =>
          store.write({
            type: 'record-secret-uses',
            uses: ['mch_a', 'mch_gone'].map((machineId) => ({
              machineId,
              version: 1,
              count,
              lastUsedAt,
              callers: [{ address, lastUsedAt }],
            })),
          })
        await record(2, 50, 'x')
        await record(3, 40, 'y')
        expect(await store.machineSecret('mch_a', 1)).toMatchObject({
          lastUsedAt: 50,
          useCount: 5,
          callers: [
            { address: 'x', lastUsedAt: 50 },
            { address: 'y', lastUsedAt: 40 },
          ],
        })
        expect(await store.machineSecret('mch_gone', 1)).toBeNull()
      })

      it('are pruned when they have ended, save the newest: its version is never used again', async () => {
        await withMachines('mch_a')
        await rotate(2, 10)
        await store.write({ type: 'end-machine-secrets', machineId: 'mch_a', versions: [2] })
        await store.write({ type: 'prune', before: 100, limit: 10 })
        expect((await store.machineSecrets('mch_a')).map(({ version }) => version)).toEqual([2])
        expect(await rotate(2, 900)).toBe('stale')
        expect(await rotate(3, 900)).toBe('done')
      })

      it('end at once, those that are named and no other', async () => {
        await withMachines('mch_a', 'mch_b')
        await rotate(2, 900)
        const end = (versions: readonly number[]): Promise<Outcome> =>
          store.write({ type: 'end-machine-secrets', machineId: 'mch_a', versions })
        expect(await end([3])).toBe('missing')
        expect(await end([1, 3])).toBe('done')
        expect((await store.machineSecret('mch_a', 1))?.expiresAt).toBe(0)
        expect((await store.machineSecret('mch_a', 2))?.expiresAt).toBeNull()
        expect((await store.machineSecret('mch_b', 1))?.expiresAt).toBeNull()
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
        await store.write({
          type: 'delete-machine',
          id: 'mch_a',
          revocation: aRevocation({ machineId: 'mch_a' }),
        })
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
            format: 'all',
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

    describe('JWTs', () => {
      beforeEach(async () => {
        const keys = ['key_1', 'key_2'].map((kid) => aSigningKey({ kid }))
        await store.write({ ...anInstance(), signingKeys: { version: 1, keys } })
      })

      const listed = (id: string, version = 1): StatusListRecord => ({
        id,
        algorithm: 'ES256',
        size: 64,
        openedAt: 1,
        endsAt: 5_000,
        version,
      })

      const withJwts = async (...tokens: Partial<JwtRecord>[]): Promise<void> => {
        await withMachines('mch_a', 'mch_b')
        for (const id of ['list_1', 'list_2']) {
          await store.write({ type: 'open-status-list', list: listed(id) })
        }
        for (const some of tokens) {
          const token = aJwt({ machineId: 'mch_a', ...some })
          const policyVersion = (await store.machine(token.machineId))?.policyVersion ?? 0
          await store.write({ type: 'create-m2m-token', token, policyVersion })
        }
      }

      it('come back as they were written, and are listed beside opaque tokens when asked for', async () => {
        await withJwts({ id: 'mt_1' })
        const opaque = aToken({ id: 'mt_2', machineId: 'mch_a' })
        await store.write({ type: 'create-m2m-token', token: opaque, policyVersion: 1 })
        expect(await store.m2mToken('mt_1')).toEqual(aJwt({ id: 'mt_1', machineId: 'mch_a' }))
        const ids = async (format: 'opaque' | 'jwt' | 'all'): Promise<string[]> => {
          const query = { machineId: 'mch_a', includeRevoked: false, includeExpired: false, now: 5 }
          const page = await store.m2mTokens({ ...query, format, limit: 10, offset: 0 })
          return page.rows.map((token) => token.id)
        }
        expect(await ids('jwt')).toEqual(['mt_1'])
        expect(await ids('opaque')).toEqual(['mt_2'])
        expect(await ids('all')).toEqual(['mt_2', 'mt_1'])
      })

      it('are in their status list once they are revoked, which has another version then', async () => {
        await withJwts(
          { id: 'mt_1', statusIndex: 7 },
          { id: 'mt_2', statusIndex: 3 },
          { id: 'mt_3', statusIndex: 7, statusListId: 'list_2' },
        )
        expect(await store.revokedIndexes('list_1')).toEqual([])
        await store.write({ type: 'revoke-m2m-token', id: 'mt_1', at: 5, reason: null })
        expect(await store.revokedIndexes('list_1')).toEqual([7])
        expect(await store.revokedIndexes('list_2')).toEqual([])
        expect((await store.statusList('list_1'))?.version).toBe(2)
        expect(await store.statusList('list_2')).toEqual(listed('list_2'))
        expect(await store.statusList('list_3')).toBeNull()
        expect((await store.statusLists()).map(({ id }) => id).toSorted()).toEqual([
          'list_1',
          'list_2',
        ])
      })

      it('of a machine that changed meanwhile are decided on anew, also when nothing is kept of them', async () => {
        await withMachines('mch_a')
        const command = { type: 'check-policy', machineId: 'mch_a', kid: 'key_1' } as const
        expect(await store.write({ ...command, policyVersion: 1 })).toBe('done')
        const revocation = aRevocation({ machineId: 'mch_a' })
        await store.write({ type: 'revoke-m2m-tokens', revocation })
        expect(await store.write({ ...command, policyVersion: 1 })).toBe('stale')
        expect(await store.write({ ...command, machineId: 'mch_x', policyVersion: 1 })).toBe(
          'stale',
        )
      })

      it('of a key that another process has revoked, or that is not known, are decided on anew', async () => {
        await withJwts({ id: 'mt_1' })
        const keys = [aSigningKey({ kid: 'key_1', revokedAt: 5 }), aSigningKey({ kid: 'key_2' })]
        await store.write({ type: 'replace-signing-keys', set: { version: 2, keys } })
        const outcomes = ['key_1', 'key_2', 'key_3'].map(async (kid) => {
          const token = aJwt({ id: `mt_${kid}`, machineId: 'mch_a', kid })
          const kept = await store.write({ type: 'create-m2m-token', token, policyVersion: 1 })
          const fence = { type: 'check-policy', machineId: 'mch_a', policyVersion: 1 } as const
          return [kept, await store.write({ ...fence, kid })]
        })
        expect(await Promise.all(outcomes)).toEqual([
          ['stale', 'stale'],
          ['done', 'done'],
          ['stale', 'stale'],
        ])
      })

      describe('a revocation of many', () => {
        const TOKENS: readonly Partial<JwtRecord>[] = [
          { id: 'mt_1', kid: 'key_1', secretVersion: 1, createdAt: 10, statusIndex: 1 },
          { id: 'mt_2', kid: 'key_2', secretVersion: 2, createdAt: 20, statusIndex: 2 },
          {
            id: 'mt_3',
            machineId: 'mch_b',
            kid: 'key_2',
            createdAt: 30,
            scopes: [],
            statusIndex: 3,
          },
          {
            id: 'mt_4',
            machineId: 'mch_b',
            scopes: ['mch_22', 'mch_9'],
            createdAt: 5,
            expiresAt: 50,
          },
        ]
        const cases: readonly (readonly [TokenPredicate, readonly string[]])[] = [
          [{}, ['mt_1', 'mt_2', 'mt_3']],
          [{ machineId: 'mch_a' }, ['mt_1', 'mt_2']],
          [{ machineId: 'mch_a', secretVersion: 2 }, ['mt_2']],
          [{ issuedBefore: 20 }, ['mt_1']],
          [{ kid: 'key_2' }, ['mt_2', 'mt_3']],
          [{ receiverId: 'mch_2' }, ['mt_1', 'mt_2']],
          [{ machineId: 'mch_b', kid: 'key_1' }, []],
        ]

        it.each(cases)(
          '%j ends exactly those, and counts them before and after',
          async (predicate, ids) => {
            await withJwts(...TOKENS)
            expect(await store.countM2MTokens(predicate, 60)).toBe(ids.length)
            const revocation = { ...aRevocation(predicate), at: 60 }
            expect(await store.write({ type: 'revoke-m2m-tokens', revocation })).toBe('done')
            const revoked: string[] = []
            for (const { id = '' } of TOKENS) {
              const token = await store.m2mToken(id)
              if (token?.revokedAt === 60 && token.revocationReason === 'why') revoked.push(id)
            }
            expect(revoked).toEqual(ids)
            expect(await store.revocation(revocation.id)).toEqual({
              ...revocation,
              count: ids.length,
            })
            expect((await store.statusList('list_1'))?.version).toBe(2)
            expect(await store.countM2MTokens(predicate, 60)).toBe(0)
          },
        )

        it('lets the first revocation of a token stand', async () => {
          await withJwts(...TOKENS)
          await store.write({ type: 'revoke-m2m-token', id: 'mt_1', at: 5, reason: 'first' })
          await store.write({ type: 'revoke-m2m-tokens', revocation: aRevocation({}) })
          expect(await store.m2mToken('mt_1')).toMatchObject({
            revokedAt: 5,
            revocationReason: 'first',
          })
        })

        it('makes every token that is being made decided on anew: of one machine, or of all', async () => {
          await withJwts()
          const revocation = aRevocation({ machineId: 'mch_a' })
          await store.write({ type: 'revoke-m2m-tokens', revocation })
          expect([await policyVersion('mch_a'), await policyVersion('mch_b')]).toEqual([2, 1])
          await store.write({ type: 'revoke-m2m-tokens', revocation: aRevocation({ kid: 'k' }) })
          expect([await policyVersion('mch_a'), await policyVersion('mch_b')]).toEqual([3, 2])
        })
      })

      it('are in the list of revoked ones also after their machine is deleted', async () => {
        await withJwts({ id: 'mt_1', statusIndex: 9 })
        const revocation = aRevocation({ machineId: 'mch_a' })
        await store.write({ type: 'delete-machine', id: 'mch_a', revocation })
        expect(await store.revokedIndexes('list_1')).toEqual([9])
        expect((await store.revocation(revocation.id))?.count).toBe(1)
      })

      it('live on when a scope is removed, or not, as it is said', async () => {
        await withMachines('mch_a', 'mch_2')
        await store.write({ type: 'open-status-list', list: listed('list_1') })
        const remove = {
          type: 'delete-scope',
          fromMachineId: 'mch_a',
          toMachineId: 'mch_2',
        } as const
        for (const [id, revocation] of [
          ['mt_1', null],
          ['mt_2', aRevocation({ machineId: 'mch_a', receiverId: 'mch_2' })],
        ] as const) {
          await addScope('mch_a', 'mch_2')
          const token = aJwt({ id, machineId: 'mch_a', scopes: ['mch_2'] })
          const version = (await policyVersion('mch_a')) ?? 0
          await store.write({ type: 'create-m2m-token', token, policyVersion: version })
          await store.write({ ...remove, revocation })
          expect((await store.m2mToken('mt_1'))?.revokedAt).toBe(revocation && 2)
        }
        expect((await store.m2mToken('mt_2'))?.revokedAt).toBe(2)
      })

      it('and their lists are forgotten when they have ended', async () => {
        await withJwts({ id: 'mt_1' })
        await store.write({ type: 'prune', before: 5_000, limit: 10 })
        expect(await store.statusLists()).toHaveLength(2)
        await store.write({ type: 'prune', before: 5_001, limit: 10 })
        expect(await store.statusLists()).toEqual([])
      })
    })

    describe('data keys and what they seal', () => {
      const key = (version: number, rootKeyId: string): DataKeyRecord => ({
        purpose: 'seal',
        version,
        rootKeyId,
        wrapped: Uint8Array.of(version),
        createdAt: version,
      })
      const by = (version: number, ...rest: number[]): Uint8Array =>
        Uint8Array.of(0, version, ...rest)

      it('are replaced together, unless they are not those any more', async () => {
        await store.write({ ...anInstance(), dataKeys: [key(1, 'old')] })
        const [before, after] = [[key(1, 'old')], [key(1, 'new'), key(2, 'new')]]
        const command = { type: 'replace-data-keys', before, after } as const
        expect(await store.write(command)).toBe('done')
        expect(await store.dataKeys()).toEqual(after)
        expect(await store.write(command)).toBe('stale')
        expect(await store.write({ ...command, before: after.slice(1) })).toBe('stale')
        expect(await store.dataKeys()).toEqual(after)
      })

      it('are read page by page, every version of a machine’s secret in one', async () => {
        for (const id of ['mch_a', 'mch_b']) {
          const secret = aSecret({ machineId: id, sealed: by(1, 1) })
          const machine = aMachine({ id })
          await store.write({ type: 'create-machine', machine, secret, scopes: [] })
          const next = aSecret({ machineId: id, version: 2, sealed: by(1, 2) })
          const rotate = { type: 'rotate-machine-secret', previousExpiresAt: 9 } as const
          await store.write({ ...rotate, secret: next })
        }
        const first = await store.sealedValues('machine_secrets', '', 1)
        expect(first).toEqual([
          { id: 'mch_a', version: 1, sealed: by(1, 1) },
          { id: 'mch_a', version: 2, sealed: by(1, 2) },
        ])
        const second = await store.sealedValues('machine_secrets', 'mch_a', 10)
        expect(second.map(({ id }) => id)).toEqual(['mch_b', 'mch_b'])
        expect(await store.sealedValues('machine_secrets', 'mch_b', 10)).toEqual([])
      })

      it('are sealed anew in every table, where they are still the same', async () => {
        await store.write({ ...anInstance(), instanceKey: anInstanceKey({ sealed: by(1) }) })
        await withMachines('mch_a')
        const token = aToken({ machineId: 'mch_a', sealed: by(1) })
        await store.write({ type: 'create-m2m-token', token, policyVersion: 1 })
        await store.write({ type: 'create-api-key', apiKey: anApiKey({ sealed: by(1) }) })
        for (const table of ['instance_keys', 'm2m_tokens', 'api_keys', 'signing_keys'] as const) {
          const [value] = await store.sealedValues(table, '', 10)
          if (value === undefined) throw new Error(table)
          const changed = { ...value, sealed: by(9), resealed: by(8) }
          await store.write({ type: 'reseal', table, values: [changed] })
          expect(await store.sealedValues(table, '', 10)).toEqual([value])
          await store.write({ type: 'reseal', table, values: [{ ...value, resealed: by(2) }] })
          expect(await store.sealedValues(table, '', 10)).toEqual([{ ...value, sealed: by(2) }])
        }
      })

      it('are forgotten when nothing is sealed with them any more, and not before', async () => {
        await store.write({ ...anInstance(), dataKeys: [key(1, 'r'), key(2, 'r')] })
        await store.write({ type: 'create-api-key', apiKey: anApiKey({ sealed: by(1) }) })
        const tables = ['api_keys', 'm2m_tokens'] as const
        const forget = { type: 'forget-data-keys', purpose: 'seal', below: 2, tables } as const
        expect(await store.write(forget)).toBe('stale')
        const [value] = await store.sealedValues('api_keys', '', 1)
        const values = value === undefined ? [] : [{ ...value, resealed: by(2) }]
        await store.write({ type: 'reseal', table: 'api_keys', values })
        expect(await store.write(forget)).toBe('done')
        expect(await store.dataKeys()).toEqual([key(2, 'r')])
      })
    })

    describe('the audit log', () => {
      const entry = (text: string): AuditEntry => ({ text, mac: Uint8Array.of(1, 2) })

      it('is written with what was done, in a chain, and not with what was not done', async () => {
        await withMachines('mch_a')
        const revoke = { type: 'revoke-m2m-token', id: 'mt_1', at: 5, reason: null } as const
        expect(await store.write(revoke, entry('not done'))).toBe('missing')
        const outcomes = ['first', 'second', 'third'].map((text) =>
          store.write({ type: 'record-event' }, entry(text)),
        )
        expect(await Promise.all(outcomes)).toEqual(['done', 'done', 'done'])
        const log = await store.auditLog(0, 10)
        expect(log.map((record) => [record.seq, record.entry])).toEqual([
          [1, 'first'],
          [2, 'second'],
          [3, 'third'],
        ])
        let hash = FIRST_HASH
        for (const record of log) {
          expect(record.mac).toEqual(Uint8Array.of(1, 2))
          hash = nextHash(hash, record)
          expect(Buffer.from(record.hash)).toEqual(Buffer.from(hash))
        }
      })

      it('is read in pages', async () => {
        for (const text of ['a', 'b', 'c']) await store.write({ type: 'record-event' }, entry(text))
        expect((await store.auditLog(1, 1)).map((record) => record.entry)).toEqual(['b'])
        expect(await store.auditLog(3, 10)).toEqual([])
        const newest = await store.auditLogBefore(Number.MAX_SAFE_INTEGER, 2)
        expect(newest.map((record) => record.entry)).toEqual(['c', 'b'])
        expect((await store.auditLogBefore(3, 1)).map(({ seq }) => seq)).toEqual([2])
      })

      const write = async (...texts: string[]): Promise<void> => {
        for (const text of texts) await store.write({ type: 'record-event' }, entry(text))
      }

      const checkpointAt = async (seq: number): Promise<AuditCheckpointRecord> => {
        const [record] = await store.auditLog(seq - 1, 1)
        const hash = Uint8Array.from(record?.hash ?? [])
        return { seq, hash, at: seq * 10, keyVersion: 1, signature: Uint8Array.of(seq) }
      }

      const addCheckpoint = async (seq: number): Promise<Outcome> =>
        store.write({ type: 'create-audit-checkpoint', checkpoint: await checkpointAt(seq) })

      it('has a checkpoint at an entry once, and only one of that entry as it is', async () => {
        await write('a', 'b', 'c')
        expect(await store.newestAuditCheckpoint()).toBeNull()
        expect(await addCheckpoint(3)).toBe('done')
        expect(await addCheckpoint(3)).toBe('exists')
        expect(await addCheckpoint(1)).toBe('done')
        const wrong = { ...(await checkpointAt(1)), seq: 2 }
        const refused = { type: 'create-audit-checkpoint', checkpoint: wrong } as const
        expect(await store.write(refused)).toBe('stale')
        expect(await addCheckpoint(4)).toBe('stale')
        const [first, third] = [await checkpointAt(1), await checkpointAt(3)]
        expect(await store.auditCheckpoints(0, 10)).toEqual([first, third])
        expect(await store.auditCheckpoints(1, 10)).toEqual([third])
        expect(await store.auditCheckpoints(0, 1)).toEqual([first])
        expect(await store.newestAuditCheckpoint()).toEqual(third)
      })

      it('is pruned up to a checkpoint, once, and goes on after it', async () => {
        await write('a', 'b', 'c', 'd')
        for (const seq of [1, 3, 4]) await addCheckpoint(seq)
        const prune = (through: number) => ({ type: 'prune-audit-log', through }) as const
        expect(await store.write(prune(2))).toBe('missing')
        expect(await store.write(prune(3), entry('pruned'))).toBe('done')
        expect(await store.write(prune(3), entry('pruned'))).toBe('stale')
        const left = async () => (await store.auditLog(0, 10)).map((one) => [one.seq, one.entry])
        expect(await left()).toEqual([
          [4, 'd'],
          [5, 'pruned'],
        ])
        expect((await store.auditLog(4, 10)).map(({ seq }) => seq)).toEqual([5])
        expect((await store.auditCheckpoints(0, 10)).map(({ seq }) => seq)).toEqual([3, 4])
      })

      it('that was pruned to its end goes on where it was', async () => {
        await write('a', 'b')
        await addCheckpoint(2)
        const checkpoint = await store.newestAuditCheckpoint()
        await store.write({ type: 'prune-audit-log', through: 2 })
        expect(await store.auditLog(0, 10)).toEqual([])
        await write('c')
        const [next] = await store.auditLog(0, 10)
        expect(next?.seq).toBe(3)
        const hash = nextHash(checkpoint?.hash ?? FIRST_HASH, { ...entry('c'), entry: 'c', seq: 3 })
        expect(Buffer.from(next?.hash ?? [])).toEqual(Buffer.from(hash))
      })
    })

    describe('webhooks', () => {
      const add = (id: string, limit = 9) =>
        store.write({ type: 'create-webhook', webhook: aWebhook({ id }), limit })

      it('come back as they were written, up to a limit, and can be deleted', async () => {
        expect(await add('whk_1')).toBe('done')
        expect(await add('whk_2', 1)).toBe('full')
        expect(await add('whk_2', 2)).toBe('done')
        expect(await store.webhook('whk_1')).toEqual(aWebhook({ id: 'whk_1' }))
        expect((await store.webhooks()).map(({ id }) => id)).toEqual(['whk_1', 'whk_2'])
        expect(await store.write({ type: 'delete-webhook', id: 'whk_1' })).toBe('done')
        expect(await store.write({ type: 'delete-webhook', id: 'whk_1' })).toBe('missing')
        expect(await store.webhook('whk_1')).toBeNull()
      })

      it('are changed by one of two who saw the same version', async () => {
        await add('whk_1')
        const webhook = aWebhook({ id: 'whk_1', cursor: 7, failures: 2, disabledReason: 'why' })
        expect(await store.write({ type: 'update-webhook', webhook })).toBe('done')
        expect(await store.write({ type: 'update-webhook', webhook })).toBe('stale')
        expect(await store.webhook('whk_1')).toEqual({ ...webhook, version: 2 })
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
      await expect(
        store.write({
          type: 'delete-machine',
          id: 'mch_a',
          revocation: aRevocation({ machineId: 'mch_a' }),
        }),
      ).rejects.toMatchObject(refused)
    })

    it('answers commands that arrive together each for itself', async () => {
      await withMachines('mch_a', 'mch_b')
      const outcomes = await Promise.all([
        addScope('mch_a', 'mch_b'),
        addScope('mch_a', 'mch_b'),
        addScope('mch_a', 'mch_x'),
        store.write({
          type: 'delete-machine',
          id: 'mch_b',
          revocation: aRevocation({ machineId: 'mch_b' }),
        }),
        addScope('mch_a', 'mch_b'),
      ])
      expect(outcomes).toEqual(['done', 'exists', 'missing', 'done', 'missing'])
    })
  })
}
