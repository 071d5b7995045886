/** The algorithms of signatures that are understood (RFC 7518 §3.1, RFC 8037 §3.1). */
export type JwtAlgorithm = 'RS256' | 'ES256' | 'EdDSA'

/** All of them, each by the one name that it has here. */
export const JWT_ALGORITHMS: readonly JwtAlgorithm[] = Object.freeze(['RS256', 'ES256', 'EdDSA'])

/**
 * The algorithm that a header's `alg` names, or `null` for none of ours. RFC 9864 §2.2 gives EdDSA on
 * Ed25519 a full name of its own. Case counts.
 */
export function algorithmNamed(alg: unknown): JwtAlgorithm | null {
  if (alg === 'Ed25519') return 'EdDSA'
  return JWT_ALGORITHMS.find((name) => name === alg) ?? null
}
