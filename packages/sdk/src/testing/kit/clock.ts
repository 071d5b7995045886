/** Stands still until it is told to move. It fits the option `clock` of everything that has one. */
export interface TestClock {
  /** Epoch milliseconds. */
  (): number
  /** Moves on; back, for a negative number. */
  advance(milliseconds: number): void
  /** Epoch milliseconds, or a date. */
  set(instant: number | Date): void
}

/** Starts at `startMs`. */
export function createTestClock(startMs: number): TestClock {
  let nowMs = checked(startMs)
  const clock = (): number => nowMs
  return Object.freeze(
    Object.assign(clock, {
      advance(milliseconds: number) {
        nowMs = checked(nowMs + milliseconds)
      },
      set(instant: number | Date) {
        nowMs = checked(Number(instant))
      },
    }),
  )
}

function checked(instant: number): number {
  if (Number.isFinite(instant)) return Math.round(instant)
  throw new TypeError('An instant is a number of milliseconds.')
}
