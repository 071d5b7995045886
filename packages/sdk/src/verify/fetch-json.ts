import { type CountersignError, refusal } from '../token/errors.ts'

/** The part of the platform's `fetch` that is used here; pass your own to test or to route calls. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/** Looked up at each call, so that whoever instruments the platform's `fetch` later sees the call. */
export const PLATFORM_FETCH: Fetch = (url, init) => globalThis.fetch(url, init)

/**
 * A redirect is answered to us, and is no answer: its status is not 200. (`error` would say it in one
 * word, but Cloudflare's workers do not know that one.)
 */
export const NO_REDIRECT = { redirect: 'manual' } as const

const JSON_TYPE = /^application\/(.+\+)?json\s*$/i
const MAX_BYTES = 262_144
const TIMEOUT_MS = 5_000

/**
 * Fetches a public JSON document: no redirect, bounded in time and size, and JSON by
 * its media type, so that a login page is never taken for one.
 *
 * @throws {CountersignError} `keys-unavailable`
 */
export async function fetchJson(
  fetch: Fetch,
  url: string,
  timeoutMs: number = TIMEOUT_MS,
): Promise<unknown> {
  const text = await fetchText(fetch, url, 'application/json', JSON_TYPE, timeoutMs)
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw unavailable(url, 'no JSON', error)
  }
}

/**
 * The same for a text of another media type.
 *
 * @param types Of the media type as it comes: in any case, and perhaps with white space behind it.
 * @throws {CountersignError} `keys-unavailable`
 */
export async function fetchText(
  fetch: Fetch,
  url: string,
  accept: string,
  types: RegExp,
  timeoutMs: number = TIMEOUT_MS,
): Promise<string> {
  const signal = AbortSignal.timeout(timeoutMs)
  let got = 'no answer'
  const load = async (): Promise<string> => {
    const response = await fetch(url, { ...NO_REDIRECT, headers: { accept }, signal })
    const { status, body } = response
    // Its parameters say nothing of what it is.
    const [type = ''] = (response.headers.get('content-type') ?? '').split(';')
    if (status === 200 && types.test(type)) return readBounded(response, MAX_BYTES)
    body?.cancel().catch(() => undefined)
    got = `status ${status} ${type}`
    throw new TypeError(got)
  }
  // For a `fetch` that takes no notice of its signal.
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => {
      reject(signal.reason as Error)
    })
  })
  try {
    return await Promise.race([load(), late])
  } catch (error) {
    throw unavailable(url, signal.aborted ? `nothing in ${timeoutMs} ms` : got, error)
  }
}

/** The body as text. Rejects with a `RangeError` when it is larger than `maxBytes`, and when it is no UTF-8. */
export async function readBounded(response: Response, maxBytes: number): Promise<string> {
  const reader = response.body?.getReader()
  if (reader === undefined) return ''
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let length = 0
  let text = ''
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      length += value.byteLength
      if (length > maxBytes) throw new RangeError(`more than ${maxBytes} bytes`)
      text += decoder.decode(value, { stream: true })
    }
  } catch (error) {
    // Lets the connection go; nobody waits for it.
    reader.cancel().catch(() => undefined)
    throw error
  }
}

function unavailable(url: string, got: string, cause?: unknown): CountersignError {
  return refusal('keys-unavailable', `JSON at ${url}`, got, cause)
}
