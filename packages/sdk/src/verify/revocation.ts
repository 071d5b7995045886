import { checkEach, checkNames, checkNumber, type Checks, invalidOption } from './options.ts'

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

/** The options once they are checked. */
export interface RevocationSettings extends RevocationOptions {
  readonly maxStaleSeconds: number
  readonly whenUnavailable: 'refuse' | 'accept'
  readonly push: boolean
}

const CHECKS: Checks<RevocationOptions, RevocationSettings> = {
  maxStaleSeconds: (name, value = 300) => checkNumber(`revocation.${name}`, value, 1, 3_600),
  push: (_, value = false) => value,
  whenUnavailable(name, value = 'refuse') {
    if (['refuse', 'accept'].includes(value)) return value
    throw invalidOption(`revocation.${name} to be refuse or accept`)
  },
}

/** What is not said is as strict as can be. @throws {CountersignError} `configuration-invalid` */
export function checkRevocation(options: RevocationOptions = {}): RevocationSettings {
  checkNames('revocation', options, Object.keys(CHECKS))
  return checkEach(options, CHECKS)
}
