import { describe, expect, it } from 'vitest'
import { FIRST_HASH, nextHash } from '../../domain/audit-chain.ts'
import type { AuditEntry, Outcome } from '../../domain/ports.ts'
import type { AuditCheckpointRecord } from '../../domain/records.ts'
import type { Contract } from './contract.ts'

export function describeAuditLog(contract: Contract): void {
  const { store, withMachines } = contract

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
}
