import type { JsonObject } from '../token/json.ts'
import type { Engine } from './engine/engine.ts'
import type { VerificationKey } from './jwk.ts'

/** A token whose signature was right, without its text: nobody can present what is kept here. */
export interface VerifiedToken {
  readonly key: VerificationKey
  /** What was signed. It is shared by all who find it: to be read and judged, never handed out. */
  readonly payload: JsonObject
}

/** The tokens whose signature need not be checked again, at most so many. */
export interface VerifiedTokens {
  /** What was remembered of exactly this token. */
  find(token: string): VerifiedToken | undefined | Promise<VerifiedToken | undefined>
  /** Remembers a token that is verified for the second time: most of those seen once are not seen again. */
  remember(token: string, verified: VerifiedToken): void
}

interface Entry {
  /** SHA-256 of the token. */
  readonly digest: string
  readonly verified: VerifiedToken
}

/** Verified once. Its SHA-256 has not been computed: that is a quarter of all that is not the signature. */
type Slot = Entry | 'seen'

/**
 * Entries are found by a fingerprint, then known by their SHA-256. Only a holder of the signing key makes
 * tokens that get here, so no stranger can fill it or push others out.
 *
 * @param size How many tokens are kept, in two generations: the older one is dropped at once when the
 *   younger is full, and what is used meanwhile moves to the younger.
 */
export function createVerifiedTokens(engine: Pick<Engine, 'digest'>, size: number): VerifiedTokens {
  const generationSize = Math.ceil(size / 2)
  let younger = new Map<number, Slot>()
  let older = new Map<number, Slot>()

  const put = (fingerprint: number, slot: Slot): void => {
    if (younger.size >= generationSize && !younger.has(fingerprint)) {
      older = younger
      younger = new Map()
    }
    younger.set(fingerprint, slot)
  }

  const slotOf = (fingerprint: number): Slot | undefined => {
    const slot = younger.get(fingerprint)
    if (slot !== undefined) return slot
    const aged = older.get(fingerprint)
    if (aged !== undefined) put(fingerprint, aged)
    return aged
  }

  const matching = (entry: Entry, actual: string): VerifiedToken | undefined =>
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
    remember(token: string, verified: VerifiedToken) {
      if (size === 0) return
      const fingerprint = fingerprintOf(token)
      const slot = slotOf(fingerprint)
      if (slot === undefined) {
        put(fingerprint, 'seen')
        return
      }
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
