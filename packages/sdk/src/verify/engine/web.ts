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

const NOTHING = new Uint8Array(0)
const NO_SIGNATURE = new Uint8Array(64)

async function importKey({ algorithm, jwk }: PublicKeyMaterial): Promise<CheckSignature> {
  const { importing, checking } = SCHEMES[algorithm]
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey('jwk', jwk, importing, false, ['verify'])
  const check: CheckSignature = (data, signature) =>
    subtle.verify(checking, key, signature as BufferSource, data as BufferSource)
  // Deno imports a point off its curve as well, and only throws at the first check.
  if (algorithm === 'ES256') await check(NOTHING, NO_SIGNATURE)
  return check
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
