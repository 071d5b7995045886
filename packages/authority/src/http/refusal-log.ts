import type { ErrorCode } from '../domain/errors.ts'
import type { Clock, Log } from '../domain/ports.ts'
import type { RefusedCallers } from '../domain/refused-callers.ts'

/** A caller who was not let in, or not to what they wanted. */
export interface Refusal {
  readonly requestId: string
  readonly code: ErrorCode
  readonly address: string | null
}

/**
 * Tells the log and the audit log of refused callers: of all of them, unless they come as a flood;
 * then of some, and how many more there were.
 */
export type NoteRefusal = (refusal: Refusal) => void

/** A stranger decides how many refusals there are, and must not decide how large the log is. */
const MAX_LINES_A_SECOND = 10

export function createRefusalLog(
  log: Log,
  clock: Clock,
  refusedCallers: RefusedCallers,
): NoteRefusal {
  let second = Number.NaN
  let refusals = 0
  return (refusal) => {
    const { requestId, code } = refusal
    const now = Math.floor(clock.now() / 1000)
    if (now !== second) {
      const omitted = refusals - MAX_LINES_A_SECOND
      if (omitted > 0) {
        log.warn('callers refused, not logged one by one', { count: omitted })
        refusedCallers.omitted(omitted)
      }
      second = now
      refusals = 0
    }
    refusals++
    if (refusals > MAX_LINES_A_SECOND) return
    log.warn('caller refused', { requestId, code })
    refusedCallers.record(refusal)
  }
}
