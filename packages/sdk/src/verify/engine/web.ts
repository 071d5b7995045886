import type { JwtAlgorithm } from '../../token/algorithms.ts'
import { PORTABLE_CODEC } from '../../token/codec.ts'
import { UTF8 } from '../../token/utf8.ts'
import type { CheckSignature, Engine, PublicKeyMaterial } from './engine.ts'

/** For the import of a key and for the check: each takes from it what it needs. */
const SCHEMES: Readonly<
  Record<JwtAlgorithm, RsaHashedImportParams | EcKeyImportParams | Algorithm>
> = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
}

const NOTHING = new Uint8Array(0)
const NO_SIGNATURE = new Uint8Array(64)

async function importKey({ algorithm, jwk }: PublicKeyMaterial): Promise<CheckSignature> {
  const scheme = SCHEMES[algorithm]
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey('jwk', jwk, scheme, false, ['verify'])
  const check: CheckSignature = (data, signature) =>
    subtle.verify(scheme, key, signature as BufferSource, data as BufferSource)
  // Deno imports a point off its curve as well, and only throws at the first check.
  if (algorithm === 'ES256') await check(NOTHING, NO_SIGNATURE)
  return check
}

async function digest(text: string): Promise<string> {
  const bytes = await globalThis.crypto.subtle.digest('SHA-256', UTF8.encode(text))
  return String.fromCharCode(...new Uint8Array(bytes))
}

/** WebCrypto and plain JavaScript, where there is no Node. */
export const engine: Engine = {
  name: 'web',
  importKey,
  digest,
  codec: PORTABLE_CODEC,
}
