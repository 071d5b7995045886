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
  /** What was remembered of exactly this token. */
  find(token: string): Awaitable<VerifiedToken<Claims> | undefined>
  /**
   * Remembers a token that is verified for the second time: many that are seen once are not seen again.
   */
  remember(token: string, verified: VerifiedToken<Claims>): void
}

/** Empty for what was verified once: its SHA-256 is a quarter of all that is not the signature. */
interface Slot<Claims> {
  /** SHA-256 of the token. */
  readonly digest?: string
  readonly verified?: VerifiedToken<Claims>
}

/**
 * Entries are found by a fingerprint, then known by their SHA-256. Only a holder of the signing key makes
 * tokens that get here, so no stranger can fill it or push others out.
 *
 * @param size How many tokens are kept, in two generations: the older one is dropped at once when the
 *   younger is full, and what is used meanwhile moves to the younger.
 */
export function createVerifiedTokens<Claims>(
  engine: Pick<Engine, 'digest'>,
  size: number,
): VerifiedTokens<Claims> {
  const generationSize = Math.max(1, Math.floor(size / 2))
  let younger = new Map<number, Slot<Claims>>()
  let older = new Map<number, Slot<Claims>>()

  const put = (fingerprint: number, slot: Slot<Claims>): void => {
    if (younger.size >= generationSize && !younger.has(fingerprint)) {
      older = younger
      younger = new Map()
    }
    younger.set(fingerprint, slot)
  }

  const slotOf = (fingerprint: number): Slot<Claims> | undefined => {
    const slot = younger.get(fingerprint) ?? older.get(fingerprint)
    if (slot !== undefined) put(fingerprint, slot)
    return slot
  }

  return {
    find(token: string) {
      const slot = slotOf(fingerprintOf(token))
      if (!slot?.digest) return undefined
      return whenThere(engine.digest(token), (digest) =>
        digest === slot.digest ? slot.verified : undefined,
      )
    },
    remember(token: string, verified: VerifiedToken<Claims>) {
      if (size === 0) return
      const fingerprint = fingerprintOf(token)
      if (slotOf(fingerprint) === undefined) put(fingerprint, {})
      else {
        const kept = whenThere(engine.digest(token), (digest) => {
          put(fingerprint, { digest, verified })
        })
        if (kept instanceof Promise) kept.catch(() => undefined)
      }
    },
  }
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

/** The length, and 35 bits from the end of the signature: another token shares both by chance only. */
function fingerprintOf(token: string): number {
  const { length } = token
  let fingerprint = length
  for (let back = 1; back <= FINGERPRINT_CHARACTERS; back++) {
    fingerprint = fingerprint * 128 + (token.charCodeAt(length - back) & 127)
  }
  return fingerprint
}
