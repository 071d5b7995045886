import { newId } from './context.ts'
import type { Clock, KeyVault, Random } from './ports.ts'
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
  ports: { readonly clock: Clock; readonly random: Random },
): Promise<readonly SigningKeyRecord[]> {
  return Promise.all(
    ALGORITHMS.map(async (algorithm) => {
      const kid = newId(ports, 'signingKey')
      const { publicJwk, handle } = await vault.create(kid, algorithm)
      return { kid, algorithm, publicJwk, handle, createdAt: ports.clock.now() }
    }),
  )
}

export function createSigningKeys(records: readonly SigningKeyRecord[]): SigningKeys {
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
