import { describe, expect, test } from 'vitest'
import { createRefreshed, forward } from './refreshed.ts'

/** A source that answers when it is told to, with a clock of its own. */
const started = (options: { stuckAfterMs?: number; waitUntil?: (work: unknown) => void } = {}) => {
  const clock = { now: 1_000_000 }
  const asked: {
    readonly held: string | null
    readonly answer: (value: string, ageMs?: number) => void
    readonly fail: () => void
  }[] = []
  const refreshed = createRefreshed<string>({
    load: (held) =>
      new Promise((resolve, reject) => {
        asked.push({
          held,
          answer: (value, ageMs = 0) => {
            resolve([value, ageMs])
          },
          fail: () => {
            reject(new Error('silent'))
          },
        })
      }),
    monotonicMs: () => clock.now,
    maxAgeMs: (held) => held.length * 60_000,
    coolDownMs: 10_000,
    ...options,
  })
  const answered = async (value: string, ageMs?: number): Promise<string> => {
    const work = refreshed.refresh()
    asked.at(-1)?.answer(value, ageMs)
    return work
  }
  const failed = async (): Promise<void> => {
    const work = refreshed.refresh()
    asked.at(-1)?.fail()
    await expect(work).rejects.toThrow('silent')
  }
  return { refreshed, clock, asked, answered, failed }
}

describe('what is held', () => {
  test('is nothing at first, infinitely old, and may be asked for', () => {
    const { refreshed } = started()
    expect(refreshed.current()).toBeNull()
    expect(refreshed.current(0)).toBeNull()
    expect(refreshed.ageMs()).toBe(Infinity)
    expect(refreshed.mayTry()).toBe(true)
    expect(refreshed.isFailing()).toBe(false)
    expect(refreshed.hasFailedWithin(1e9)).toBe(false)
  })

  test('counts until it is too old, from when it was made', async () => {
    const { refreshed, clock, answered } = started()
    expect(await answered('a', 20_000)).toBe('a')
    expect(refreshed.ageMs()).toBe(20_000)
    clock.now += 39_999
    expect(refreshed.current()).toBe('a')
    clock.now += 1
    expect(refreshed.ageMs()).toBe(60_000)
    expect(refreshed.current()).toBeNull()
    expect(refreshed.current(59_999)).toBe('a')
    expect(refreshed.current(60_000)).toBeNull()
  })

  test('is shown to whoever gives the next, however old', async () => {
    const { clock, asked, answered } = started()
    await answered('a')
    clock.now += 100_000
    await answered('b')
    expect(asked.map(({ held }) => held)).toEqual([null, 'a'])
  })

  test('stays when its source fails', async () => {
    const { refreshed, answered, failed } = started()
    await answered('a')
    await failed()
    expect(refreshed.current()).toBe('a')
    expect(refreshed.isFailing()).toBe(true)
    await answered('b')
    expect(refreshed.isFailing()).toBe(false)
    expect(refreshed.current()).toBe('b')
  })
})

describe('a fetch', () => {
  test('is one, however many ask, until it has ended', async () => {
    const { refreshed, clock, asked } = started()
    const first = refreshed.refresh()
    clock.now += 5_999
    const second = refreshed.refresh()
    expect(second).toBe(first)
    asked[0]?.answer('a')
    expect(await second).toBe('a')
    void refreshed.refresh()
    expect(asked).toHaveLength(2)
  })

  test('that has not ended in six seconds is not relied on', async () => {
    const { refreshed, clock, asked } = started()
    const first = refreshed.refresh()
    clock.now += 6_000
    const second = refreshed.refresh()
    expect(asked).toHaveLength(2)
    asked[1]?.answer('b')
    expect(await second).toBe('b')
    // It was asked for before: it knows less than what is there.
    asked[0]?.answer('a')
    expect(await first).toBe('b')
    expect(refreshed.current()).toBe('b')
  })

  test('that was stuck and ends does not end the one that took its place', async () => {
    const { refreshed, clock, asked } = started({ stuckAfterMs: 100 })
    const first = refreshed.refresh()
    clock.now += 100
    const second = refreshed.refresh()
    asked[0]?.answer('a')
    expect(await first).toBe('a')
    expect(refreshed.refresh()).toBe(second)
    asked[1]?.answer('b')
    expect(await second).toBe('b')
    expect(asked).toHaveLength(2)
  })

  test('that fails is told to all who wait for it, and says since when it is so', async () => {
    const { refreshed, clock, failed } = started()
    await failed()
    clock.now += 500
    expect(refreshed.isFailing()).toBe(true)
    expect(refreshed.hasFailedWithin(501)).toBe(true)
    expect(refreshed.hasFailedWithin(500)).toBe(false)
  })
})

