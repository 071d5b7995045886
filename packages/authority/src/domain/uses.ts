import type { Store } from './ports.ts'

/**
 * When tokens and API keys were last used. Verification only notes it here; the notes are written in
 * a few commands now and then, so that a verification never waits for a write, and a crash loses
 * nothing but some seconds of them.
 */
export interface Uses {
  /** `lastUsedAt` is what the record says; uses within a minute of it are not worth a write. */
  note(kind: 'm2mTokens' | 'apiKeys', id: string, lastUsedAt: number | null, now: number): void
  /** Writes what was noted. */
  flush(): Promise<void>
}

const WORTH_A_WRITE_MS = 60_000

const PORTION = 500

/** Beyond this many different credentials between two flushes, further ones are not noted. */
const MAX_NOTED = 20_000

export function createUses(store: Store): Uses {
  let noted = { m2mTokens: new Map<string, number>(), apiKeys: new Map<string, number>() }
  return Object.freeze({
    note(kind: 'm2mTokens' | 'apiKeys', id: string, lastUsedAt: number | null, now: number): void {
      if (lastUsedAt !== null && now - lastUsedAt < WORTH_A_WRITE_MS) return
      if (noted[kind].size < MAX_NOTED) noted[kind].set(id, now)
    },
    async flush(): Promise<void> {
      const { m2mTokens, apiKeys } = noted
      noted = { m2mTokens: new Map(), apiKeys: new Map() }
      for (const some of portions(m2mTokens)) {
        await store.write({ type: 'record-use', m2mTokens: some, apiKeys: new Map() })
      }
      for (const some of portions(apiKeys)) {
        await store.write({ type: 'record-use', m2mTokens: new Map(), apiKeys: some })
      }
    },
  })
}

/** A command holds the store while it is applied, so each is small. */
function* portions(uses: ReadonlyMap<string, number>): Generator<ReadonlyMap<string, number>> {
  const entries = [...uses]
  for (let start = 0; start < entries.length; start += PORTION) {
    yield new Map(entries.slice(start, start + PORTION))
  }
}
