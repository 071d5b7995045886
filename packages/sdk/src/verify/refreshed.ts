/** A value that is fetched when it is needed, kept while it is young, and gone on with while its source is silent. */
export interface Refreshed<Value> {
  /**
   * What is held, unless it has become too old to be relied on.
   *
   * @param ageMs Where the caller has just asked for it.
   */
  current(ageMs?: number): Value | null
  /** How old it is: since it was asked for, or since it was made, where that is known. */
  ageMs(): number
  /** Whether it may be fetched now: not again and again, whatever asks. */
  mayTry(): boolean
  /** One fetch at a time, however many ask. */
  readonly refresh: () => Promise<Value>
  /** Nobody waits for it; a failure is tried again after the cool-down. */
  refreshBeside(): void
  /** Whether the last try has failed. */
  isFailing(): boolean
  /** Whether a try has failed that lately. */
  hasFailedWithin(milliseconds: number): boolean
}

export interface RefreshedOptions<Value> {
  /** Gives it, and how old it is already. @param held What is held, however old. */
  readonly load: (held: Value | null) => Promise<readonly [value: Value, ageMs: number]>
  /** Milliseconds that should only go forward; where they do not, the time until then is not counted. */
  readonly monotonicMs: () => number
  /** How old it may become while its source is silent. */
  readonly maxAgeMs: (held: Value) => number
  /** Between two fetches while there is something to go on with: whatever asks for them. */
  readonly coolDownMs: number
  /** Every fetch has ended after this time, unless the request that began it was ended. Default 6,000. */
  readonly stuckAfterMs?: number
  /** Is given the work that goes on after a verification has been answered. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

/** With nothing at all nothing can be verified: after a failure it is tried again sooner, then ever later. */
const FIRST_RETRY_MS = 1_000

/** A waiter does not rely on a fetch that another request began and may have been ended with. */
const STUCK_AFTER_MS = 6_000

export function createRefreshed<Value>(options: RefreshedOptions<Value>): Refreshed<Value> {
  const { maxAgeMs, coolDownMs, stuckAfterMs = STUCK_AFTER_MS, waitUntil } = options
  const nowMs = forward(options.monotonicMs)
  let held: Value | null = null
  /** When what is held was asked for. */
  let fetchedAt = -Infinity
  /** When it was made. */
  let madeAt = -Infinity
  let triedAt = -Infinity
  let failedAt = -Infinity
  let failures = 0
  let inFlight: Promise<Value> | null = null

  const ageMs = (): number => nowMs() - madeAt
  const current = (age: number = ageMs()): Value | null =>
    held !== null && age < maxAgeMs(held) ? held : null

  const refresh = (): Promise<Value> => {
    const now = nowMs()
    if (inFlight !== null && now - triedAt < stuckAfterMs) return inFlight
    triedAt = now
    const mine = options
      .load(held)
      .then(
        ([value, age]) => {
          failures = 0
          // One that was stuck and came after all knows less than one that was asked for later.
          if (now < fetchedAt) return held ?? value
          fetchedAt = now
          madeAt = now - age
          held = value
          return value
        },
        (error: unknown) => {
          failures++
          failedAt = nowMs()
          throw error
        },
      )
      .finally(() => {
        if (inFlight === mine) inFlight = null
      })
    inFlight = mine
    return mine
  }

  return {
    current,
    ageMs,
    refresh,
    mayTry() {
      if (inFlight !== null) return true
      const wait =
        current() === null
          ? Math.min(coolDownMs, FIRST_RETRY_MS * 2 ** Math.max(0, failures - 1))
          : coolDownMs
      return nowMs() - triedAt >= wait
    },
    refreshBeside() {
      if (inFlight !== null && nowMs() - triedAt < stuckAfterMs) return
      const work = refresh().catch(() => undefined)
      try {
        waitUntil?.(work)
      } catch {
        // It belonged to a request that has ended: the work goes on as it can.
      }
    },
    isFailing: () => failures > 0,
    hasFailedWithin: (milliseconds: number) => nowMs() - failedAt < milliseconds,
  }
}

/**
 * Milliseconds that only go forward. A wall clock may be set back, and nothing must stay young until it has
 * caught up.
 */
export function forward(clock: () => number): () => number {
  let last = Number.POSITIVE_INFINITY
  let elapsed = 0
  return () => {
    const now = clock()
    if (now > last) elapsed += now - last
    last = now
    return elapsed
  }
}
