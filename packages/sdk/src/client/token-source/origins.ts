import { CountersignError } from '../../token/errors.ts'
import { invalidOption } from '../../verify/options.ts'

/** Where a token may go. */

/**
 * A scheme and a host, and a port where it is not the scheme's own. Neither a path nor a pattern: both
 * would look like a promise that is not kept.
 */
const ORIGIN = /^https?:\/\/[^\s/?#@\\*]+\/?$/i

/** @throws {CountersignError} `configuration-invalid` */
export function checkOrigins(value: unknown): ReadonlySet<string> {
  const texts: readonly unknown[] = Array.isArray(value) ? value : []
  const origins = texts.map((one) =>
    typeof one === 'string' && ORIGIN.test(one) && URL.canParse(one) ? new URL(one).origin : null,
  )
  if (origins.length > 0 && !origins.includes(null)) return new Set(origins as readonly string[])
  throw invalidOption('origins to be texts like https://api.example.com, without a path')
}

/**
 * The place that a text or a URL names, as the platform's `fetch` reads it: what is looked at is what is sent to.
 *
 * @throws {CountersignError} `argument-invalid`
 */
export function placeOf(value: unknown): URL {
  const text = String(value)
  if (URL.canParse(text)) return new URL(text)
  throw new CountersignError('argument-invalid', { expected: 'an absolute URL' })
}

/** @throws {CountersignError} `origin-not-allowed`, with nothing of the URL but its origin. */
export function judgePlace(url: URL, origins: ReadonlySet<string>): void {
  const hasUser = url.username !== '' || url.password !== ''
  // The origin of a blob: URL is that of whoever made it.
  const isWeb = url.protocol === 'https:' || url.protocol === 'http:'
  if (isWeb && !hasUser && origins.has(url.origin)) return
  throw notAllowed(origins, hasUser ? 'a URL with a user' : isWeb ? url.origin : url.protocol)
}

/** The same for the place that a redirect names. @throws {CountersignError} `origin-not-allowed` */
export function judgeRedirect(from: URL, to: URL, origins: ReadonlySet<string>): void {
  judgePlace(to, origins)
  if (from.protocol === 'https:' && to.protocol !== 'https:') {
    throw notAllowed(origins, 'a redirect from https to http')
  }
}

function notAllowed(origins: ReadonlySet<string>, got: string): CountersignError {
  return new CountersignError('origin-not-allowed', {
    expected: [...origins].join(' or '),
    got: got.slice(0, 256),
  })
}
