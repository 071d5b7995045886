import type { KeySpec, KMSClient, KMSClientConfig, SigningAlgorithmSpec } from '@aws-sdk/client-kms'
import type { Algorithm, KeyVault, PublicJwk, Sealer, VaultKey } from '@countersign/authority'
import {
  type AsymmetricKeyDetails,
  createHash,
  createPublicKey,
  type JsonWebKey,
  type KeyObject,
  verify,
} from 'node:crypto'
import { AwsKmsError } from './aws-kms-error.ts'
import { rawFromDer } from './ecdsa.ts'
import { isKeyArn, openHandle, sealHandle } from './handle.ts'
import { createKms, type Kms } from './kms.ts'

export interface AwsKmsVaultOptions {
  /**
   * Binds each handle to its instance, kid and algorithm: `signing` of the data keys that the authority
   * gives to `createVault`. Without it, whoever writes the database could choose the key in KMS.
   */
  readonly sealer: Sealer
  /** A client of your own, with its own retries; the options from here to `endpoint` are not for it. */
  readonly client?: KMSClient
  /** How often a request is sent at most. 1 to 10, default 3. */
  readonly maxAttempts?: number
  /** Or what gives them. Default: what the AWS SDK finds (variables, profile, role of the machine). */
  readonly credentials?: NonNullable<KMSClientConfig['credentials']>
  /** Default: what the AWS SDK finds (`AWS_REGION`, the profile). */
  readonly region?: string
  /** Default: that of AWS in the region. */
  readonly endpoint?: string
  /** Tags of the keys that are made, besides `countersign` = `signing-key`. */
  readonly tags?: Readonly<Record<string, string>>
  /** How long a request may take with its retries. 100 to 60000, default 5000. */
  readonly deadlineMs?: number
}

interface Scheme {
  readonly keySpec: KeySpec
  readonly kmsAlgorithm: SigningAlgorithmSpec
  readonly keyType: string
  readonly details: AsymmetricKeyDetails
  /** What is hashed here goes to KMS as a digest, so that any length can be signed. */
  readonly digest: 'sha256' | null
  /** `null` when KMS did not give a signature. */
  readonly toJws: (signature: Uint8Array) => Uint8Array | null
}

/** RFC 7518 §3.3 and §3.4, RFC 8037 §3.1, in the words of KMS. */
const SCHEMES: Readonly<Record<Algorithm, Scheme>> = {
  RS256: {
    keySpec: 'RSA_2048',
    kmsAlgorithm: 'RSASSA_PKCS1_V1_5_SHA_256',
    keyType: 'rsa',
    details: { modulusLength: 2048, publicExponent: 0x10001n },
    digest: 'sha256',
    toJws: (signature) => signature,
  },
  ES256: {
    keySpec: 'ECC_NIST_P256',
    kmsAlgorithm: 'ECDSA_SHA_256',
    keyType: 'ec',
    details: { namedCurve: 'prime256v1' },
    digest: 'sha256',
    toJws: (signature) => rawFromDer(signature, 32),
  },
  EdDSA: {
    keySpec: 'ECC_NIST_EDWARDS25519',
    // ED25519_PH_SHA_512, which takes a digest, is another algorithm: JWS has pure Ed25519 only.
    kmsAlgorithm: 'ED25519_SHA_512',
    keyType: 'ed25519',
    details: {},
    digest: null,
    toJws: (signature) => signature,
  },
}

const MAX_RAW_BYTES = 4096

/** What a policy of IAM can tell the keys of this vault by. */
const TAG = { countersign: 'signing-key' }

/**
 * Keeps private keys in AWS KMS, which makes them and signs with them; they never leave it. One KMS key
 * a signing key. Every signature is checked here, with the public key that was published, before anybody
 * gets it.
 *
 * ```ts
 * createAuthority(config, {
 *   store,
 *   createVault: ({ signing }) => createAwsKmsVault({ sealer: signing, region: 'eu-central-1' }),
 * })
 * ```
 *
 * @throws {RangeError} for a number out of its bounds. The methods throw {@link AwsKmsError}.
 */
