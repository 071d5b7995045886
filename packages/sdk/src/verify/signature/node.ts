import { createPublicKey, verify } from 'node:crypto'
import type { CheckSignature, PublicKeyMaterial } from './signature.ts'

const DIGESTS: Readonly<Record<PublicKeyMaterial['algorithm'], string | null>> = {
  RS256: 'sha256',
  ES256: 'sha256',
  EdDSA: null,
}

/** Signatures by Node's own crypto, synchronous: the way to the thread pool costs more than the check. */
export function importKey({ algorithm, jwk }: PublicKeyMaterial): Promise<CheckSignature> {
  const digest = DIGESTS[algorithm]
  try {
    const key = createPublicKey({ key: jwk, format: 'jwk' })
    // RFC 7518 §3.4: r and s side by side, never DER on the wire.
    const input = algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key
    return Promise.resolve((data, signature) => verify(digest, data, input, signature))
  } catch (error) {
    return Promise.reject(error instanceof Error ? error : new Error('The key was not imported.'))
  }
}

/** Which engine this is: the runtime tests ask. */
export const ENGINE = 'node'
