import { beforeEach, describe, expect, it } from 'vitest'
import { createAudit } from '../domain/audit.ts'
import { createCredentials } from '../domain/credentials.ts'
import { createDataKeys, openDataKeys } from '../domain/data-keys.ts'
import type { Clock, Store } from '../domain/ports.ts'
import { createRootKey } from '../domain/root-key.ts'
import { createRootKeyRotation, type RootKeyRotation } from '../domain/root-key-rotation.ts'
import { createStatusEvents } from '../domain/status-events.ts'
import type { AuditCheckpoints } from '../domain/audit-checkpoints.ts'
import type { WebhookDeliveries } from '../domain/webhook-deliveries.ts'
import { createSecretUses } from '../domain/secret-uses.ts'
import { createUses, type Uses } from '../domain/uses.ts'
import { aMachine, anInstance, aSecret, aToken } from '../storage/fixtures.ts'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import { systemRandom } from '../system.ts'
import { createTick } from './tick.ts'

const keyRing = { tick: () => Promise.resolve() }

const DAY_MS = 86_400_000

/** Of an instance that needs none. */
async function aRootKeyRotation(store: Store, clock: Clock): Promise<RootKeyRotation> {
  const rootKeys = [createRootKey(new Uint8Array(32))]
  const ports = { clock, random: systemRandom }
  const records = createDataKeys('ins_1', rootKeys, ports)
  await store.write({ ...anInstance(), dataKeys: records })
  const dataKeys = openDataKeys('ins_1', records, rootKeys, ports)
  const audit = createAudit(clock, createCredentials('ins_1', dataKeys, systemRandom))
  return createRootKeyRotation({ ...ports, instanceId: 'ins_1', store, audit, rootKeys, dataKeys })
}

const auditCheckpoints: AuditCheckpoints = {
  take: () => Promise.resolve(),
  prune: () => Promise.resolve(false),
}

const webhookDeliveries: WebhookDeliveries = {
  start: () => Promise.resolve(),
  settle: () => Promise.resolve(),
  stop: () => Promise.resolve(),
}

describe('what is due', () => {
  let store: Store
  let uses: Uses
  let now: number
  let tick: () => Promise<void>

  beforeEach(async () => {
    store = createMemoryStore()
    uses = createUses(store)
    now = 10 * DAY_MS
    const clock = { now: () => now }
    const rootKeyRotation = await aRootKeyRotation(store, clock)
    tick = createTick({
      store,
      uses,
      secretUses: createSecretUses(store),
      clock,
      statusEvents: createStatusEvents(store, clock),
      rootKeyRotation,
      keyRing,
      auditCheckpoints,
      webhookDeliveries,
    })
    await store.write({
      type: 'create-machine',
      machine: aMachine({ id: 'mch_a' }),
      secret: aSecret({ machineId: 'mch_a' }),
      scopes: [],
    })
  })

  const addToken = (id: string, expiresAt: number) =>
    store.write({
      type: 'create-m2m-token',
      token: aToken({ id, machineId: 'mch_a', expiresAt }),
      policyVersion: 1,
    })

  it('forgets tokens a day after they expired, and none before', async () => {
    await addToken('mt_old', now - DAY_MS - 1)
    await addToken('mt_recent', now - DAY_MS + 1)
    await addToken('mt_live', now + 1)
    await tick()
    expect(await store.m2mToken('mt_old')).toBeNull()
    expect(await store.m2mToken('mt_recent')).not.toBeNull()
    expect(await store.m2mToken('mt_live')).not.toBeNull()
  })

  it('goes on forgetting at every call while there is more to forget', async () => {
    for (let index = 0; index < 4_500; index++) await addToken(`mt_${index}`, now - 2 * DAY_MS)
    const left = async () => {
      const query = {
        machineId: 'mch_a',
        format: 'all' as const,
        includeRevoked: true,
        includeExpired: true,
        now,
      }
      return (await store.m2mTokens({ ...query, limit: 1, offset: 0 })).totalCount
    }
    const counts: number[] = []
    for (let call = 0; call < 4; call++) {
      await tick()
      counts.push(await left())
      now += 1_000
    }
    expect(counts).toEqual([2_500, 500, 0, 0])
  })

  it('are signing keys at every call, and what fails in them keeps nothing else from its time', async () => {
    let beats = 0
    const failing = () => Promise.reject(new Error(`altered ${++beats}`))
    const clock = { now: () => now }
    tick = createTick({
      store,
      uses,
      secretUses: createSecretUses(store),
      clock,
      statusEvents: createStatusEvents(store, clock),
      rootKeyRotation: await aRootKeyRotation(createMemoryStore(), clock),
      keyRing: { tick: failing },
      auditCheckpoints,
      webhookDeliveries,
    })
    await addToken('mt_old', now - 2 * DAY_MS)
    await expect(tick()).rejects.toThrow('altered 1')
    await expect(tick()).rejects.toThrow('altered 2')
    expect(await store.m2mToken('mt_old')).toBeNull()
  })

  it('writes uses every few seconds, also after the clock was set back', async () => {
    await addToken('mt_1', now + DAY_MS)
    await tick()
    uses.note('m2mTokens', 'mt_1', null, now)
    now += 1_000
    await tick()
    expect((await store.m2mToken('mt_1'))?.lastUsedAt).toBeNull()
    now += 5_000
    await tick()
    expect((await store.m2mToken('mt_1'))?.lastUsedAt).toBe(now - 6_000)
    now -= 3_600_000
    uses.note('m2mTokens', 'mt_1', null, now)
    await tick()
    expect((await store.m2mToken('mt_1'))?.lastUsedAt).toBe(now)
  })
})

describe('a use', () => {
  it('within a minute of the last one written is not worth a write', async () => {
    const store = createMemoryStore()
    const uses = createUses(store)
    await store.write({
      type: 'create-machine',
      machine: aMachine({ id: 'mch_a' }),
      secret: aSecret({ machineId: 'mch_a' }),
      scopes: [],
    })
    await store.write({
      type: 'create-m2m-token',
      token: aToken({ id: 'mt_1', machineId: 'mch_a' }),
      policyVersion: 1,
    })
    uses.note('m2mTokens', 'mt_1', 100_000, 159_999)
    await uses.flush()
    expect((await store.m2mToken('mt_1'))?.lastUsedAt).toBeNull()
    uses.note('m2mTokens', 'mt_1', 100_000, 160_000)
    await uses.flush()
    expect((await store.m2mToken('mt_1'))?.lastUsedAt).toBe(160_000)
  })

  it('of ever more tokens is noted only up to a bound', async () => {
    let noted = 0
    const store: Store = {
      ...createMemoryStore(),
      write(command) {
        if (command.type === 'record-use') noted += command.m2mTokens.size
        return Promise.resolve('done')
      },
    }
    const uses = createUses(store)
    for (let index = 0; index < 100_000; index++) uses.note('m2mTokens', `mt_${index}`, null, 1)
    await uses.flush()
    expect(noted).toBe(20_000)
  })
})
