import { beforeEach, describe, expect, it } from 'vitest'
import { aJwt, aRevocation, anInstance, aSigningKey } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeSigningKeys(contract: Contract): void {
  const { store, withMachines } = contract

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
      const empty = await contract.open()
      expect(await empty.signingKeys()).toEqual({ version: 0, keys: [] })
      expect(await empty.signingKeysVersion()).toBe(0)
      await empty.close()
    })
  })
}
