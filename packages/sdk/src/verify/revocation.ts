import { checkNames, checkNumber, invalidOption } from './options.ts'

/** How the status of JWTs is checked. */
export interface RevocationOptions {
  /** How old a status list may become while its source is silent. Default 300, at most 3,600. */
  readonly maxStaleSeconds?: number | undefined
  /** What becomes of a token whose status cannot be known. Default `refuse`. */
  readonly whenUnavailable?: 'refuse' | 'accept' | undefined
  /**
   * Whether to listen to the issuer's stream of changes, so that a revocation is known within two
   * seconds. It keeps a connection open until the verifier is closed. Default `false`.
   */
  readonly push?: boolean | undefined
}

const OPTIONS: Readonly<Record<keyof RevocationOptions, true>> = {
  maxStaleSeconds: true,
  push: true,
  whenUnavailable: true,
}

/** The options once they are checked. */
export interface RevocationSettings {
  readonly maxStaleSeconds: number
  readonly whenUnavailable: 'refuse' | 'accept'
  readonly push: boolean
}

/** What is not said is as strict as can be. @throws {CountersignError} `configuration-invalid` */
export function checkRevocation(options: RevocationOptions = {}): RevocationSettings {
  checkNames('revocation', options, Object.keys(OPTIONS))
  const { maxStaleSeconds = 300, whenUnavailable = 'refuse', push = false } = options
  if (!['refuse', 'accept'].includes(whenUnavailable)) {
    throw invalidOption('revocation.whenUnavailable to be refuse or accept')
  }
  checkNumber('revocation.maxStaleSeconds', maxStaleSeconds, 1, 3_600)
  return { maxStaleSeconds, whenUnavailable, push }
}
