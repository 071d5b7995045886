import type { Store } from './ports.ts'
import type { SecretCaller, SecretUse, SecretUseRecord } from './records.ts'

/**
 * Which secret keys machines present, how often and from where. Authentication only notes it here;
 * the notes are written in a few commits now and then, so that no caller waits for a write, and a
 * crash loses nothing but some seconds of them.
 */
export interface SecretUses {
  note(machineId: string, version: number, address: string | null, now: number): void
  /** Writes what was noted; at its end, what a flush before it took along is written as well. */
  flush(): Promise<void>
}

/** Addresses that are kept of one secret: those that used it last. */
export const MAX_SECRET_CALLERS = 8

/** Beyond this many different secrets between two flushes, further ones are not noted. */
const MAX_NOTED = 20_000

/** A command holds the store while it is applied, so each is small. */
const PORTION = 200

interface Noted {
  readonly machineId: string
  readonly version: number
  count: number
  lastUsedAt: number
  /** Address -> when it was last seen, oldest first. */
  readonly callers: Map<string, number>
}

export function createSecretUses(store: Store): SecretUses {
  let noted = new Map<string, Noted>()
  let before: Promise<void> = Promise.resolve()

  async function write(): Promise<void> {
    const uses = [...noted.values()].map(({ callers, ...use }): SecretUse => ({
      ...use,
      callers: [...callers].map(([address, lastUsedAt]) => ({ address, lastUsedAt })),
    }))
    noted = new Map()
    for (let start = 0; start < uses.length; start += PORTION) {
      const some = uses.slice(start, start + PORTION)
      await store.write({ type: 'record-secret-uses', uses: some })
    }
  }

  return Object.freeze({
    note(machineId: string, version: number, address: string | null, now: number) {
      const key = `${machineId}/${version}`
      let use = noted.get(key)
      if (use === undefined) {
        if (noted.size >= MAX_NOTED) return
        use = { machineId, version, count: 0, lastUsedAt: now, callers: new Map() }
        noted.set(key, use)
      }
      use.count++
      use.lastUsedAt = now
      if (address !== null) noteCaller(use.callers, address, now)
    },

    // One after another: an old secret would pass for unused while its uses are on their way.
    flush() {
      const done = before.then(write)
      before = done.catch(() => undefined)
      return done
    },
  })
}

function noteCaller(callers: Map<string, number>, address: string, now: number): void {
  callers.delete(address)
  callers.set(address, now)
  const [oldest] = callers.keys()
  if (callers.size > MAX_SECRET_CALLERS && oldest !== undefined) callers.delete(oldest)
}

/** What is known of a secret, with further uses; processes may tell of theirs in any order. */
export function withSecretUse(known: SecretUseRecord, use: SecretUse): SecretUseRecord {
  const callers = new Map<string, number>()
  for (const { address, lastUsedAt } of [...known.callers, ...use.callers]) {
    callers.set(address, Math.max(lastUsedAt, callers.get(address) ?? 0))
  }
  return {
    lastUsedAt: Math.max(known.lastUsedAt ?? 0, use.lastUsedAt),
    useCount: known.useCount + use.count,
    callers: [...callers]
      .map(([address, lastUsedAt]): SecretCaller => ({ address, lastUsedAt }))
      .sort((a, b) => b.lastUsedAt - a.lastUsedAt)
      .slice(0, MAX_SECRET_CALLERS),
  }
}
