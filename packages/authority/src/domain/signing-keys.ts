import type { Bound, Credentials, RowIdentity } from './credentials.ts'
import type { IdSource } from './id-source.ts'
import type { Clock, KeyVault } from './ports.ts'
import { type Algorithm, ALGORITHMS, type SigningKeyRecord, type SigningKeySet } from './records.ts'

/** A key before its proof, which belongs to the version of the set that it is written into. */
export type UnprovedSigningKey = Omit<SigningKeyRecord, 'mac'>

/** What a key is made with. */
export interface KeyWorkshop {
  readonly vault: KeyVault
  readonly clock: Clock
  readonly ids: IdSource
}

/** Where a set is first given a version. */
const FIRST_VERSION = 1

/** The version of a set whose keys were written before they had times. */
const VERSION_BEFORE_TIMES = 0

/** Makes a key that follows another. RSA takes half a second. */
export async function makeSigningKey(
  { vault, clock, ids }: KeyWorkshop,
  algorithm: Algorithm,
): Promise<UnprovedSigningKey> {
  const kid = ids.create('signingKey')
  const { publicJwk, handle } = await vault.create(kid, algorithm)
  return {
    kid,
    algorithm,
    publicJwk,
    handle,
    // Published from when it can be, not from when it was begun.
    createdAt: clock.now(),
    activeFrom: null,
    retiresAt: null,
    revokedAt: null,
    revocationReason: null,
  }
}

/**
 * The keys of a new instance: for each algorithm one that signs and one to follow it, so that a machine
 * can be given another algorithm, and a key be rolled, without waiting for verifiers to learn of it.
 */
export async function createSigningKeySet(
  workshop: KeyWorkshop,
  credentials: Credentials,
): Promise<SigningKeySet> {
  const pairs = ALGORITHMS.map(async (algorithm) => {
    const [active, next] = await Promise.all([
      makeSigningKey(workshop, algorithm),
      makeSigningKey(workshop, algorithm),
    ])
    // No verifier has looked before there was an instance to look at.
    return [{ ...active, activeFrom: active.createdAt }, next]
  })
  return proveSigningKeys(FIRST_VERSION, (await Promise.all(pairs)).flat(), credentials)
}

/**
 * Gives keys the proof that the authority wrote them, with these times, into this version of the set. Of
 * an older version nothing can be put back among them: no key is brought to life again, or to sign, by
 * whoever can write the database.
 */
export function proveSigningKeys(
  version: number,
  keys: readonly UnprovedSigningKey[],
  credentials: Credentials,
): SigningKeySet {
  return {
    version,
    keys: keys.map((key) => ({
      ...key,
      mac: credentials.bind(identity(key), rights(key, version)),
    })),
  }
}

/**
 * @throws {SigningKeyError} when a key was not written by this authority as it is: with a key of their own
 *   in the set, whoever can write the database could sign for every machine.
 */
export function checkSigningKeys({ version, keys }: SigningKeySet, credentials: Credentials): void {
  for (const key of keys) {
    if (credentials.isBound(identity(key), key.mac, rights(key, version))) continue
    if (version === VERSION_BEFORE_TIMES && isAsMigrated(key)) {
      if (credentials.isBound(identity(key), key.mac, material(key))) continue
    }
    throw new SigningKeyError(
      `The signing key ${key.kid} in the database was not written by this authority, or was altered. ` +
        'Nothing of it was published. Restore the database from a backup you trust.',
    )
  }
}

/** Thrown when the signing keys in the database are not as the authority wrote them. */
export class SigningKeyError extends Error {
  readonly code = 'signing-key-altered'

  constructor(message: string) {
    super(message)
    this.name = 'SigningKeyError'
  }
}

function identity({ kid }: Pick<SigningKeyRecord, 'kid'>): RowIdentity {
  return { kind: 'signing-key', id: kid, digest: '' }
}

function rights(key: UnprovedSigningKey, version: number): Bound {
  const { createdAt, activeFrom, retiresAt, revokedAt } = key
  return [...material(key), createdAt, activeFrom, retiresAt, revokedAt, version]
}

function material({ algorithm, publicJwk }: UnprovedSigningKey): Bound {
  return [algorithm, JSON.stringify(Object.entries(publicJwk).sort())]
}

function isAsMigrated({ createdAt, activeFrom, retiresAt, revokedAt }: SigningKeyRecord): boolean {
  return activeFrom === createdAt && retiresAt === null && revokedAt === null
}
