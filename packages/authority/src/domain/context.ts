import type { Audit } from './audit.ts'
import type { Credentials } from './credentials.ts'
import type { Sealer } from './data-keys.ts'
import type { IdSource } from './id-source.ts'
import type { Clock, Store } from './ports.ts'
import type { Algorithm, InstanceRecord } from './records.ts'

/** What every rule of an open instance may use. */
export interface Context {
  readonly instance: InstanceRecord
  /** The `iss` of its JWTs: the authority's public URL, without a trailing slash. */
  readonly issuer: string
  /** For machines that name none. */
  readonly defaultAlgorithm: Algorithm
  readonly store: Store
  readonly clock: Clock
  readonly ids: IdSource
  readonly credentials: Credentials
  readonly secrets: SecretShelf
  readonly audit: Audit
}

/** Keeps secrets that can be read back, or nothing at all where that is switched off. */
export interface SecretShelf {
  readonly enabled: boolean
  /** `null` while switched off. */
  keep(place: string, secret: string): Uint8Array | null
  /** `null` when nothing was kept, it was tampered with, or reading back is switched off. */
  read(place: string, sealed: Uint8Array | null): string | null
}

export function createSecretShelf(sealer: Sealer, enabled: boolean): SecretShelf {
  return Object.freeze({
    enabled,
    keep: (place: string, secret: string) =>
      enabled ? sealer.seal(place, Buffer.from(secret)) : null,
    read(place: string, sealed: Uint8Array | null): string | null {
      if (!enabled || sealed === null) return null
      const opened = sealer.open(place, sealed)
      return opened === null ? null : Buffer.from(opened).toString()
    },
  })
}
