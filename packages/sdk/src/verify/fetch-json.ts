import { CountersignError, refusal } from '../token/errors.ts'

/** The part of the platform's `fetch` that is used here; pass your own to test or to route calls. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * A redirect is answered to us, and is no answer: its status is not 200. (`error` would say it in one
 * word, but Cloudflare's workers do not know that one.)
 */
export const NO_REDIRECT = { redirect: 'manual' } as const

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
  const text = await fetchText(
    fetch,
    url,
    'application/json',
    /^application\/(.+\+)?json$/,
    timeoutMs,
  )
  try {
    return JSON.parse(text) as unknown
  } catch (error) {
    throw unavailable(url, 'no JSON', error)
  }
}

/**
 * The same for a text of another media type.
 *
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
  const load = async (): Promise<string> => {
    const response = await fetch(url, { ...NO_REDIRECT, headers: { accept }, signal })
    const type = mediaType(response)
    if (response.status === 200 && types.test(type)) return readBounded(response, MAX_BYTES)
    response.body?.cancel().catch(() => undefined)
    throw unavailable(url, `status ${response.status} ${type}`)
  }
  try {
    return await withSignal(load(), signal)
  } catch (error) {
    // Of ours alone: what somebody's own `fetch` throws is no verdict on a token.
    if (error instanceof CountersignError && error.code === 'keys-unavailable') throw error
    throw unavailable(url, signal.aborted ? `nothing in ${timeoutMs} ms` : 'no answer', error)
  }
}

/** Ends the waiting when the signal does, and as it says, also where `work` takes no notice of it. */
export function withSignal<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(signal.reason as Error)
    }
    signal.addEventListener('abort', abort)
    void work.then(resolve, reject).finally(() => {
      signal.removeEventListener('abort', abort)
    })
    if (signal.aborted) abort()
  })
}

/** The media type without parameters, in lower case; empty when there is none. */
export function mediaType(response: Response): string {
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';', 1)
  return type.trim().toLowerCase()
}

/** The body as text. Rejects with a `RangeError` when it is larger than `maxBytes`, and when it is no UTF-8. */
export async function readBounded(response: Response, maxBytes: number): Promise<string> {
  if (response.body === null) return ''
  const reader = response.body.getReader()
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
