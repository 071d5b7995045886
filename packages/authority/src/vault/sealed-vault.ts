import {
  createPrivateKey,
  generateKeyPair,
  type JsonWebKey,
  type KeyObject,
  sign,
  type SignKeyObjectInput,
} from 'node:crypto'
import { promisify } from 'node:util'
import type { Sealer } from '../domain/data-keys.ts'
import { signingKeyPlace } from '../domain/places.ts'
import type { KeyVault, VaultKey } from '../domain/ports.ts'
import type { Algorithm, PublicJwk } from '../domain/records.ts'

interface Scheme {
  generate(): Promise<{ publicKey: KeyObject; privateKey: KeyObject }>
  readonly digest: string | null
  readonly options: Omit<SignKeyObjectInput, 'key'>
  /** An RSA signature takes a millisecond: it goes to the thread pool; the others are shorter than the way there. */
  readonly pooled: boolean
}

const generate = promisify(generateKeyPair)

const SCHEMES: Readonly<Record<Algorithm, Scheme>> = {
  RS256: {
    generate: () => generate('rsa', { modulusLength: 2048, publicExponent: 0x10001 }),
    digest: 'sha256',
    options: {},
    pooled: true,
  },
  ES256: {
    generate: () => generate('ec', { namedCurve: 'P-256' }),
    digest: 'sha256',
    options: { dsaEncoding: 'ieee-p1363' },
    pooled: false,
  },
  EdDSA: { generate: () => generate('ed25519'), digest: null, options: {}, pooled: false },
}

/**
 * Keeps private keys in the store, sealed. A handle is the sealed PKCS #8 key; opened keys stay in
 * this closure.
 */
export function createSealedVault(sealer: Sealer): KeyVault {
  const opened = new Map<string, SignKeyObjectInput>()

  const open = (key: VaultKey): SignKeyObjectInput => {
    const known = opened.get(key.kid)
    if (known !== undefined) return known
    const der = sealer.open(signingKeyPlace(key.kid), key.handle)
    if (der === null) throw new Error(`The private key ${key.kid} does not open: it was altered.`)
    const privateKey = createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' })
    const input = { ...SCHEMES[key.algorithm].options, key: privateKey }
    opened.set(key.kid, input)
    return input
  }

  return Object.freeze({
    async create(kid: string, algorithm: Algorithm) {
      const { publicKey, privateKey } = await SCHEMES[algorithm].generate()
      const der = privateKey.export({ format: 'der', type: 'pkcs8' })
      const handle = sealer.seal(signingKeyPlace(kid), der)
      der.fill(0)
      return { publicJwk: toPublicJwk(kid, algorithm, publicKey), handle }
    },

    async sign(key: VaultKey, data: Uint8Array) {
      const { digest, pooled } = SCHEMES[key.algorithm]
      const input = open(key)
      return pooled ? await signInPool(digest, data, input) : sign(digest, data, input)
    },
  })
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

function toPublicJwk(kid: string, algorithm: Algorithm, publicKey: KeyObject): PublicJwk {
  const { kty, n, e, crv, x, y }: JsonWebKey = publicKey.export({ format: 'jwk' })
  const material = Object.entries({ kty, n, e, crv, x, y }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return { kid, alg: algorithm, use: 'sig', ...Object.fromEntries(material) }
}
