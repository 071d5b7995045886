import type { JwtAlgorithm } from '../../token/algorithms.ts'
import { PORTABLE_CODEC } from '../../token/codec.ts'
import { UTF8 } from '../../token/utf8.ts'
import { createGenerations } from '../generations.ts'
import type { VerifiedToken, VerifiedTokens } from '../verified-tokens.ts'
import type { CheckSignature, Engine, PublicKeyMaterial, VerifiedTokensOptions } from './engine.ts'

/** For the import of a key and for the check: each takes from it what it needs. */
const SCHEMES: Readonly<
  Record<JwtAlgorithm, RsaHashedImportParams | EcKeyImportParams | Algorithm>
> = {
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
}

async function importKey({ algorithm, jwk }: PublicKeyMaterial): Promise<CheckSignature> {
  const scheme = SCHEMES[algorithm]
  const { subtle } = globalThis.crypto
  const key = await subtle.importKey('jwk', jwk, scheme, false, ['verify'])
  const check: CheckSignature = (data, signature) =>
    subtle.verify(scheme, key, signature as BufferSource, data as BufferSource)
  // Deno imports a point off its curve as well, and only throws at the first check.
  if (algorithm === 'ES256') await check(new Uint8Array(), new Uint8Array(64))
  return check
}

/** A token that was verified, by its SHA-256: nobody can present what is kept here. */
interface Entry<Claims> {
  readonly digest: string
  readonly verified: VerifiedToken<Claims>
}

/** So many characters are a text of their own: a part of the token that is longer would keep all of it. */
const END = -8

/** Entries are found by the end of the signature, so that what is new costs no digest to be looked for. */
function createVerifiedTokens<Claims>({
  cacheSize,
}: Pick<VerifiedTokensOptions<Claims>, 'cacheSize'>): VerifiedTokens<Claims> {
  const entries = createGenerations<string, Entry<Claims>>(cacheSize)
  return {
    find(token) {
      const entry = entries.get(token.slice(END))
      return (
        entry && digest(token).then((own) => (own === entry.digest ? entry.verified : undefined))
      )
    },
    remember(token, verified) {
      if (cacheSize < 1) return
      digest(token).then(
        (own) => {
          entries.set(token.slice(END), { digest: own, verified })
        },
        () => undefined,
      )
    },
  }
}

async function digest(text: string): Promise<string> {
  const bytes = await globalThis.crypto.subtle.digest('SHA-256', UTF8.encode(text))
  return String.fromCharCode(...new Uint8Array(bytes))
}

/** WebCrypto and plain JavaScript, where there is no Node. */
export const engine: Engine = {
  name: 'web',
  importKey,
  codec: PORTABLE_CODEC,
  createVerifiedTokens,
}
