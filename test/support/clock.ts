import type { Clock } from '@countersign/authority'

/** A clock that stands still until it is told to move. */
export interface TestClock extends Clock {
  advance(milliseconds: number): void
}

/** Starts at the present, because Clerk's client judges a JWT by the machine's own clock. */
export function createTestClock(startMs: number = Date.now()): TestClock {
  let nowMs = startMs
  return {
    now: () => nowMs,
    advance(milliseconds) {
      nowMs += milliseconds
    },
  }
}
