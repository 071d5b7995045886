import type { Bound, Credentials, RowIdentity } from './credentials.ts'
import type { IdSource } from './id-source.ts'
import type { Clock, KeyVault } from './ports.ts'
import type { Algorithm, PublicJwk, SigningKeyRecord } from './records.ts'

/** The algorithms an instance has a key for, in the order of its key set. */
export const ALGORITHMS: readonly Algorithm[] = ['RS256', 'ES256', 'EdDSA']

/** The keys that sign an instance's JWTs, one for each algorithm. */
export interface SigningKeys {
  /** The key that signs now. */
  signer(algorithm: Algorithm): SigningKeyRecord
  /** The JWK Set that verifiers fetch (RFC 7517 §5). */
  readonly publicSet: { readonly keys: readonly PublicJwk[] }
  find(kid: string): SigningKeyRecord | null
}

/**
 * Makes a key for each algorithm. All are made and published when the instance begins, so that a
 * machine can be given another algorithm without waiting for verifiers to learn its key.
 */
export async function createSigningKeyRecords(
  vault: KeyVault,
  credentials: Credentials,
  ports: { readonly clock: Clock; readonly ids: IdSource },
): Promise<readonly SigningKeyRecord[]> {
  return Promise.all(
    ALGORITHMS.map(async (algorithm) => {
      const kid = ports.ids.create('signingKey')
      const { publicJwk, handle } = await vault.create(kid, algorithm)
      const mac = credentials.bind(identity(kid), rights({ algorithm, publicJwk }))
      return { kid, algorithm, publicJwk, handle, mac, createdAt: ports.clock.now() }
    }),
  )
}

/**
 * @throws {SigningKeyError} when a key was not published by this authority: with a key of their own
 *   in the set, whoever can write the database could sign for every machine.
 */
export function createSigningKeys(
  records: readonly SigningKeyRecord[],
  credentials: Credentials,
): SigningKeys {
  for (const record of records) {
    if (credentials.isBound(identity(record.kid), record.mac, rights(record))) continue
    throw new SigningKeyError(record.kid)
  }
  const byKid = new Map(records.map((record) => [record.kid, record]))
  const byAlgorithm = new Map(
    records
      .toSorted((a, b) => a.createdAt - b.createdAt)
      .map((record) => [record.algorithm, record]),
  )
  return Object.freeze({
    signer(algorithm: Algorithm): SigningKeyRecord {
      const record = byAlgorithm.get(algorithm)
      if (record === undefined) throw new Error(`This instance has no ${algorithm} key.`)
      return record
    },
    publicSet: Object.freeze({
      keys: Object.freeze(records.map((record) => Object.freeze({ ...record.publicJwk }))),
    }),
    find: (kid: string) => byKid.get(kid) ?? null,
  })
}

/** Thrown when a signing key in the database is not the authority's own. */
export class SigningKeyError extends Error {
  readonly code = 'signing-key-altered'

  constructor(kid: string) {
    super(
      `The signing key ${kid} in the database was not written by this authority, or was altered. ` +
        'Nothing was published. Restore the database from a backup you trust.',
    )
    this.name = 'SigningKeyError'
  }
}

function identity(kid: string): RowIdentity {
  return { kind: 'signing-key', id: kid, digest: '' }
}

function rights({
  algorithm,
  publicJwk,
}: Pick<SigningKeyRecord, 'algorithm' | 'publicJwk'>): Bound {
  return [algorithm, JSON.stringify(Object.entries(publicJwk).sort())]
}
