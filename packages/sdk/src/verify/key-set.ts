import type { CountersignError } from '../token/errors.ts'
import { refusal } from '../token/errors.ts'
import type { Engine } from './engine/engine.ts'
import { importKeySet, isJwkSet, type Keys, type VerificationKey } from './jwk.ts'

/** Finds keys by `kid`. */
export interface KeySet {
  /**
   * The key of this id.
   *
   * @throws {CountersignError} `token-key-unknown`, `keys-unavailable`
   */
  find(kid: string): VerificationKey | Promise<VerificationKey>
  /** Has keys ready, fresh ones where they are fetched. @throws {CountersignError} `keys-unavailable` */
  warm(): Promise<void>
}

export interface KeySetOptions {
  readonly engine: Engine
  /** Gives the JWK Set. @throws {CountersignError} `keys-unavailable` */
  readonly load: () => Promise<unknown>
  /** What it gives, for the operator. */
  readonly source: string
  /** Milliseconds that should only go forward; where they do not, the time until then is not counted. */
  readonly monotonicMs: () => number
  /** How old a set may become while its source is silent. */
  readonly maxStaleSeconds: number
  /** Is given the work that goes on after a verification has been answered. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

/** After this age the set is fetched again, beside the verification that noticed. */
const REFRESH_AFTER_MS = 240_000

/** A set this old is used without asking only when its source has just failed. */
const STALE_AFTER_MS = 300_000

/** Between two fetches while there are keys to go on with, whatever asks: unknown keys, failures, age. */
const COOL_DOWN_MS = 30_000

/** With no key at all nothing can be verified: after a failure it is tried again sooner, then ever later. */
const FIRST_RETRY_MS = 1_000

/** A waiter does not rely on a fetch that another request began and may have been ended with. */
const STUCK_AFTER_MS = 6_000

/** The keys of one issuer, loaded when needed. Each verifier has its own: no key crosses issuers. */
export function createKeySet(options: KeySetOptions): KeySet {
  const { engine, source, waitUntil } = options
  const maxAgeMs = options.maxStaleSeconds * 1000
  const nowMs = forward(options.monotonicMs)
  let keys: Keys | null = null
  /** When the answer that is held was asked for. */
  let fetchedAt = -Infinity
  let triedAt = -Infinity
  let failedAt = -Infinity
  let failures = 0
  let inFlight: Promise<Keys> | null = null

  const load = async (): Promise<Keys> => {
    const set = await options.load()
    if (isJwkSet(set)) return importKeySet(engine, set, keys ?? undefined)
    throw refusal('keys-unavailable', source)
  }

  /** One fetch at a time, however many ask. */
  const refresh = (): Promise<Keys> => {
    const now = nowMs()
    if (inFlight !== null && now - triedAt < STUCK_AFTER_MS) return inFlight
    triedAt = now
    const mine = load()
      .then(
        (loaded) => {
          failures = 0
          // One that was stuck and came after all knows less than one that was asked for later.
          if (now < fetchedAt) return keys ?? loaded
          fetchedAt = now
          keys = loaded
          return loaded
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

  const current = (): Keys | null => (keys !== null && nowMs() - fetchedAt < maxAgeMs ? keys : null)

  const mayTry = (): boolean => {
    if (inFlight !== null) return true
    const wait =
      current() === null
        ? Math.min(COOL_DOWN_MS, FIRST_RETRY_MS * 2 ** Math.max(0, failures - 1))
        : COOL_DOWN_MS
    return nowMs() - triedAt >= wait
  }

  const findLate = async (kid: string): Promise<VerificationKey> => {
    const known = current()
    // Whether the token's key is new cannot be known while its source is silent: that is no verdict.
    if (!mayTry()) throw known === null || failures > 0 ? sourceSilent(source) : unknownKey()
    const loaded = await refresh().catch((error: unknown) => {
      if (known?.has(kid) === true) return known
      throw error
    })
    const key = loaded.get(kid)
    if (key === undefined) throw unknownKey()
    return key
  }

  /** Nobody waits for it; a failure is tried again after the cool-down. */
  const refreshBeside = (): void => {
    const work = refresh().catch(() => undefined)
    waitUntil?.(work)
  }

  return {
    find(kid: string): VerificationKey | Promise<VerificationKey> {
      const age = nowMs() - fetchedAt
      const key = age < maxAgeMs ? keys?.get(kid) : undefined
      if (key === undefined) return findLate(kid)
      if (age < REFRESH_AFTER_MS || !mayTry()) return key
      // Nobody used it for long, and a key may have been removed meanwhile.
      const hasJustFailed = nowMs() - failedAt < STALE_AFTER_MS
      if (age >= STALE_AFTER_MS && !hasJustFailed) return findLate(kid)
      refreshBeside()
      return key
    },

    async warm(): Promise<void> {
      const known = current()
      if (known !== null && nowMs() - fetchedAt < REFRESH_AFTER_MS) return
      try {
        if (!mayTry()) throw sourceSilent(source)
        await refresh()
      } catch (error) {
        if (known === null) throw error
      }
      if (keys?.size === 0) throw refusal('keys-unavailable', `${source} with a fit key`)
    },
  }
}

/** A wall clock may be set back, and a set must not stay young until it has caught up. */
function forward(clock: () => number): () => number {
  let last = Number.POSITIVE_INFINITY
  let elapsed = 0
  return () => {
    const now = clock()
    elapsed += Math.max(0, now - last)
    last = now
    return elapsed
  }
}

function unknownKey(): CountersignError {
  return refusal('token-key-unknown')
}

function sourceSilent(source: string): CountersignError {
  return refusal('keys-unavailable', source, 'a recent failure')
}
