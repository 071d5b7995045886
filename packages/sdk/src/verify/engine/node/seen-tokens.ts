import { createHash, hash } from 'node:crypto'
import { createGenerations } from '../../generations.ts'
import type { VerifiedToken, VerifiedTokens } from '../../verified-tokens.ts'

/** Empty for what was verified once: its SHA-256 is a quarter of all that is not the signature. */
interface Slot<Claims> {
  /** What the signature covers. */
  signed?: string
  /** SHA-256 of the rest: of the dot, and of the signature. */
  digest?: string
  verified?: VerifiedToken<Claims>
}

/**
 * Entries are found by a fingerprint, then known by their text and the SHA-256 of their signature: nobody can
 * present what is kept here. Only a holder of the signing key makes tokens that get here, so no stranger can
 * fill it or push others out. A token is remembered when it comes for the second time: many that are seen
 * once are not seen again.
 *
 * @param size How many tokens are kept.
 */
export function createSeenTokens<Claims>(size: number): VerifiedTokens<Claims> {
  const slots = createGenerations<number, Slot<Claims>>(size)
  return {
    find(token) {
      const slot = slots.get(fingerprintOf(token))
      const signed = slot?.signed
      if (signed === undefined || token.slice(0, signed.length) !== signed) return undefined
      return slot?.digest === digest(token.slice(signed.length)) ? slot.verified : undefined
    },
    remember(token, verified) {
      if (size < 1) return
      const fingerprint = fingerprintOf(token)
      const slot = slots.get(fingerprint)
      if (slot === undefined) slots.set(fingerprint, {})
      else {
        const signed = signingInputOf(token)
        Object.assign(slot, { signed, digest: digest(token.slice(signed.length)), verified })
      }
    },
  }
}

/** Half of what it costs by `createHash`; not every platform that looks like Node has it. */
const digest: (text: string) => string =
  typeof hash === 'function'
    ? (text) => hash('sha256', text, 'binary')
    : (text) => createHash('sha256').update(text).digest('binary')

/**
 * Opens nothing without its signature, and is compared in a tenth of the time that its digest takes. In a room
 * of its own: a part of the token would keep all of it.
 */
function signingInputOf(token: string): string {
  return Buffer.from(token.slice(0, token.lastIndexOf('.'))).toString('latin1')
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
