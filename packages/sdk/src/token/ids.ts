import { decodeBase62, encodeBase62 } from './base62.ts'

/** What an id names. */
export type IdKind = 'instance' | 'machine' | 'signingKey' | 'instanceKey' | 'm2mToken' | 'apiKey'

/**
 * The ids of the wire. `ins_`, `mch_`, `key_` and `isk_` are 20 bytes (4 of time in seconds, 16 random)
 * as 27 base62 characters; `mt_`, `ak_` and `oat_` are 16 bytes (6 of time in milliseconds, 10
 * random) as 32 hexadecimal digits. Both sort by time, so database inserts are sequential.
 */
const FORMS: Readonly<Record<IdKind, { readonly prefix: string; readonly pattern: RegExp }>> = {
  instance: { prefix: 'ins_', pattern: /^ins_[0-9A-Za-z]{27}$/ },
  machine: { prefix: 'mch_', pattern: /^mch_[0-9A-Za-z]{27}$/ },
  signingKey: { prefix: 'key_', pattern: /^key_[0-9A-Za-z]{27}$/ },
  instanceKey: { prefix: 'isk_', pattern: /^isk_[0-9A-Za-z]{27}$/ },
  m2mToken: { prefix: 'mt_', pattern: /^mt_[0-9a-f]{32}$/ },
  apiKey: { prefix: 'ak_', pattern: /^ak_[0-9a-f]{32}$/ },
}

/** Whether `text` has the exact form of an id of this kind. */
export function isId(kind: IdKind, text: string): boolean {
  return FORMS[kind].pattern.test(text)
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
  const { prefix } = FORMS[kind]
  return prefix + (isHexKind(kind) ? toHex(bytes) : encodeBase62(bytes))
}

/**
 * The bytes of an id.
 *
 * @throws {TypeError} when `text` is not an id of this kind.
 */
export function parseId(kind: IdKind, text: string): Uint8Array {
  const bytes = isId(kind, text) ? decodeId(kind, text.slice(FORMS[kind].prefix.length)) : null
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
