import type { M2MToken } from '../token/m2m-token.ts'
import { createMemo } from './memo.ts'
import { createVerifier, type VerifierOptions } from './verifier.ts'

const verifierOf = createMemo(createVerifier)

/**
 * Verifies a machine JWT locally, in one call. The verifier is made by the first call with these options
 * and serves all that follow.
 *
 * @throws {CountersignError} with a `token-…` code, `keys-unavailable`, or `configuration-invalid`.
 */
export async function verifyM2MJwt(token: string, options: VerifierOptions): Promise<M2MToken> {
  return verifierOf(options).verify(token)
}