export function createAwsKmsVault(options: AwsKmsVaultOptions): KeyVault {
  const { sealer, client, credentials, region, endpoint, tags = {} } = options
  const kms = createKms({
    client,
    credentials,
    region,
    endpoint,
    deadlineMs: bounded('deadlineMs', options.deadlineMs ?? 5000, 100, 60_000),
    maxAttempts: bounded('maxAttempts', options.maxAttempts ?? 3, 1, 10),
  })
  const keyTags = Object.freeze({ ...tags, ...TAG })

  return Object.freeze({
    async create(kid: string, algorithm: Algorithm) {
      const { keySpec } = SCHEMES[algorithm]
      const keyArn = await kms.createKey(keySpec, `Countersign signing key ${kid}`, keyTags)
      if (!isKeyArn(keyArn)) throw unexpected('CreateKey gave no key ARN')
      const publicKey = parsePublicKey(algorithm, await kms.publicKey(keyArn))
      const handle = sealHandle(sealer, { kid, algorithm }, { keyArn, publicKey })
      return { publicJwk: toPublicJwk(kid, algorithm, publicKey), handle }
    },

    // KMS is not asked: an authority starts while it is away, and opaque tokens go on.
    async open(key: VaultKey) {
      openHandle(sealer, key)
    },

    async sign(key: VaultKey, data: Uint8Array) {
      const { keyArn, publicKey } = openHandle(sealer, key)
      const signature = await signInKms(kms, key, keyArn, data)
      // KMS promises it. But only this says so of what is between us, and no token is given out that
      // every verifier would refuse.
      if (signature !== null && verifies(key.algorithm, publicKey, data, signature)) {
        return signature
      }
      throw unexpected(`Sign gave what the published key ${key.kid} does not verify`)
    },
  })
}

async function signInKms(
  kms: Kms,
  { algorithm }: VaultKey,
  keyArn: string,
  data: Uint8Array,
): Promise<Uint8Array | null> {
  const { kmsAlgorithm, digest, toJws } = SCHEMES[algorithm]
  if (digest === null && data.length > MAX_RAW_BYTES) {
    throw new AwsKmsError(
      'data-too-long',
      `AWS KMS signs at most ${MAX_RAW_BYTES} bytes with ${algorithm}, and this token has ${data.length}. ` +
        'Give it fewer claims, or the machine another algorithm.',
    )
  }
  const signature = await kms.sign({
    keyArn,
    algorithm: kmsAlgorithm,
    messageType: digest === null ? 'RAW' : 'DIGEST',
    message: digest === null ? data : createHash(digest).update(data).digest(),
  })
  return toJws(signature)
}

function verifies(
  algorithm: Algorithm,
  key: KeyObject,
  data: Uint8Array,
  signature: Uint8Array,
): boolean {
  return verify(SCHEMES[algorithm].digest, data, { key, dsaEncoding: 'ieee-p1363' }, signature)
}

function parsePublicKey(algorithm: Algorithm, spki: Uint8Array): KeyObject {
  const { keyType, details } = SCHEMES[algorithm]
  let key: KeyObject
  try {
    key = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
  } catch {
    throw unexpected('GetPublicKey gave no public key')
  }
  const found: Partial<Record<string, unknown>> = { ...key.asymmetricKeyDetails }
  if (
    key.asymmetricKeyType !== keyType ||
    Object.entries(details).some(([name, value]) => found[name] !== value)
  ) {
    throw unexpected(`GetPublicKey gave a key that is not for ${algorithm}`)
  }
  return key
}

function toPublicJwk(kid: string, algorithm: Algorithm, publicKey: KeyObject): PublicJwk {
  const { kty, n, e, crv, x, y }: JsonWebKey = publicKey.export({ format: 'jwk' })
  const material = Object.entries({ kty, n, e, crv, x, y }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return { kid, alg: algorithm, use: 'sig', ...Object.fromEntries(material) }
}

function unexpected(what: string): AwsKmsError {
  return new AwsKmsError('kms-answer-unexpected', `AWS KMS ${what}. It was not used.`)
}

function bounded(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value
  throw new RangeError(`${name} must be a whole number from ${least} to ${most}.`)
}
