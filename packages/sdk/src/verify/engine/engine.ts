import type { JwtAlgorithm } from '../../token/algorithms.ts'
import type { Codec } from '../../token/codec.ts'
import type { JsonObject } from '../../token/json.ts'
import type { VerifiedTokens } from '../verified-tokens.ts'

/**
 * What a platform must offer to verify tokens: one implementation for Node, one for the web. The
 * `imports` map of the package picks it; both give every token the same verdict.
 */
export interface Engine {
  readonly name: 'node' | 'web'
  /** Imports a key once. Rejects when the platform does not take it: a point off its curve, for one. */
  importKey(key: PublicKeyMaterial): Promise<CheckSignature>
  readonly codec: Codec
  /** What a verifier knows of tokens it has verified. */
  createVerifiedTokens<Claims extends object>(
    options: VerifiedTokensOptions<Claims>,
  ): VerifiedTokens<Claims>
}

export interface VerifiedTokensOptions<Claims> {
  /** How many are remembered that have been seen. */
  readonly cacheSize: number
  /** The longest to look at; and who judges them, for an engine that also knows tokens like those. */
  readonly maxTokenBytes: number
  readonly jwtClass: { readonly judge: Judge<Claims> }
}

/** Judges all claims. @throws {CountersignError} */
export type Judge<Claims> = (payload: JsonObject, nowMs: number) => Claims

/** A public key that was checked (`jwk.ts`), by its algorithm. */
export interface PublicKeyMaterial {
  readonly algorithm: JwtAlgorithm
  /** `kty` and the public members of the key alone (RFC 7518 §6, RFC 8037 §2). */
  readonly jwk: Readonly<Record<string, string>>
}

/** Tells whether a signature over these bytes is right. Never throws for a wrong one. */
export type CheckSignature = (data: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>
