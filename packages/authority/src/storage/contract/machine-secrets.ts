import { describe, expect, it } from 'vitest'
import type { Outcome } from '../../domain/ports.ts'
import { aSecret } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeMachineSecrets(contract: Contract): void {
  const { store, withMachines } = contract

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
}
