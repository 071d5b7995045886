import { PerformanceObserver } from 'node:perf_hooks'
import { setImmediate } from 'node:timers/promises'
import { spreadOf } from './paired.ts'

/** Does operations `first` to `first + count - 1`. */
export type Repeat = (first: number, count: number) => Promise<void>

/** Few operations each, so that most batches fit between two collections. */
const BATCHES = 12

/**
 * What one operation allocates: on the heap, and in buffers beside it. The heap only grows between two
 * collections, so a batch during which one ran is left out, and the median of the others stands. It
 * does not see what native code allocates and frees by itself.
 *
 * @returns `null` if a collection ran during every batch.
 */
export async function measureAllocation(
  repeat: Repeat,
  first: number,
  count: number,
): Promise<number | null> {
  const size = Math.max(1, Math.floor(count / BATCHES))
  const collections = watchCollections()
  const batches: number[] = []
  for (let start = first; start + size <= first + count; start += size) {
    const seen = await collections.count()
    const before = allocated()
    await repeat(start, size)
    const bytes = allocated() - before
    if ((await collections.count()) === seen) batches.push(bytes / size)
  }
  collections.stop()
  return batches.length === 0 ? null : spreadOf(batches).median
}

function allocated(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

function watchCollections(): { count(): Promise<number>; stop(): void } {
  let collections = 0
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length
  })
  observer.observe({ entryTypes: ['gc'] })
  return {
    async count() {
      // Node tells of a collection one turn later, and the observer another.
      for (let turn = 0; turn < 3; turn++) await setImmediate()
      return collections
    },
    stop: () => {
      observer.disconnect()
    },
  }
}
