import { beforeEach, describe, expect, it } from 'vitest'
import { createMemoryStore } from '../storage/memory/memory-store.ts'
import { aRevocation } from '../storage/fixtures.ts'
import type { Store } from './ports.ts'
import { createStatusEvents, MAX_LISTENERS, type StatusEvents } from './status-events.ts'

describe('events of status lists', () => {
  let store: Store
  let events: StatusEvents
  let now: number

  beforeEach(async () => {
    store = createMemoryStore()
    now = 1_000
    events = createStatusEvents(store, { now: () => now })
    for (const id of ['list_1', 'list_2']) {
      const list = {
        id,
        algorithm: 'ES256' as const,
        size: 8,
        openedAt: 1,
        endsAt: 9e9,
        version: 1,
      }
      await store.write({ type: 'open-status-list', list })
    }
  })

  const listening = () => {
    const heard: string[] = []
    const subscription = events.subscribe({
      changed: (id) => heard.push(id),
      beat: () => heard.push('beat'),
      ended: () => heard.push('ended'),
    })
    return { heard, subscription }
  }

  it('tell at first of every list, then of those that changed, whoever changed them', async () => {
    const { heard } = listening()
    await events.publish()
    expect(heard.splice(0)).toEqual(['list_1', 'list_2'])
    await events.publish()
    expect(heard).toEqual([])
    await store.write({ type: 'revoke-m2m-tokens', revocation: aRevocation({}) })
    await events.publish()
    expect(heard).toEqual(['list_1', 'list_2'])
  })

  it('keep a connection alive, and end it some time', async () => {
    const { heard } = listening()
    await events.publish()
    heard.splice(0)
    for (let second = 0; second < 599; second++) {
      now += 1_000
      await events.publish()
    }
    expect(heard.splice(0)).toEqual(Array.from({ length: 39 }, () => 'beat'))
    now += 1_000
    await events.publish()
    expect(heard).toEqual(['ended'])
    expect(events.subscribe({ changed() {}, beat() {}, ended() {} })).not.toBeNull()
  })

  it('go to so many listeners and no more, and a place is free again when one leaves', async () => {
    const all = Array.from({ length: MAX_LISTENERS }, listening)
    expect(listening().subscription).toBeNull()
    all[0]?.subscription?.end()
    expect(listening().subscription).not.toBeNull()
    events.end()
    expect(all[1]?.heard).toEqual(['ended'])
    await events.publish()
    expect(all[1]?.heard).toEqual(['ended'])
  })
})
