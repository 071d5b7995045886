/** A map that forgets: when there is another half of its size, the half before it at once. */
export interface Generations<Key, Value> {
  get(key: Key): Value | undefined
  set(key: Key, value: Value): void
}

/** @param size The most entries, from 1; half of them are always kept. */
export function createGenerations<Key, Value>(size: number): Generations<Key, Value> {
  let younger = new Map<Key, Value>()
  let older = younger
  return {
    get: (key) => younger.get(key) ?? older.get(key),
    set(key, value) {
      younger.set(key, value)
      if (younger.size < size / 2) return
      older = younger
      younger = new Map()
    },
  }
}
