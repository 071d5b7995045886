import type { VaultKey } from '../domain/ports.ts'
import type { Sign } from './private-keys.ts'

/** Opens a key once, however many ask for it at the same time. A key that did not open is tried again. */
export type OpenedKeys = (key: VaultKey) => Promise<Sign>

interface Opened {
  readonly key: VaultKey
  readonly sign: Promise<Sign>
}

export function createOpenedKeys(open: (key: VaultKey) => Sign | Promise<Sign>): OpenedKeys {
  const opened = new Map<string, Opened>()
  return (key) => {
    const known = opened.get(key.kid)
    // Another handle or algorithm under a known kid is judged on its own.
    if (known !== undefined && isSame(known.key, key)) return known.sign
    const entry = { key, sign: Promise.resolve(key).then(open) }
    opened.set(key.kid, entry)
    entry.sign.catch(() => {
      if (opened.get(key.kid) === entry) opened.delete(key.kid)
    })
    return entry.sign
  }
}

function isSame(a: VaultKey, b: VaultKey): boolean {
  if (a.algorithm !== b.algorithm) return false
  return a.handle === b.handle || Buffer.compare(a.handle, b.handle) === 0
}
