import { describe, expect, it } from 'vitest'
import type { DataKeyRecord } from '../../domain/records.ts'
import { anApiKey, aMachine, anInstanceKey, anInstance, aSecret, aToken } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeSealedValues(contract: Contract): void {
  const { store, withMachines } = contract

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
}
