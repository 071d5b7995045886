import { refusal } from './errors.ts'
import type { JsonObject } from './json.ts'
import { isJsonObject } from './json.ts'
import type { HeaderRules } from './jwt-header.ts'
import { judgeIssuer, judgeTimes, wrongClaim } from './registered-claims.ts'

/** Token status lists (draft-ietf-oauth-status-list): what they are, without fetching any. */

export const STATUS_LIST_MEDIA_TYPE = 'application/statuslist+jwt'

/** The header of a list. */
export const STATUS_LIST_HEADER: HeaderRules = Object.freeze({
  typ: 'statuslist+jwt',
  isTypOptional: false,
  cat: [undefined],
})

/** Where the status of a token is found. */
export interface StatusReference {
  readonly idx: number
  readonly uri: string
}

/** What a list says of itself. */
export interface StatusListClaims {
  /** Epoch seconds. */
  readonly iat: number
  /** Epoch seconds. */
  readonly exp: number
  /** After how many seconds to look again. */
  readonly ttl: number
  readonly bits: 1 | 2 | 4 | 8
  /** The statuses, deflated (ZLIB), in base64url. */
  readonly lst: string
}

const MAX_URI_CHARACTERS = 1_024

/** Segments of unreserved characters (RFC 3986 §2.3), none of which leads up: a list lies below its issuer. */
const BELOW = /^(\/(?!\.{1,2}(\/|$))[\w.~-]+)+$/

/**
 * The reference in a token. Where it leads is for {@link judgeListUri}.
 *
 * @throws {CountersignError} `token-claim-invalid`
 */
export function statusReferenceOf(status: unknown): StatusReference {
  const list = isJsonObject(status) ? status['status_list'] : undefined
  const { idx, uri } = isJsonObject(list) ? list : {}
  if (typeof idx !== 'number' || !Number.isSafeInteger(idx) || idx < 0) {
    throw wrongClaim('status.status_list.idx', 'a whole number')
  }
  if (typeof uri !== 'string') throw wrongClaim('status.status_list.uri', 'a text')
  return { idx, uri }
}

/** Only lists of the issuer itself are ever fetched. @throws {CountersignError} `token-claim-invalid` */
export function judgeListUri(uri: string, issuer: string): void {
  if (pathBelow(issuer, uri) === null) throw wrongClaim('status.status_list.uri', `below ${issuer}`)
}

/** What follows the issuer in the URI of a list; `null` when it lies anywhere else. */
export function pathBelow(issuer: string, uri: string): string | null {
  const base = issuer.replace(/\/$/, '')
  const path = uri.slice(base.length)
  const isBelow = uri.length <= MAX_URI_CHARACTERS && uri.startsWith(base) && BELOW.test(path)
  return isBelow ? path : null
}

/**
 * Judges the payload of a list whose signature is right.
 *
 * @param uri Where it was fetched.
 * @throws {CountersignError} with the code of the first thing that is wrong.
 */
export function judgeStatusList(
  payload: JsonObject,
  uri: string,
  issuer: string,
  nowMs: number,
  toleranceSeconds: number,
): StatusListClaims {
  // It need not name its issuer, whose key has signed it.
  if (payload['iss'] !== undefined) judgeIssuer(payload, issuer)
  if (payload['sub'] !== uri)
    throw refusal('token-subject-invalid', 'sub to be the URI of the list')
  const {
    iat,
    exp = Number.MAX_SAFE_INTEGER,
    ttl = DEFAULT_TTL_SECONDS,
    status_list: list,
  } = payload
  judgeTimes({ iat, exp }, nowMs, toleranceSeconds, true)
  if (typeof ttl !== 'number' || !(ttl > 0)) throw wrongClaim('ttl', 'seconds')
  const { bits, lst } = isJsonObject(list) ? list : {}
  if (bits !== 1 && bits !== 2 && bits !== 4 && bits !== 8) {
    throw wrongClaim('status_list.bits', '1, 2, 4 or 8')
  }
  if (typeof lst !== 'string') throw wrongClaim('status_list.lst', 'base64url')
  return { iat: iat as number, exp: exp as number, ttl, bits, lst }
}

const DEFAULT_TTL_SECONDS = 300

/** A status, of which the first has the lowest bits of the first byte; `null` beyond the end. */
export function statusAt(bytes: Uint8Array, bits: 1 | 2 | 4 | 8, index: number): number | null {
  const perByte = 8 / bits
  const byte = bytes[Math.floor(index / perByte)]
  if (byte === undefined) return null
  return (byte >> ((index % perByte) * bits)) & ((1 << bits) - 1)
}
