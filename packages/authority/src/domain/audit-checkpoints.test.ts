import { createSecretKey } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import { silentLog, systemRandom } from '../system.ts'
import { OPERATOR } from './actors.ts'
import { type Audit, createAudit, isOwnEntry } from './audit.ts'
import {
  type AuditCheckpoints,
  createAuditCheckpoints,
  isCheckpointDue,
  planPruning,
} from './audit-checkpoints.ts'
import { type AuditKeys, createAuditKeys, createSignatureCheck } from './audit-key.ts'
import { type AuditFindings, createAuditVerifier } from './audit-verification.ts'
import { createCredentials, type Credentials } from './credentials.ts'
import { createDataKeys, openDataKeys } from './data-keys.ts'
import type { Store } from './ports.ts'
import { createRootKey } from './root-key.ts'

const DAY_MS = 86_400_000

let now: number
let store: Store
let audit: Audit
let credentials: Credentials
let keys: AuditKeys

const clock = { now: () => now }

beforeEach(() => {
  now = 1_000 * DAY_MS
  store = createMemoryStore()
  const rootKeys = [createRootKey(new Uint8Array(32).fill(7))]
  const ports = { clock, random: systemRandom }
  const dataKeys = openDataKeys('ins_1', createDataKeys('ins_1', rootKeys, ports), rootKeys, ports)
  credentials = createCredentials('ins_1', dataKeys, systemRandom)
  audit = createAudit(clock, credentials)
  keys = createAuditKeys('ins_1', dataKeys.audit)
})

const open = (keepDays = 400, of = store): AuditCheckpoints =>
  createAuditCheckpoints(
    { store: of, clock, credentials, audit },
    { keys, log: silentLog, keepDays },
  )

async function write(count: number): Promise<void> {
  for (let index = 0; index < count; index++) {
    await store.write(
      { type: 'record-event' },
      audit('machine.created', OPERATOR, { target: null }),
    )
  }
}

const places = async (): Promise<number[]> =>
  (await store.auditCheckpoints(0, 10_000)).map(({ seq }) => seq)

async function verify(): Promise<AuditFindings> {
  const verifier = createAuditVerifier({
    isSigned: keys.isSigned,
    isOwn: (record) => isOwnEntry(credentials, record),
  })
  const entries = await store.auditLog(0, 100_000)
  const first = entries[0]?.seq ?? 0
  for (const checkpoint of await store.auditCheckpoints(0, 10_000)) {
    if (checkpoint.seq < first) verifier.checkpoint(checkpoint)
  }
  for (const record of entries) verifier.entry(record)
  return verifier.end()
}

describe('a checkpoint', () => {
  it('is made of the first entries, then after a minute or a thousand more, never of none', async () => {
    const checkpoints = open()
    await checkpoints.take()
    expect(await places()).toEqual([])
    await write(2)
    await checkpoints.take()
    await checkpoints.take()
    await write(3)
    now += 59_999
    await checkpoints.take()
    expect(await places()).toEqual([2])
    now += 1
    await checkpoints.take()
    expect(await places()).toEqual([2, 5])
    now += 3_600_000
    await checkpoints.take()
    expect(await places()).toEqual([2, 5])
    await write(2_500)
    await checkpoints.take()
    expect(await places()).toEqual([2, 5, 1_005, 2_005])
  })

  it('is due after the clock was set back', () => {
    expect(isCheckpointDue({ newEntries: 1, lastAt: 10, now: 9 })).toBe(true)
    expect(isCheckpointDue({ newEntries: 0, lastAt: 10, now: 9 })).toBe(false)
  })

  it('is made once by two processes that race for it', async () => {
    const [one, other] = [open(), open()]
    for (let round = 0; round < 10; round++) {
      await write(3)
      now += 60_000
      await Promise.all([one.take(), other.take()])
    }
    expect(await places()).toHaveLength(10)
    expect((await verify()).problems).toEqual([])
  })

  it('is signed for its instance, with a key that goes into exports', async () => {
    await write(1)
    await open().take()
    const checkpoint = await store.newestAuditCheckpoint()
    if (checkpoint === null) throw new Error('There is no checkpoint.')
    expect(createSignatureCheck('ins_1', keys.publicKeys)(checkpoint)).toBe(true)
    expect(createSignatureCheck('ins_2', keys.publicKeys)(checkpoint)).toBe(false)
    const other = createAuditKeys('ins_1', new Map([[1, createSecretKey(new Uint8Array(32))]]))
    expect(other.isSigned(checkpoint)).toBe(false)
    const signature = checkpoint.signature.slice(0, 63)
    expect(keys.isSigned({ ...checkpoint, signature })).toBe(false)
    for (const publicKey of ['', 'A'.repeat(44), '!'.repeat(43)]) {
      expect(() => createSignatureCheck('ins_1', [{ version: 1, publicKey }])).toThrow(TypeError)
    }
  })
})

