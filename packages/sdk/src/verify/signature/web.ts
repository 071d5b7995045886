import type { CheckSignature, PublicKeyMaterial } from './signature.ts'

interface Scheme {
  readonly importing: RsaHashedImportParams | EcKeyImportParams | Algorithm
  readonly checking: EcdsaParams | Algorithm
}

const SCHEMES: Readonly<Record<PublicKeyMaterial['algorithm'], Scheme>> = {
  RS256: {
    importing: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
    checking: { name: 'RSASSA-PKCS1-v1_5' },
  },
  ES256: {
    importing: { name: 'ECDSA', namedCurve: 'P-256' },
    checking: { name: 'ECDSA', hash: 'SHA-256' },
  },
  EdDSA: { importing: { name: 'Ed25519' }, checking: { name: 'Ed25519' } },
}

/** Signatures by WebCrypto, where there is no Node. */
export async function importKey({ algorithm, jwk }: PublicKeyMaterial): Promise<CheckSignature> {
  const { importing, checking } = SCHEMES[algorithm]
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey('jwk', jwk, importing, false, ['verify'])
  return (data, signature) =>
    subtle.verify(checking, key, signature as BufferSource, data as BufferSource)
}

/** Which engine this is: the runtime tests ask. */
export const ENGINE = 'web'
