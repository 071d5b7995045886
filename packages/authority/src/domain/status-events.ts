import type { Clock, Store } from './ports.ts'

/** Tells verifiers which status lists have changed. They trust it for nothing: they fetch the signed list. */
export interface StatusEvents {
  /** `null` when there are as many listeners as may be. */
  subscribe(listener: StatusListener): Subscription | null
  /** Tells of what has changed, by whatever process, and keeps connections alive; to be called each second. */
  publish(): Promise<void>
  /** Ends all subscriptions. */
  end(): void
}

export interface StatusListener {
  changed(statusListId: string): void
  /** Says nothing, so that those in between keep the connection. */
  beat(): void
  ended(): void
}

export interface Subscription {
  end(): void
}

export const MAX_LISTENERS = 1_024

const BEAT_MS = 15_000

/** So that one that nobody reads any more does not stay; its reader comes again. */
const MAX_AGE_MS = 600_000

interface Subscribed {
  readonly listener: StatusListener
  readonly since: number
  beatAt: number
}

export function createStatusEvents(store: Pick<Store, 'statusLists'>, clock: Clock): StatusEvents {
  const subscribed = new Set<Subscribed>()
  let versions: ReadonlyMap<string, number> | null = null

  const finish = (one: Subscribed): void => {
    if (subscribed.delete(one)) one.listener.ended()
  }

  const tellOfChanges = async (): Promise<void> => {
    const known = versions
    versions = new Map((await store.statusLists()).map(({ id, version }) => [id, version]))
    // At the first look nobody knows what changed since the listener came: it may be all.
    for (const [id, version] of versions) {
      if (known?.get(id) === version) continue
      for (const { listener } of subscribed) listener.changed(id)
    }
  }

  return Object.freeze({
    subscribe(listener: StatusListener) {
      if (subscribed.size >= MAX_LISTENERS) return null
      const now = clock.now()
      const one = { listener, since: now, beatAt: now }
      subscribed.add(one)
      return { end: () => subscribed.delete(one) }
    },

    async publish() {
      if (subscribed.size === 0) {
        versions = null
        return
      }
      await tellOfChanges()
      const now = clock.now()
      for (const one of subscribed) {
        if (Math.abs(now - one.since) >= MAX_AGE_MS) finish(one)
        else if (Math.abs(now - one.beatAt) >= BEAT_MS) {
          one.beatAt = now
          one.listener.beat()
        }
      }
    },

    end() {
      for (const one of [...subscribed]) finish(one)
    },
  })
}
