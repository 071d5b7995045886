/** Where a caller puts its token (RFC 6750 §2.1), and where a browser puts its session. */

/** The part of a request that is looked at: a `Request` has it. */
export interface HasHeaders {
  readonly headers: { get(name: string): string | null }
}

/** What stands in a place for tokens: one, none, or something that is not exactly one. */
export type Presented = { readonly token: string } | 'none' | 'malformed'

const SCHEME = 'bearer'
const SESSION_COOKIE = '__session'

/** Longer than any token and all that may stand beside it. */
const MAX_HEADER_CHARACTERS = 131_072

/**
 * The token of the `Authorization` header. A scheme is compared without case (RFC 9110 §11.1); one of
 * another scheme is none of ours. Where a header is sent twice, `get` joins both with a comma, which
 * stands in no token.
 */
export function bearerToken({ headers }: HasHeaders): Presented {
  const value: unknown = headers.get('authorization')
  if (value === null || value === undefined || value === '') return 'none'
  if (typeof value !== 'string') return 'malformed'
  if (value.length > MAX_HEADER_CHARACTERS) return 'malformed'
  const end = value.indexOf(' ')
  const scheme = end < 0 ? value : value.slice(0, end)
  if (scheme.toLowerCase() !== SCHEME) return hasBearer(value) ? 'malformed' : 'none'
  const token = end < 0 ? '' : trimBlanks(value.slice(end))
  return isOneWord(token) ? { token } : 'malformed'
}

/** A second header may hide the first: `Basic …, Bearer …`. */
function hasBearer(value: string): boolean {
  return /,\s*bearer\s/i.test(value)
}

/** The session's token. A second cookie of that name may be anybody's: no one knows which is meant. */
export function sessionCookie({ headers }: HasHeaders): Presented {
  const value: unknown = headers.get('cookie')
  if (value === null || value === undefined || value === '') return 'none'
  if (typeof value !== 'string') return 'malformed'
  if (value.length > MAX_HEADER_CHARACTERS) return 'malformed'
  const found = value
    .split(';')
    .map(trimBlanks)
    .filter((pair) => pair.startsWith(`${SESSION_COOKIE}=`))
    .map((pair) => pair.slice(SESSION_COOKIE.length + 1))
  const [token] = found
  if (token === undefined || (found.length === 1 && token === '')) return 'none'
  return found.length === 1 && isOneWord(token) && isPrintable(token) ? { token } : 'malformed'
}

/** RFC 9110 §5.6.3: blanks and tabs. What else looks white is a part of what was sent. */
function trimBlanks(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isBlank(text[start])) start++
  while (end > start && isBlank(text[end - 1])) end--
  return text.slice(start, end)
}

function isBlank(character: string | undefined): boolean {
  return character === ' ' || character === '\t'
}

const SEPARATORS = [' ', '\t', ',', ';'] as const

/** Printable ASCII without white space and without what separates lists. */
function isOneWord(text: string): boolean {
  if (text === '' || SEPARATORS.some((separator) => text.includes(separator))) return false
  // A JWT is long, and the parser looks at each of its characters anyway.
  return text.includes('.') || isPrintable(text)
}

function isPrintable(text: string): boolean {
  for (let position = 0; position < text.length; position++) {
    const code = text.charCodeAt(position)
    if (code <= 0x20 || code >= 0x7f) return false
  }
  return true
}
