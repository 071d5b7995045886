import type { ErrorCode } from '../domain/errors.ts'
import type { Clock, Log } from '../domain/ports.ts'

/** Logs refused callers: all of them, unless they come as a flood; then some, and how many more. */
export type LogRefusal = (requestId: string, code: ErrorCode) => void

/** A stranger decides how many refusals there are, and must not decide how large the log is. */
const MAX_LINES_A_SECOND = 10

export function createRefusalLog(log: Log, clock: Clock): LogRefusal {
  let second = Number.NaN
  let refusals = 0
  return (requestId, code) => {
    const now = Math.floor(clock.now() / 1000)
    if (now !== second) {
      const omitted = refusals - MAX_LINES_A_SECOND
      if (omitted > 0) log.warn('callers refused, not logged one by one', { count: omitted })
      second = now
      refusals = 0
    }
    refusals++
    if (refusals <= MAX_LINES_A_SECOND) log.warn('caller refused', { requestId, code })
  }
}
