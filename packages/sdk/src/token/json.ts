/**
 * Strict JSON objects (RFC 8259, RFC 7515 §4): UTF-8 without a byte order mark, no member twice,
 * bounded depth and number of members. What two parsers could read differently is refused.
 */

/** A JSON object as parsed: own members only are meant; read with `Object.hasOwn` where it matters. */
export type JsonObject = Readonly<Record<string, unknown>>

const MAX_DEPTH = 32
const MAX_MEMBERS = 256

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The object that `bytes` are the JSON of, or `null` when they are not strictly that. The caller has
 * bounded the bytes.
 */
export function parseJsonObject(bytes: Uint8Array): JsonObject | null {
  try {
    const value: unknown = JSON.parse(UTF8.decode(bytes))
    return isJsonObject(value) && isUnambiguous(bytes, value) ? value : null
  } catch {
    return null
  }
}

/** Whether a value is an object with members: no array, not `null`. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * `JSON.parse` keeps the last of two members of one name and says nothing. But valid JSON has exactly
 * one colon outside its strings for each member that is written, so where a name stood twice, fewer
 * members are left than colons. Counting both is five times cheaper than comparing the names.
 */
function isUnambiguous(bytes: Uint8Array, value: JsonObject): boolean {
  const written = countColons(bytes)
  return written <= MAX_MEMBERS && countMembers(value, MAX_DEPTH) === written
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a

/** Outside strings. No byte of a longer UTF-8 sequence looks like one of these. */
function countColons(bytes: Uint8Array): number {
  const { length } = bytes
  let count = 0
  for (let position = 0; position < length; position++) {
    const byte = bytes[position]
    if (byte === COLON) count++
    if (byte !== QUOTE) continue
    position++
    while (position < length && bytes[position] !== QUOTE) {
      position += bytes[position] === BACKSLASH ? 2 : 1
    }
  }
  return count
}

/** At all levels. `NaN`, which equals no count, when there are more levels, or a `__proto__`. */
function countMembers(value: object, levels: number): number {
  if (levels === 0) return Number.NaN
  if (Array.isArray(value)) {
    let count = 0
    for (const member of value as readonly unknown[]) {
      if (typeof member === 'object' && member !== null) count += countMembers(member, levels - 1)
    }
    return count
  }
  const names = Object.keys(value)
  let count = names.length
  for (const name of names) {
    // Whoever copies it with an assignment would give the copy another prototype.
    if (name === '__proto__') return Number.NaN
    const member = (value as JsonObject)[name]
    if (typeof member === 'object' && member !== null) count += countMembers(member, levels - 1)
  }
  return count
}