describe('the next fetch', () => {
  test('may begin when the cool-down is over, where there is something to go on with', async () => {
    const { refreshed, clock, answered, failed } = started()
    await answered('a')
    clock.now += 9_999
    expect(refreshed.mayTry()).toBe(false)
    clock.now += 1
    expect(refreshed.mayTry()).toBe(true)
    await failed()
    clock.now += 9_999
    expect(refreshed.mayTry()).toBe(false)
    clock.now += 1
    expect(refreshed.mayTry()).toBe(true)
  })

  test('with nothing may begin sooner, then ever later, and never later than the cool-down', async () => {
    const { refreshed, clock, failed } = started()
    for (const wait of [1_000, 2_000, 4_000, 8_000, 10_000, 10_000]) {
      await failed()
      clock.now += wait - 1
      expect(refreshed.mayTry(), String(wait)).toBe(false)
      clock.now += 1
      expect(refreshed.mayTry(), String(wait)).toBe(true)
    }
  })

  test('with what has become too old may begin after a second', async () => {
    const { refreshed, answered, clock } = started()
    await answered('a', 60_000)
    expect(refreshed.current()).toBeNull()
    clock.now += 999
    expect(refreshed.mayTry()).toBe(false)
    clock.now += 1
    expect(refreshed.mayTry()).toBe(true)
  })

  test('is the one that is under way', () => {
    const { refreshed, asked } = started()
    void refreshed.refresh()
    expect(refreshed.mayTry()).toBe(true)
    expect(asked).toHaveLength(1)
  })
})

describe('a fetch that nobody waits for', () => {
  test('is handed on, fails without harm, and is one', async () => {
    const work: unknown[] = []
    const { refreshed, clock, asked } = started({ waitUntil: (one) => work.push(one) })
    refreshed.ageMs()
    clock.now += 50_000
    refreshed.refreshBeside()
    clock.now += 5_999
    refreshed.refreshBeside()
    expect(asked).toHaveLength(1)
    expect(work).toHaveLength(1)
    clock.now += 1
    refreshed.refreshBeside()
    expect(asked).toHaveLength(2)
    asked[0]?.fail()
    asked[1]?.fail()
    expect(await Promise.all(work)).toEqual([undefined, undefined])
    refreshed.refreshBeside()
    expect(asked).toHaveLength(3)
  })

  test('goes on where the request that began it has ended, or nobody takes it', async () => {
    const ended = started({
      waitUntil: () => {
        throw new Error('the request has ended')
      },
    })
    for (const { refreshed, asked } of [ended, started()]) {
      refreshed.refreshBeside()
      asked[0]?.answer('a')
      expect(await refreshed.refresh()).toBe('a')
      expect(refreshed.current()).toBe('a')
    }
  })
})

test('milliseconds go forward: what a clock is set back by, or does not tell, is not counted', () => {
  const clock = { now: 0 }
  const elapsed = forward(() => clock.now)
  const counted = [5_000, 5_250, 1_000, 1_500, Number.NaN, 9_000, 9_001].map((now) => {
    clock.now = now
    return elapsed()
  })
  expect(counted).toEqual([0, 250, 250, 750, 750, 750, 751])
})
