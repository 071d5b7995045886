/** A map that forgets: of each half of its size all at once, the older half first. */
export interface Generations<Key, Value> {
  get(key: Key): Value | undefined
  set(key: Key, value: Value): void
}

/** @param size The most entries; at least half as many are kept. */
export function createGenerations<Key, Value>(size: number): Generations<Key, Value> {
  let younger = new Map<Key, Value>()
  let older = younger
  return {
    get: (key) => younger.get(key) ?? older.get(key),
    set(key, value) {
      if (younger.size >= size >> 1) {
        older = younger
        younger = new Map()
      }
      younger.set(key, value)
    },
  }
}
