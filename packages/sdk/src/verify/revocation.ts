import { isJsonObject } from '../token/json.ts'
import { checkNumber, invalidOption } from './options.ts'

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
export interface RevocationSettings {
  readonly maxStaleSeconds: number
  readonly whenUnavailable: 'refuse' | 'accept'
  readonly push: boolean
  /** Where what lies below the issuer is reached. */
  readonly base: string
}

/** `null` when the status is not checked. @throws {CountersignError} `configuration-invalid` */
export function checkRevocation(options: unknown, base: string): RevocationSettings | null {
  if (options === null) return null
  const { maxStaleSeconds, whenUnavailable, push, ...others }: RevocationOptions = options ?? {}
  const isFit =
    (options === undefined || isJsonObject(options)) &&
    Object.keys(others).length === 0 &&
    ['refuse', 'accept', undefined].includes(whenUnavailable) &&
    ['boolean', 'undefined'].includes(typeof push)
  if (!isFit)
    throw invalidOption('revocation to be { maxStaleSeconds, whenUnavailable, push } or null')
  return {
    maxStaleSeconds: checkNumber('revocation.maxStaleSeconds', maxStaleSeconds ?? 300, 1, 3_600),
    whenUnavailable: whenUnavailable ?? 'refuse',
    push: push === true,
    base,
  }
}
