import { describe, expect, it } from 'vitest'
import { aMachine, aRevocation, aScope, aSecret, aToken } from '../fixtures.ts'
import type { Contract } from './contract.ts'

export function describeMachines(contract: Contract): void {
  const { store, withMachines, addScope, receiverIds, policyVersion } = contract

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
}
