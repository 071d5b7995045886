import { describe, expect, it } from 'vitest'
import { aRevocation, aToken } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeOpaqueTokens(contract: Contract): void {
  const { store, withMachines, addScope } = contract

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
}
