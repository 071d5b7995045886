import { beforeEach, describe, expect, it } from 'vitest'
import type { JwtRecord, StatusListRecord, TokenPredicate } from '../../domain/records.ts'
import { aJwt, aRevocation, anInstance, aSigningKey, aToken } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeJwts(contract: Contract): void {
  const { store, withMachines, addScope, policyVersion } = contract

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
      expect(await store.write({ ...command, machineId: 'mch_x', policyVersion: 1 })).toBe('stale')
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
}
