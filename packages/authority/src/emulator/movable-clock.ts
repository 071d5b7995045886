import type { Clock } from '../domain/ports.ts'

/** Runs like another clock, but can be put on and back. */
export interface MovableClock extends Clock {
  advance(milliseconds: number): void
  set(epochMs: number): void
  /** As the other clock again. */
  reset(): void
}

export function createMovableClock(base: Clock): MovableClock {
  let ahead = 0
  return Object.freeze({
    now: () => base.now() + ahead,
    advance(milliseconds: number) {
      ahead += milliseconds
    },
    set(epochMs: number) {
      ahead = epochMs - base.now()
    },
    reset() {
      ahead = 0
    },
  })
}
