import { CountersignError } from '../token/errors.ts'
import { parseJws } from '../token/jws.ts'
import { judgeClaims, judgeHeader } from '../token/m2m-claims.ts'
import { M2MToken } from '../token/m2m-token.ts'
import type { KeySet } from './key-set.ts'

export interface VerifierOptions {
  /** The exact `iss` of its tokens. */
  readonly issuer: string
  /** The machine that tokens must be meant for; `null` accepts every receiver. */
  readonly audience: string | null
  readonly keys: KeySet
  /** Epoch milliseconds. */
  readonly now: () => number
  /** How far clocks may be apart. Default 5, at most 60. */
  readonly clockToleranceSeconds?: number
}

/** Checks machine JWTs of one issuer, without asking anybody but its key set. */
export interface Verifier {
  /** @throws {CountersignError} with a `token-…` code, or `keys-unavailable`. */
  verify(token: string): Promise<M2MToken>
}

const DEFAULT_TOLERANCE_SECONDS = 5

/** A verifier whose options are fixed from now on. */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, keys, now } = options
  const { clockToleranceSeconds = DEFAULT_TOLERANCE_SECONDS } = options
  return Object.freeze({
    async verify(token: string): Promise<M2MToken> {
      const { header, payload, signingInput, signature } = parseJws(token)
      const { kid, alg } = judgeHeader(header)
      const found = keys.find(kid)
      const key = found instanceof Promise ? await found : found
      // The key decides, and the header may only agree.
      if (alg !== key.algorithm && !(alg === 'Ed25519' && key.algorithm === 'EdDSA')) {
        throw new CountersignError('token-algorithm-not-allowed', {
          expected: `alg ${key.algorithm}`,
        })
      }
      if (signature.length !== key.signatureLength) {
        throw new CountersignError('token-signature-invalid')
      }
      const checked = key.check(signingInput, signature)
      if (!(typeof checked === 'boolean' ? checked : await checked)) {
        throw new CountersignError('token-signature-invalid')
      }
      const nowMs = now()
      const claims = judgeClaims(payload, { issuer, audience, nowMs, clockToleranceSeconds })
      return M2MToken.fromJwtPayload(claims, clockToleranceSeconds * 1000, nowMs)
    },
  })
}
