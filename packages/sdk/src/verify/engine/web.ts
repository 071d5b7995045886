import type { JwtAlgorithm } from '../../token/algorithms.ts'
import { PORTABLE_CODEC } from '../../token/codec.ts'
import type { CheckSignature, Engine, PublicKeyMaterial } from './engine.ts'

interface Scheme {
  readonly importing: RsaHashedImportParams | EcKeyImportParams | Algorithm
  readonly checking: EcdsaParams | Algorithm
}

const SCHEMES: Readonly<Record<JwtAlgorithm, Scheme>> = {
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

const ENCODER = new TextEncoder()

async function importKey({ algorithm, jwk }: PublicKeyMaterial): Promise<CheckSignature> {
  const { importing, checking } = SCHEMES[algorithm]
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey('jwk', jwk, importing, false, ['verify'])
  return (data, signature) =>
    subtle.verify(checking, key, signature as BufferSource, data as BufferSource)
}

async function digest(text: string): Promise<string> {
  const bytes = await globalThis.crypto.subtle.digest('SHA-256', ENCODER.encode(text))
  return String.fromCharCode(...new Uint8Array(bytes))
}

/** WebCrypto and plain JavaScript, where there is no Node. */
export const engine: Engine = Object.freeze({
  name: 'web',
  importKey,
  digest,
  codec: PORTABLE_CODEC,
})
