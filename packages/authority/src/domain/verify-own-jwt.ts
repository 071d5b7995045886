import type { Context } from './context.ts'
import type { M2MToken } from './m2m-token.ts'
import type { SigningKeys } from './signing-keys.ts'

/** Checks a JWT that this authority may have signed; `null` when it is not valid now. */
export type VerifyOwnJwt = (text: string, now: number) => Promise<M2MToken | null>

export function createOwnJwtVerifier(_context: Context, _signingKeys: SigningKeys): VerifyOwnJwt {
  return () => Promise.resolve(null)
}
