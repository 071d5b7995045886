import { decodeBase62, encodeBase62 } from './base62.ts'

/** What an id names. */
export type IdKind =
  | 'instance'
  | 'machine'
  | 'signingKey'
  | 'instanceKey'
  | 'revocation'
  | 'webhook'
  | 'm2mToken'
  | 'apiKey'

/**
 * The ids of the wire. `ins_`, `mch_`, `key_`, `isk_`, `rev_` and `whk_` are 20 bytes (4 of time in seconds, 16 random)
 * as 27 base62 characters; `mt_`, `ak_` and `oat_` are 16 bytes (6 of time in milliseconds, 10
 * random) as 32 hexadecimal digits. Both sort by time, so database inserts are sequential.
 */
const MACHINE_ID = /^mch_[0-9A-Za-z]{27}$/

/** The same as `isId('machine', text)`, without the rest of this file. */
export function isMachineId(text: string): boolean {
  return MACHINE_ID.test(text)
}

const PREFIXES: Readonly<Record<IdKind, string>> = {
  instance: 'ins_',
  machine: 'mch_',
  signingKey: 'key_',
  instanceKey: 'isk_',
  revocation: 'rev_',
  webhook: 'whk_',
  m2mToken: 'mt_',
  apiKey: 'ak_',
}

const BASE62_DIGITS = /^[0-9A-Za-z]{27}$/
const HEX_DIGITS = /^[0-9a-f]{32}$/

/** Whether `text` has the exact form of an id of this kind. */
export function isId(kind: IdKind, text: string): boolean {
  const prefix = PREFIXES[kind]
  const digits = isHexKind(kind) ? HEX_DIGITS : BASE62_DIGITS
  return text.startsWith(prefix) && digits.test(text.slice(prefix.length))
}

/**
 * Makes an id.
 *
 * @param nowMs Epoch milliseconds; decides where the id sorts.
 * @param random 16 random bytes.
 */
export function createId(kind: IdKind, nowMs: number, random: Uint8Array): string {
  return formatId(kind, idBytes(kind, nowMs, random))
}

/** The text of an id from its bytes: 20 for the base62 kinds, 16 for the hexadecimal ones. */
export function formatId(kind: IdKind, bytes: Uint8Array): string {
  return PREFIXES[kind] + (isHexKind(kind) ? toHex(bytes) : encodeBase62(bytes))
}

/**
 * The bytes of an id.
 *
 * @throws {TypeError} when `text` is not an id of this kind.
 */
export function parseId(kind: IdKind, text: string): Uint8Array {
  const bytes = isId(kind, text) ? decodeId(kind, text.slice(PREFIXES[kind].length)) : null
  if (bytes === null) throw new TypeError(`Not an id of kind ${kind}.`)
  return bytes
}

/** Seconds since 2020-01-01 fit 32 bits until 2156. */
const ID_EPOCH_SECONDS = 1_577_836_800

/** The bytes of a new id, before they get their text. */
export function idBytes(kind: IdKind, nowMs: number, random: Uint8Array): Uint8Array {
  const timeLength = isHexKind(kind) ? 6 : 4
  const bytes = new Uint8Array(isHexKind(kind) ? 16 : 20)
  let time = isHexKind(kind) ? Math.floor(nowMs) : Math.floor(nowMs / 1000) - ID_EPOCH_SECONDS
  for (let index = timeLength - 1; index >= 0; index--) {
    bytes[index] = time & 0xff
    time = Math.floor(time / 0x100)
  }
  bytes.set(random.subarray(0, bytes.length - timeLength), timeLength)
  return bytes
}

function isHexKind(kind: IdKind): boolean {
  return kind === 'm2mToken' || kind === 'apiKey'
}

function decodeId(kind: IdKind, digits: string): Uint8Array | null {
  if (!isHexKind(kind)) return decodeBase62(digits, 20)
  return Uint8Array.from({ length: 16 }, (_, index) =>
    Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16),
  )
}

function toHex(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += byte.toString(16).padStart(2, '0')
  return text
}
