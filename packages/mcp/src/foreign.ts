/**
 * What others have written (names, reasons, claims), before a model reads it: data of bounded size in
 * which nothing is invisible. It stays what it says: that it is no instruction, the model is told.
 */

export type Json = null | boolean | number | string | readonly Json[] | JsonObject

export interface JsonObject {
  readonly [name: string]: Json
}

const MAX_TEXT_CHARACTERS = 256

const MAX_ITEMS = 150

const MAX_MEMBERS = 50

const MAX_DEPTH = 6

/**
 * Control characters, and what is not seen: text that turns direction, joins nothing, or is a tag, by
 * which instructions are hidden from the people who look.
 */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Zl}\p{Zp}\u{fe00}-\u{fe0f}\u{e0100}-\u{e01ef}]/gu

/** One line of text. */
export function foreignText(text: string, maxCharacters: number = MAX_TEXT_CHARACTERS): string {
  const seen = text.slice(0, maxCharacters).toWellFormed().replace(UNSEEN, ' ')
  return text.length > maxCharacters ? `${seen}…` : seen
}

/** Anything that JSON can hold; what it cannot is left out. */
export function foreignJson(
  value: unknown,
  maxCharacters: number = MAX_TEXT_CHARACTERS,
  depth = 0,
): Json {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value === 'string') return foreignText(value, maxCharacters)
  if (typeof value !== 'object' || depth >= MAX_DEPTH) return null
  if (Array.isArray(value)) {
    return value.slice(0, MAX_ITEMS).map((item) => foreignJson(item, maxCharacters, depth + 1))
  }
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .slice(0, MAX_MEMBERS)
    .map(([name, member]) => [foreignText(name, 64), foreignJson(member, maxCharacters, depth + 1)])
  return Object.fromEntries(members) as JsonObject
}
