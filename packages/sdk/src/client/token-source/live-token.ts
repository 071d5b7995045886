import { CountersignError } from '../../token/errors.ts'
import { createRefreshed, forward } from '../../verify/refreshed.ts'
import type { Connection } from '../connection.ts'
import { sleep, within, withSignal } from '../waiting.ts'
import { type Grant, tooLate } from './grant.ts'
import { STORE_TIMEOUT_MS } from './store.ts'

/** Has a live token whenever one is asked for, at the price of few calls. */
export interface LiveToken {
  /** @throws {CountersignError} why there is none; or the reason of the signal */
  get(signal: AbortSignal | undefined): Promise<string>
  /** From now on it is not handed out. */
  refuse(token: string): void
}

export interface LiveTokenOptions {
  readonly connection: Connection
  /**
   * Gives one, and its age.
   *
   * @param isRefused Whether a token must not be handed out again.
   */
  readonly load: (
    held: Grant | null,
    isRefused: (token: string) => boolean,
  ) => Promise<readonly [grant: Grant, ageMs: number]>
}

/** Who asks while a pause lasts waits for its end, but not longer than this. */
const PATIENCE_MS = 1_000

/** The pauses between failures grow to this. */
const MAX_PAUSE_MS = 10_000

/** However long an authority asks to be left alone. */
const MAX_RETRY_AFTER_SECONDS = 60

/** A receiver that refuses a token so young refuses the next one as well. */
const YOUNG_MS = 60_000

/** More than one comes back only from a store that gives back old ones. */
const MAX_REFUSED = 16

export function createLiveToken({ connection, load }: LiveTokenOptions): LiveToken {
  const { timeoutMs, retries, backoffMs, random, waitUntil } = connection
  const nowMs = forward(furthest(connection))
  const stuckAfterMs = timeoutMs + STORE_TIMEOUT_MS + 1_000
  const refused = new Set<string>()
  const isRefused = (token: string): boolean => refused.has(token)
  let failures = 0
  let refusals = 0
  let pauseUntil = -Infinity
  let lastError: unknown

  const pause = (tries: number, maxMs: number): number =>
    Math.min(maxMs, backoffMs * 2 ** (retries + tries - 1)) * (0.5 + random() / 2)

  const grants = createRefreshed<Grant>({
    async load(held) {
      try {
        const begunMs = nowMs()
        const loaded = await load(held, isRefused)
        const [{ lifetimeMs }, ageMs] = loaded
        if (nowMs() - begunMs + ageMs >= lifetimeMs) throw tooLate()
        failures = 0
        return loaded
      } catch (error) {
        failures++
        lastError = error
        pauseUntil = nowMs() + retryAfterMs(error) + pause(failures, MAX_PAUSE_MS)
        throw error
      }
    },
    monotonicMs: nowMs,
    maxAgeMs: ({ lifetimeMs }) => lifetimeMs,
    coolDownMs: 0,
    stuckAfterMs,
    waitUntil,
  })

  const live = (): Grant | null => {
    const held = grants.current()
    return held === null || isRefused(held.token) ? null : held
  }

  /** Of those who wait, one calls the authority, and no sooner than it may be called. */
  const renew = async (signal: AbortSignal | undefined): Promise<Grant> => {
    const pauseMs = pauseUntil - nowMs()
    if (pauseMs > PATIENCE_MS) throw lastError
    if (pauseMs > 0) {
      await sleep(pauseMs, signal)
      signal?.throwIfAborted()
      const held = live()
      if (held !== null && grants.ageMs() < held.lateAtMs) return held
    }
    for (let tries = 0; tries < 2; tries++) {
      // What is in flight ends before this time, unless the request that began it was ended.
      await within(grants.refresh(), stuckAfterMs)
      const held = live()
      if (held !== null) return held
    }
    throw tooLate()
  }

  return {
    async get(signal) {
      signal?.throwIfAborted()
      const held = live()
      if (held !== null && grants.ageMs() < held.lateAtMs) {
        if (grants.ageMs() >= held.renewAtMs && pauseUntil <= nowMs()) grants.refreshBeside()
        return held.token
      }
      try {
        const renewing = renew(signal)
        const renewed = await (signal === undefined ? renewing : withSignal(renewing, signal))
        return renewed.token
      } catch (error) {
        const last = signal?.aborted === true ? null : live()
        if (last === null) throw error
        return last.token
      }
    },

    refuse(token) {
      const isHeld = live()?.token === token
      refused.add(token)
      if (refused.size > MAX_REFUSED) {
        const held = grants.current()?.token
        refused.delete([...refused].find((one) => one !== held) ?? token)
      }
      if (!isHeld) return
      refusals = grants.ageMs() < YOUNG_MS ? refusals + 1 : 0
      // One may have been revoked. A receiver that refuses all must not have the authority flooded.
      if (refusals < 2) return
      pauseUntil = Math.max(pauseUntil, nowMs() + pause(refusals - 1, PATIENCE_MS))
    },
  }
}

function retryAfterMs(error: unknown): number {
  const { retryAfter = 0 } = error instanceof CountersignError ? error : {}
  return Math.min(retryAfter, MAX_RETRY_AFTER_SECONDS) * 1_000
}

/**
 * The time that has passed by the clock that says more: one stands still while the machine sleeps, and
 * the other may be set back.
 */
function furthest({ now, monotonicMs }: Connection): () => number {
  const [nowAtFirst, monotonicAtFirst] = [now(), monotonicMs()]
  return () => Math.max(now() - nowAtFirst, monotonicMs() - monotonicAtFirst)
}
