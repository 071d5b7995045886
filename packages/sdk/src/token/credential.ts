import { base62Length, decodeBase62, encodeBase62 } from './base62.ts'
import { checksum, CHECKSUM_LENGTH } from './checksum.ts'
import { formatId, type IdKind } from './ids.ts'

/**
 * The text form of every secret that a Countersign authority gives out: a prefix, a base62 body of
 * fixed length, and a checksum that anyone can compute.
 *
 * ```
 * prefix  base62( kind 1 | key version 2 | id 16 or 20 | secret version 0 or 4 | secret 24 | check 8 )  checksum 6
 * ```
 *
 * The checksum needs no key: it lets a client or a secret scanner refuse a mistyped or invented
 * credential without a call. The check is keyed: only the authority can compute it, and so refuse
 * garbage without a read.
 */

/** What a credential is for. */
export type CredentialKind = 'm2m-token' | 'machine-secret' | 'api-key' | 'instance-secret'

interface Layout {
  readonly kind: CredentialKind
  readonly tag: number
  readonly prefixes: readonly string[]
  readonly id: IdKind
  readonly idLength: number
  readonly versionLength: 0 | 4
  /** Bytes that the keyed check covers. */
  readonly bodyLength: number
  /** Characters after the prefix, without the checksum. */
  readonly digits: number
}

const SECRET_LENGTH = 24
const CHECK_LENGTH = 8
const HEADER_LENGTH = 3

const LAYOUTS: Readonly<Record<CredentialKind, Layout>> = {
  'm2m-token': layout('m2m-token', 1, ['mt_'], 'm2mToken', 16, 0),
  'machine-secret': layout('machine-secret', 2, ['ak_'], 'machine', 20, 4),
  'api-key': layout('api-key', 3, ['ak_'], 'apiKey', 16, 0),
  'instance-secret': layout('instance-secret', 4, ['sk_test_', 'sk_live_'], 'instanceKey', 20, 0),
}

const ALL: readonly Layout[] = Object.values(LAYOUTS)

/** The parts of a credential whose form and checksum are right. Nothing in it is authenticated. */
export interface Credential {
  readonly kind: CredentialKind
  readonly prefix: string
  /** The version of the authority's data key that its keyed check was made with. */
  readonly keyVersion: number
  /** The id of the token, the API key or the instance key; for a machine secret, of the machine. */
  readonly id: string
  /** Which of a machine's secrets this is; 0 for every other kind. */
  readonly secretVersion: number
  readonly secret: Uint8Array
  /** The keyed check, to be compared with `check(prefix, body)` by whoever has the key. */
  readonly check: Uint8Array
  /** Everything that the keyed check covers, besides the prefix. */
  readonly body: Uint8Array
}

/** What a new credential is made of. */
export interface CredentialParts {
  readonly kind: CredentialKind
  readonly prefix: string
  readonly keyVersion: number
  readonly idBytes: Uint8Array
  readonly secretVersion?: number
  readonly secret: Uint8Array
}

/** The bytes of secret that a credential carries. */
export const CREDENTIAL_SECRET_BYTES: number = SECRET_LENGTH

/** Puts a credential into its text; `check` computes the keyed check over the prefix and the body. */
export function formatCredential(
  parts: CredentialParts,
  check: (prefix: string, body: Uint8Array) => Uint8Array,
): string {
  const { tag, idLength, versionLength, bodyLength } = LAYOUTS[parts.kind]
  const bytes = new Uint8Array(bodyLength + CHECK_LENGTH)
  bytes[0] = tag
  bytes[1] = parts.keyVersion >>> 8
  bytes[2] = parts.keyVersion & 0xff
  bytes.set(parts.idBytes, HEADER_LENGTH)
  if (versionLength === 4) {
    new DataView(bytes.buffer).setUint32(HEADER_LENGTH + idLength, parts.secretVersion ?? 0)
  }
  bytes.set(parts.secret, bodyLength - SECRET_LENGTH)
  bytes.set(
    check(parts.prefix, bytes.subarray(0, bodyLength)).subarray(0, CHECK_LENGTH),
    bodyLength,
  )
  const text = parts.prefix + encodeBase62(bytes)
  return text + checksum(text)
}

/**
 * Reads a credential, or `null` when it has not exactly the form of one: unknown prefix, other
 * length, foreign character, wrong checksum. Never throws. Needs no key.
 */
export function parseCredential(text: string): Credential | null {
  if (typeof text !== 'string') return null
  for (const candidate of ALL) {
    const prefix = candidate.prefixes.find((one) => text.startsWith(one))
    if (prefix === undefined) continue
    if (text.length !== prefix.length + candidate.digits + CHECKSUM_LENGTH) continue
    return parseAs(candidate, prefix, text)
  }
  return null
}

function parseAs(
  { kind, tag, id, idLength, versionLength, bodyLength }: Layout,
  prefix: string,
  text: string,
): Credential | null {
  const covered = text.slice(0, -CHECKSUM_LENGTH)
  if (!text.endsWith(checksum(covered))) return null
  const bytes = decodeBase62(covered.slice(prefix.length), bodyLength + CHECK_LENGTH)
  if (bytes === null || bytes[0] !== tag) return null
  const view = new DataView(bytes.buffer)
  const idEnd = HEADER_LENGTH + idLength
  return {
    kind,
    prefix,
    keyVersion: view.getUint16(1),
    id: formatId(id, bytes.subarray(HEADER_LENGTH, idEnd)),
    secretVersion: versionLength === 4 ? view.getUint32(idEnd) : 0,
    secret: bytes.subarray(bodyLength - SECRET_LENGTH, bodyLength),
    check: bytes.subarray(bodyLength),
    body: bytes.subarray(0, bodyLength),
  }
}

function layout(
  kind: CredentialKind,
  tag: number,
  prefixes: readonly string[],
  id: IdKind,
  idLength: number,
  versionLength: 0 | 4,
): Layout {
  const bodyLength = HEADER_LENGTH + idLength + versionLength + SECRET_LENGTH
  const digits = base62Length(bodyLength + CHECK_LENGTH)
  return { kind, tag, prefixes, id, idLength, versionLength, bodyLength, digits }
}

/** What a credential of one kind looks like, for scanners of source code, logs and chats. */
export interface CredentialPattern {
  readonly kind: CredentialKind
  readonly prefix: string
  /** The source of a regular expression, without anchors. What fits it has a right checksum or is none of ours. */
  readonly pattern: string
}

/** One for each prefix of each kind; what fits is checked by {@link parseCredential}, offline. */
export const CREDENTIAL_PATTERNS: readonly CredentialPattern[] = ALL.flatMap(
  ({ kind, prefixes, digits }) =>
    prefixes.map((prefix) => ({
      kind,
      prefix,
      pattern: `${prefix}[0-9A-Za-z]{${digits + CHECKSUM_LENGTH}}`,
    })),
)
