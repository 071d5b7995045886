import {
  type AsymmetricKeyDetails,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  sign,
  type SignKeyObjectInput,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { Algorithm, PublicJwk } from '../domain/records.ts'

/** What vaults that hold the private key in memory have in common. */

/** Signs as JWS wants it. The private key is in its closure. */
export type Sign = (data: Uint8Array) => Promise<Uint8Array>

interface Scheme {
  generate(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }>
  readonly keyType: string
  readonly details: AsymmetricKeyDetails
  readonly digest: string | null
  readonly options: Omit<SignKeyObjectInput, 'key'>
  /** An RSA signature takes a millisecond: it goes to the thread pool; the others are shorter than the way there. */
  readonly pooled: boolean
}

const generate = promisify(generateKeyPair)

const SCHEMES: Readonly<Record<Algorithm, Scheme>> = {
  RS256: {
    generate: () => generate('rsa', { modulusLength: 2048, publicExponent: 0x10001 }),
    keyType: 'rsa',
    details: { modulusLength: 2048, publicExponent: 0x10001n },
    digest: 'sha256',
    options: {},
    pooled: true,
  },
  ES256: {
    generate: () => generate('ec', { namedCurve: 'P-256' }),
    keyType: 'ec',
    details: { namedCurve: 'prime256v1' },
    digest: 'sha256',
    options: { dsaEncoding: 'ieee-p1363' },
    pooled: false,
  },
  EdDSA: {
    generate: () => generate('ed25519'),
    keyType: 'ed25519',
    details: {},
    digest: null,
    options: {},
    pooled: false,
  },
}

/** Makes a key pair for an algorithm. */
export async function generateSigningKey(
  kid: string,
  algorithm: Algorithm,
): Promise<{
  readonly publicJwk: PublicJwk
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}> {
  const pair = await SCHEMES[algorithm].generate()
  return { publicJwk: toPublicJwk(kid, algorithm, pair.publicKey), ...pair }
}

/** `null` when the key is not of the kind that the algorithm needs. */
export function prepareSigner(algorithm: Algorithm, privateKey: KeyObject): Sign | null {
  const { keyType, details, digest, options, pooled } = SCHEMES[algorithm]
  if (privateKey.asymmetricKeyType !== keyType) return null
  const found: Partial<Record<string, unknown>> = { ...privateKey.asymmetricKeyDetails }
  if (Object.entries(details).some(([name, value]) => found[name] !== value)) return null
  const input: SignKeyObjectInput = { ...options, key: privateKey }
  return pooled
    ? (data) => signInPool(digest, data, input)
    : async (data) => sign(digest, data, input)
}

function signInPool(
  digest: string | null,
  data: Uint8Array,
  input: SignKeyObjectInput,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    sign(digest, data, input, (error, signature) => {
      if (error === null) resolve(signature)
      else reject(error)
    })
  })
}

/** A public key as a key set has it. */
export function toPublicJwk(kid: string, algorithm: Algorithm, publicKey: KeyObject): PublicJwk {
  const { kty, n, e, crv, x, y }: JsonWebKey = publicKey.export({ format: 'jwk' })
  const material = Object.entries({ kty, n, e, crv, x, y }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return { kid, alg: algorithm, use: 'sig', ...Object.fromEntries(material) }
}
