import type { JsonObject } from '../token/json.ts'
import type { Engine } from './engine/engine.ts'
import type { VerificationKey } from './jwk.ts'

/** A token that was verified, without its text: nobody can present what is kept here. */
export interface VerifiedToken<Result> {
  readonly key: VerificationKey
  readonly payload: JsonObject
  /** Like the payload it is shared by all who find it: to be read and copied, never handed out. */
  readonly result: Result
}

/** The tokens whose signature need not be checked again, at most so many. */
export interface VerifiedTokens<Result> {
  /** What was remembered of exactly this token. */
  find(
    token: string,
  ): VerifiedToken<Result> | undefined | Promise<VerifiedToken<Result> | undefined>
  /**
   * Remembers a token that is verified for the second time: many that are seen once are not seen again.
   * What is to be kept of it is asked for at once, or not at all.
   */
  remember(token: string, verified: () => VerifiedToken<Result>): void
}

interface Entry<Result> {
  /** SHA-256 of the token. */
  readonly digest: string
  readonly verified: VerifiedToken<Result>
}

/** Verified once. Its SHA-256 has not been computed: that is a quarter of all that is not the signature. */
type Slot<Result> = Entry<Result> | 'seen'

/**
 * Entries are found by a fingerprint, then known by their SHA-256. Only a holder of the signing key makes
 * tokens that get here, so no stranger can fill it or push others out.
 *
 * @param size How many tokens are kept, in two generations: the older one is dropped at once when the
 *   younger is full, and what is used meanwhile moves to the younger.
 */
export function createVerifiedTokens<Result>(
  engine: Pick<Engine, 'digest'>,
  size: number,
): VerifiedTokens<Result> {
  const generationSize = Math.ceil(size / 2)
  let younger = new Map<number, Slot<Result>>()
  let older = new Map<number, Slot<Result>>()

  const put = (fingerprint: number, slot: Slot<Result>): void => {
    if (younger.size >= generationSize && !younger.has(fingerprint)) {
      older = younger
      younger = new Map()
    }
    younger.set(fingerprint, slot)
  }

  const slotOf = (fingerprint: number): Slot<Result> | undefined => {
    const slot = younger.get(fingerprint)
    if (slot !== undefined) return slot
    const aged = older.get(fingerprint)
    if (aged !== undefined) put(fingerprint, aged)
    return aged
  }

  const matching = (entry: Entry<Result>, actual: string): VerifiedToken<Result> | undefined =>
    entry.digest === actual ? entry.verified : undefined

  return Object.freeze({
    find(token: string) {
      const slot = slotOf(fingerprintOf(token))
      if (slot === undefined || slot === 'seen') return undefined
      const actual = engine.digest(token)
      return typeof actual === 'string'
        ? matching(slot, actual)
        : actual.then((text) => matching(slot, text))
    },
    remember(token: string, toKeep: () => VerifiedToken<Result>) {
      if (size === 0) return
      const fingerprint = fingerprintOf(token)
      const slot = slotOf(fingerprint)
      if (slot === undefined) {
        put(fingerprint, 'seen')
        return
      }
      const verified = toKeep()
      const actual = engine.digest(token)
      if (typeof actual === 'string') put(fingerprint, { digest: actual, verified })
      else {
        actual.then(
          (text) => put(fingerprint, { digest: text, verified }),
          () => undefined,
        )
      }
    },
  })
}

const FINGERPRINT_CHARACTERS = 7

/** 49 bits from the end of the signature: what another token shares with this one by chance only. */
function fingerprintOf(token: string): number {
  const { length } = token
  let fingerprint = 0
  for (let back = 1; back <= FINGERPRINT_CHARACTERS; back++) {
    fingerprint = fingerprint * 128 + (token.charCodeAt(length - back) & 127)
  }
  return fingerprint
}
