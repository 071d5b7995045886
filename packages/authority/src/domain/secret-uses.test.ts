import { beforeEach, describe, expect, it } from 'vitest'
import { aMachine, aSecret } from '../storage/fixtures.ts'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import type { Store } from './ports.ts'
import { createSecretUses, MAX_SECRET_CALLERS, type SecretUses } from './secret-uses.ts'

describe('uses of secrets', () => {
  let store: Store
  let uses: SecretUses

  beforeEach(async () => {
    store = createMemoryStore()
    uses = createSecretUses(store)
    const [machine, secret] = [aMachine({ id: 'mch_a' }), aSecret({ machineId: 'mch_a' })]
    await store.write({ type: 'create-machine', machine, secret, scopes: [] })
  })

  const known = () => store.machineSecret('mch_a', 1)

  it('are counted exactly, by several processes in any order', async () => {
    const other = createSecretUses(store)
    for (let now = 1; now <= 500; now++) uses.note('mch_a', 1, '192.0.2.1', now)
    for (let now = 1; now <= 300; now++) other.note('mch_a', 1, '192.0.2.2', now)
    await uses.flush()
    await other.flush()
    await uses.flush()
    expect(await known()).toMatchObject({
      useCount: 800,
      lastUsedAt: 500,
      callers: [
        { address: '192.0.2.1', lastUsedAt: 500 },
        { address: '192.0.2.2', lastUsedAt: 300 },
      ],
    })
  })

  it('keep the few addresses that came last, however many there are', async () => {
    for (let now = 1; now <= 10_000; now++) uses.note('mch_a', 1, `192.0.2.${now}`, now)
    await uses.flush()
    uses.note('mch_a', 1, '192.0.2.9997', 10_001)
    await uses.flush()
    const callers = (await known())?.callers ?? []
    expect(callers).toHaveLength(MAX_SECRET_CALLERS)
    expect(callers[0]).toEqual({ address: '192.0.2.9997', lastUsedAt: 10_001 })
    expect(callers.every(({ lastUsedAt }) => lastUsedAt > 10_000 - MAX_SECRET_CALLERS)).toBe(true)
  })

  it('are counted where the address is not known', async () => {
    uses.note('mch_a', 1, null, 7)
    await uses.flush()
    expect(await known()).toMatchObject({ useCount: 1, lastUsedAt: 7, callers: [] })
  })

  it('are written when a flush has ended, also those that a flush before it took along', async () => {
    const slow = heldBack(store)
    const held = createSecretUses(slow.store)
    held.note('mch_a', 1, null, 7)
    const first = held.flush()
    let isSecondDone = false
    const second = held.flush().then(() => (isSecondDone = true))
    await slow.reached
    await new Promise(setImmediate)
    expect(isSecondDone).toBe(false)
    slow.release()
    await Promise.all([first, second])
    expect(await known()).toMatchObject({ useCount: 1 })
  })

  it('do not stop later ones where they could not be written', async () => {
    const broken = createSecretUses({ ...store, write: () => Promise.reject(new Error('full')) })
    broken.note('mch_a', 1, null, 7)
    await expect(broken.flush()).rejects.toThrow('full')
    await expect(broken.flush()).resolves.toBeUndefined()
  })

  it('of a secret that is gone meanwhile are nothing', async () => {
    uses.note('mch_gone', 1, null, 7)
    await uses.flush()
    expect(await store.machineSecret('mch_gone', 1)).toBeNull()
  })
})

/** A store whose writes wait until they are released. */
function heldBack(store: Store) {
  let release = (): void => undefined
  let reach = (): void => undefined
  const released = new Promise<void>((resolve) => (release = resolve))
  const reached = new Promise<void>((resolve) => (reach = resolve))
  const write: Store['write'] = async (...command) => {
    reach()
    await released
    return store.write(...command)
  }
  return { store: { ...store, write }, reached, release }
}
