import { describe, expect, it } from 'vitest'
import { AuthorityError } from '../domain/errors.ts'
import { createRateLimit } from './rate-limit.ts'

describe('a rate limit', () => {
  let now = 0
  const start = () => createRateLimit({ now: () => now }, { perMs: 1_000, each: 2, all: 5 })

  it('lets each address through so often, and again as time passes', () => {
    const limit = start()
    expect(passed(limit, 'a', 3)).toBe(2)
    expect(passed(limit, 'b', 3)).toBe(2)
    now += 500
    expect(passed(limit, 'a', 3)).toBe(1)
  })

  it('lets all together through so often, however many addresses ask', () => {
    const limit = start()
    const through = Array.from({ length: 5_000 }, (_, index) => passed(limit, `a${index}`, 1))
    expect(through.filter((count) => count === 1)).toHaveLength(5)
  })

  it('never has more than it started with, however long nobody asks', () => {
    const limit = start()
    now += 1e9
    expect(passed(limit, 'a', 9)).toBe(2)
  })

  it('gives nothing for a clock that was put back', () => {
    const limit = start()
    passed(limit, 'a', 2)
    now -= 5_000
    expect(passed(limit, 'a', 2)).toBe(0)
    now += 500
    expect(passed(limit, 'a', 2)).toBe(1)
  })

  it('counts callers whose address is unknown as one', () => {
    expect(passed(start(), null, 5)).toBe(2)
  })
})

function passed(
  limit: ReturnType<typeof createRateLimit>,
  address: string | null,
  times: number,
): number {
  let count = 0
  for (let time = 0; time < times; time++) {
    try {
      limit.take(address)
      count++
    } catch (error) {
      if (!(error instanceof AuthorityError) || error.code !== 'rate_limited') throw error
    }
  }
  return count
}
