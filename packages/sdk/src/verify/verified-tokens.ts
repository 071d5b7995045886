import type { Engine } from './engine/engine.ts'
import type { VerificationKey } from './jwk.ts'

/** A token that was verified, without its text: nobody can present what is kept here. */
export interface VerifiedToken<Claims> {
  readonly key: VerificationKey
  /** Shared by all who find it: to be read, never handed out. */
  readonly claims: Claims
}

/** The tokens whose signature need not be checked again, at most so many. */
export interface VerifiedTokens<Claims> {
  /**
   * What is remembered of this very token, or of one that differs in nothing that needs a judge but its times.
   *
   * @param isCurrent Whether a key may still verify.
   * @throws {CountersignError} `token-signature-invalid`, where that could be said at once.
   */
  find(
    token: string,
    isCurrent: (key: VerificationKey) => boolean,
  ): Awaitable<VerifiedToken<Claims> | undefined>
  /**
   * Remembers a token that is verified for the second time: many that are seen once are not seen again.
   *
   * @param judgedMs When all of its claims were judged, if they were; epoch milliseconds.
   */
  remember(token: string, verified: VerifiedToken<Claims>, judgedMs?: number): void
}

/** Empty for what was verified once: its SHA-256 is a quarter of all that is not the signature. */
interface Slot<Claims> {
  /** What the token begins with. */
  prefix?: string
  /** SHA-256 of what is behind that. */
  digest?: string
  verified?: VerifiedToken<Claims>
}

/**
 * Entries are found by a fingerprint, then known by their SHA-256. Only a holder of the signing key makes
 * tokens that get here, so no stranger can fill it or push others out.
 *
 * @param size How many tokens are kept, in two generations: the older one is dropped at once when the
 *   younger is full.
 * @param prefixOf What a token begins with that is rather kept and compared than digested.
 */
export function createVerifiedTokens<Claims>(
  { digest }: Pick<Engine, 'digest'>,
  size: number,
  prefixOf: (token: string) => string = () => '',
): VerifiedTokens<Claims> {
  const generationSize = size >> 1 || 1
  let younger = new Map<number, Slot<Claims>>()
  let older = new Map<number, Slot<Claims>>()

  const put = (fingerprint: number, slot: Slot<Claims>): void => {
    if (younger.size >= generationSize) {
      older = younger
      younger = new Map()
    }
    younger.set(fingerprint, slot)
  }

  const slotOf = (fingerprint: number): Slot<Claims> | undefined =>
    younger.get(fingerprint) ?? older.get(fingerprint)

  return {
    find(token: string) {
      const slot = slotOf(fingerprintOf(token))
      const prefix = slot?.prefix
      if (prefix === undefined || token.slice(0, prefix.length) !== prefix) return undefined
      const rest = digest(token.slice(prefix.length))
      if (!(rest instanceof Promise)) return verifiedOf(slot, rest)
      return rest.then((own) => verifiedOf(slot, own))
    },
    remember(token: string, verified: VerifiedToken<Claims>) {
      if (size === 0) return
      const fingerprint = fingerprintOf(token)
      const slot = slotOf(fingerprint)
      if (slot === undefined) put(fingerprint, {})
      else {
        const prefix = prefixOf(token)
        const kept = whenThere(digest(token.slice(prefix.length)), (own) => {
          Object.assign(slot, { prefix, digest: own, verified })
        })
        if (kept instanceof Promise) kept.catch(() => undefined)
      }
    },
  }
}

function verifiedOf<Claims>(
  slot: Slot<Claims> | undefined,
  digest: string,
): VerifiedToken<Claims> | undefined {
  return slot?.digest === digest ? slot.verified : undefined
}

/** At once where the platform can: to wait for what is there already costs as much as the claims. */
export type Awaitable<Value> = Value | Promise<Value>

export function whenThere<Value, Next>(
  value: Awaitable<Value>,
  next: (value: Value) => Awaitable<Next>,
): Awaitable<Next> {
  return value instanceof Promise ? value.then(next) : next(value)
}

const FINGERPRINT_CHARACTERS = 5

/** Some thirty bits of the end of the signature: another token shares them by chance only. */
function fingerprintOf(token: string): number {
  let fingerprint = 0
  for (let back = 1; back <= FINGERPRINT_CHARACTERS; back++) {
    // A character of base64url has six bits.
    fingerprint = (fingerprint << 6) ^ token.charCodeAt(token.length - back)
  }
  return fingerprint
}