describe('the log', () => {
  const aDay = async (checkpoints: AuditCheckpoints): Promise<void> => {
    await write(5)
    await checkpoints.take()
    now += DAY_MS
    while (await checkpoints.prune());
  }

  it('is kept as long as it must be, and verifies when its beginning is gone', async () => {
    const checkpoints = open(3)
    for (let day = 0; day < 30; day++) {
      await aDay(checkpoints)
      const [first] = await store.auditLog(0, 1)
      const { at } = JSON.parse(first?.entry ?? '') as { at: number }
      expect(now - at).toBeLessThanOrEqual(4 * DAY_MS)
      const { problems, prunedThrough } = await verify()
      expect(problems).toEqual([])
      expect(prunedThrough).toBe((first?.seq ?? 0) - 1)
    }
    expect((await verify()).prunedThrough).toBeGreaterThan(100)
    const texts = (await store.auditLog(0, 100)).map(({ entry }) => entry)
    expect(texts.filter((text) => text.includes('audit_log.pruned')).length).toBeLessThan(6)
  })

  it('is kept for ever when that was asked for', async () => {
    const checkpoints = open(0)
    for (let day = 0; day < 30; day++) await aDay(checkpoints)
    expect((await store.auditLog(0, 1))[0]?.seq).toBe(1)
  })

  it('without a checkpoint is not pruned', async () => {
    await write(5)
    now += 1_000 * DAY_MS
    expect(await open(3).prune()).toBe(false)
    expect(await store.auditLog(0, 10)).toHaveLength(5)
  })

  it('is not pruned up to a checkpoint that others wrote', async () => {
    const checkpoints = open(3)
    await write(5)
    await checkpoints.take()
    now += 10 * DAY_MS
    const own = store
    const forged: Store = {
      ...store,
      auditCheckpoints: async (after, limit) =>
        (await own.auditCheckpoints(after, limit)).map((one) => ({ ...one, at: one.at - 1 })),
    }
    expect(await open(3, forged).prune()).toBe(false)
    expect(await store.auditLog(0, 10)).toHaveLength(5)
  })

  it('is pruned in portions when much has come together', () => {
    const signed = (seq: number, at: number) => keys.sign({ seq, at, hash: new Uint8Array(32) })
    const checkpoints = [1_000, 4_000, 9_000, 20_000].map((seq) => signed(seq, seq))
    const plan = (first: number, at = 0, when = now) =>
      planPruning({ first: { seq: first, at }, checkpoints, keepMs: DAY_MS, now: when })?.seq
    expect(plan(1)).toBe(4_000)
    expect(
      planPruning({
        first: { seq: 4_001, at: 0 },
        checkpoints: checkpoints.slice(2),
        keepMs: DAY_MS,
        now,
      })?.seq,
    ).toBe(9_000)
    expect(plan(1, now - 2 * DAY_MS + 1)).toBeUndefined()
    expect(plan(1, 0, DAY_MS + 2_000)).toBeUndefined()
  })
})
