/** What a platform must offer to check signatures: one implementation for Node, one for the web. */

/** A public key that was checked (`jwk.ts`), by its algorithm. */
export interface PublicKeyMaterial {
  readonly algorithm: 'RS256' | 'ES256' | 'EdDSA'
  /** `kty` and the public members of the key alone (RFC 7518 §6, RFC 8037 §2). */
  readonly jwk: Readonly<Record<string, string>>
}

/** Tells whether a signature over these bytes is right. Never throws for a wrong one. */
export type CheckSignature = (data: Uint8Array, signature: Uint8Array) => boolean | Promise<boolean>

/** Imports a key once. Rejects when the platform does not take it: a point off its curve, for one. */
export type ImportKey = (key: PublicKeyMaterial) => Promise<CheckSignature>
