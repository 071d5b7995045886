import { describe, expect, it } from 'vitest'
import { anInstanceKey, anInstance } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeInstance(contract: Contract): void {
  const { store } = contract

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
      expect(await store.write({ type: 'revoke-instance-key', id: 'isk_x', at: 5 })).toBe('missing')
    })
  })
}
