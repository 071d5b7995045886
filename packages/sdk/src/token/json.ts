/**
 * Strict JSON objects (RFC 8259, RFC 7515 §4): UTF-8 without a byte order mark, no member twice,
 * bounded depth and number of members. What two parsers could read differently is refused.
 */

/** A JSON object as parsed: own members only are meant; read with `Object.hasOwn` where it matters. */
export type JsonObject = Readonly<Record<string, unknown>>

const MAX_DEPTH = 32
const MAX_MEMBERS = 256

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The object that `bytes` are the JSON of, or `null` when they are not strictly that. */
export function parseJsonObject(bytes: Uint8Array): JsonObject | null {
  try {
    const text = UTF8.decode(bytes)
    if (!isUnambiguous(text)) return null
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COLON = 0x3a
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const OPEN_ARRAY = 0x5b
const CLOSE_ARRAY = 0x5d

/**
 * Looks at the structure only, before `JSON.parse` judges the rest: the depth, and the names of each
 * object. A string is a name exactly when a colon follows it.
 */
function isUnambiguous(text: string): boolean {
  const names: (Set<string> | null)[] = []
  let members = 0
  for (let position = 0; position < text.length; position++) {
    const code = text.charCodeAt(position)
    if (code === QUOTE) {
      const end = endOfString(text, position)
      if (end < 0) return false
      if (isName(text, end)) {
        const seen = names.at(-1)
        const name = nameAt(text, position, end)
        if (seen === undefined || seen === null || seen.has(name)) return false
        if (++members > MAX_MEMBERS) return false
        seen.add(name)
      }
      position = end
    } else if (code === OPEN_OBJECT || code === OPEN_ARRAY) {
      names.push(code === OPEN_OBJECT ? new Set() : null)
      if (names.length > MAX_DEPTH) return false
    } else if (code === CLOSE_OBJECT || code === CLOSE_ARRAY) {
      names.pop()
    }
  }
  return true
}

/** The position of the closing quote. */
function endOfString(text: string, start: number): number {
  for (let position = start + 1; position < text.length; position++) {
    const code = text.charCodeAt(position)
    if (code === QUOTE) return position
    if (code === BACKSLASH) position++
  }
  return -1
}

function isName(text: string, end: number): boolean {
  for (let position = end + 1; position < text.length; position++) {
    const code = text.charCodeAt(position)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return code === COLON
  }
  return false
}

/** Escapes can spell a name in several ways: compare what they mean. */
function nameAt(text: string, start: number, end: number): string {
  const raw = text.slice(start + 1, end)
  return raw.includes('\\') ? (JSON.parse(text.slice(start, end + 1)) as string) : raw
}
