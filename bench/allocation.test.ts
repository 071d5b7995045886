import { describe, expect, it } from 'vitest'
import { measureAllocation, type Repeat } from './allocation.ts'

const COUNT = 1200

let kept: unknown

describe('measureAllocation', () => {
  it('counts what is made on the heap', async () => {
    const slots = 100
    const bytes = await measureAllocation(
      repeating(() => new Array(slots).fill(0)),
      0,
      COUNT,
    )
    expect(bytes).toBeGreaterThan(8 * slots)
    expect(bytes).toBeLessThan(8 * slots + 200)
  })

  it('counts what is made beside it', async () => {
    const length = 5000
    const bytes = await measureAllocation(
      repeating(() => new Uint8Array(length)),
      0,
      COUNT,
    )
    expect(bytes).toBeGreaterThan(length)
    expect(bytes).toBeLessThan(length + 400)
  })

  it('says nothing rather than something wrong if every batch meets a collection', async () => {
    const bytes = await measureAllocation(
      repeating(() => Array.from({ length: 1000 }, () => new Array(200).fill(0))),
      0,
      COUNT,
    )
    expect(bytes).toBeNull()
  })

  it('does each operation at most once', async () => {
    const numbers: number[] = []
    await measureAllocation(
      async (first, count) => {
        for (let number = first; number < first + count; number++) numbers.push(number)
      },
      600,
      100,
    )
    expect(new Set(numbers).size).toBe(numbers.length)
    expect(Math.min(...numbers)).toBe(600)
    expect(Math.max(...numbers)).toBeLessThan(700)
  })
})

function repeating(make: () => unknown): Repeat {
  return async (_, count) => {
    for (let done = 0; done < count; done++) kept = make()
    expect(kept).toBeDefined()
  }
}
