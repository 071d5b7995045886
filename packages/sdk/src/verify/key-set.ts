import type { CountersignError } from '../token/errors.ts'
import { refusal } from '../token/errors.ts'
import type { Engine } from './engine/engine.ts'
import { importKeySet, isJwkSet, type Keys, type VerificationKey } from './jwk.ts'
import { createRefreshed } from './refreshed.ts'

/** Finds keys by `kid`. */
export interface KeySet {
  /**
   * The key of this id.
   *
   * @throws {CountersignError} `token-key-unknown`, `keys-unavailable`
   */
  find(kid: string): VerificationKey | Promise<VerificationKey>
  /**
   * Fetches them anew, whatever was fetched lately: for a key that the issuer itself has just named, and no
   * stranger can.
   *
   * @throws {CountersignError} `keys-unavailable`
   */
  readonly refresh: () => Promise<unknown>
  /** Has keys ready, fresh ones where they are fetched. @throws {CountersignError} `keys-unavailable` */
  readonly warm: () => Promise<void>
  /** Whether there are any, young enough to verify with. */
  isKnown(): boolean
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
  readonly jwksMaxStaleSeconds: number
  /** Is given the work that goes on after a verification has been answered. */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

/** After this age the set is fetched again, beside the verification that noticed. */
const REFRESH_AFTER_MS = 240_000

/** A set this old is used without asking only when its source has just failed. */
const STALE_AFTER_MS = 300_000

/** Between two fetches while there are keys to go on with, whatever asks: unknown keys, failures, age. */
const COOL_DOWN_MS = 30_000

/** The keys of one issuer, loaded when needed. Each verifier has its own: no key crosses issuers. */
export function createKeySet(options: KeySetOptions): KeySet {
  const { engine, source, monotonicMs, waitUntil } = options
  const maxAgeMs = options.jwksMaxStaleSeconds * 1000
  const keys = createRefreshed<Keys>({
    async load(known) {
      const set = await options.load()
      if (isJwkSet(set)) return [await importKeySet(engine, set, known ?? undefined), 0]
      throw refusal('keys-unavailable', source)
    },
    monotonicMs,
    maxAgeMs: () => maxAgeMs,
    coolDownMs: COOL_DOWN_MS,
    waitUntil,
  })

  const findLate = async (kid: string): Promise<VerificationKey> => {
    const known = keys.current()
    // Whether the token's key is new cannot be known while its source is silent: that is no verdict.
    if (!keys.mayTry()) {
      throw known === null || keys.isFailing() ? sourceSilent(source) : refusal('token-key-unknown')
    }
    const loaded = await keys.refresh().catch((error: unknown) => {
      if (known?.has(kid) === true) return known
      throw error
    })
    const key = loaded.get(kid)
    if (key === undefined) throw refusal('token-key-unknown')
    return key
  }

  return {
    find(kid: string): VerificationKey | Promise<VerificationKey> {
      const age = keys.ageMs()
      const key = keys.current(age)?.get(kid)
      if (key === undefined) return findLate(kid)
      if (age < REFRESH_AFTER_MS || !keys.mayTry()) return key
      // Nobody used it for long, and a key may have been removed meanwhile.
      if (age >= STALE_AFTER_MS && !keys.hasFailedWithin(STALE_AFTER_MS)) return findLate(kid)
      keys.refreshBeside()
      return key
    },

    refresh: keys.refresh,

    async warm(): Promise<void> {
      const known = keys.current()
      if (known !== null && keys.ageMs() < REFRESH_AFTER_MS) return
      try {
        if (!keys.mayTry()) throw sourceSilent(source)
        await keys.refresh()
      } catch (error) {
        if (known === null) throw error
      }
      if (keys.current()?.size === 0) throw refusal('keys-unavailable', `${source} with a fit key`)
    },

    isKnown: () => (keys.current()?.size ?? 0) > 0,
  }
}

function sourceSilent(source: string): CountersignError {
  return refusal('keys-unavailable', source, 'a recent failure')
}
