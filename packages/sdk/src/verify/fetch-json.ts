import { CountersignError } from '../token/errors.ts'

/** The part of the platform's `fetch` that is used here; pass your own to test or to route calls. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

const MAX_BYTES = 262_144
const TIMEOUT_MS = 5_000

/**
 * Fetches a public JSON document: no redirect, no credentials, bounded in time and size, and JSON by
 * its media type, so that a login page is never taken for one.
 *
 * @throws {CountersignError} `keys-unavailable`
 */
export async function fetchJson(fetch: Fetch, url: string): Promise<unknown> {
  const signal = AbortSignal.timeout(TIMEOUT_MS)
  try {
    const response = await fetch(url, {
      redirect: 'error',
      credentials: 'omit',
      headers: { accept: 'application/json' },
      signal,
    })
    const type = mediaType(response)
    if (response.status !== 200 || (type !== 'application/json' && !type.endsWith('+json'))) {
      await response.body?.cancel()
      throw unavailable(url, `status ${response.status}, ${type === '' ? 'no media type' : type}`)
    }
    return JSON.parse(await readBounded(response, MAX_BYTES)) as unknown
  } catch (error) {
    if (error instanceof CountersignError) throw error
    throw unavailable(url, signal.aborted ? `nothing in ${TIMEOUT_MS} ms` : 'no answer', error)
  }
}

/** The media type without parameters, in lower case; empty when there is none. */
export function mediaType(response: Response): string {
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';', 1)
  return type.trim().toLowerCase()
}

/** The body as text. Rejects when it is larger than `maxBytes` or no UTF-8. */
export async function readBounded(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return ''
  const reader = response.body.getReader()
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let length = 0
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return text + decoder.decode()
    length += value.byteLength
    if (length > maxBytes) {
      await reader.cancel()
      throw new RangeError(`The answer is larger than ${maxBytes} bytes.`)
    }
    text += decoder.decode(value, { stream: true })
  }
}

function unavailable(url: string, got: string, cause?: unknown): CountersignError {
  return new CountersignError('keys-unavailable', { expected: `JSON at ${url}`, got, cause })
}
