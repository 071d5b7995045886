import { CountersignError } from '../token/errors.ts'

/** The part of the platform's `fetch` that is used here; pass your own to test or to route calls. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

/**
 * A redirect is answered to us, and is no answer: its status is not 200. (`error` would say it in one
 * word, but Cloudflare's workers do not know that one.)
 */
export const NO_REDIRECT = { redirect: 'manual' } as const

const ACCEPT = { accept: 'application/json' }

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
  const signal = AbortSignal.timeout(timeoutMs)
  try {
    const response = await withSignal(
      fetch(url, { ...NO_REDIRECT, headers: ACCEPT, signal }),
      signal,
    )
    const type = mediaType(response)
    if (response.status !== 200 || (type !== 'application/json' && !type.endsWith('+json'))) {
      response.body?.cancel().catch(() => undefined)
      throw unavailable(url, `status ${response.status}, ${type === '' ? 'no media type' : type}`)
    }
    return JSON.parse(await withSignal(readBounded(response, MAX_BYTES), signal)) as unknown
  } catch (error) {
    if (error instanceof CountersignError) throw error
    throw unavailable(url, signal.aborted ? `nothing in ${timeoutMs} ms` : 'no answer', error)
  }
}

/** Ends the waiting when the signal does, also where `work` takes no notice of it. */
export function withSignal<Value>(work: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      reject(new DOMException('The time is up.', 'TimeoutError'))
    }
    const settle =
      <Outcome>(end: (outcome: Outcome) => void) =>
      (outcome: Outcome): void => {
        signal.removeEventListener('abort', abort)
        end(outcome)
      }
    signal.addEventListener('abort', abort)
    work.then(settle(resolve), settle(reject))
    if (signal.aborted) abort()
  })
}

/** Thrown while reading, before more than the bound is held. */
export class AnswerTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`more than ${maxBytes} bytes`)
    this.name = 'AnswerTooLarge'
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
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      length += value.byteLength
      if (length > maxBytes) throw new AnswerTooLarge(maxBytes)
      text += decoder.decode(value, { stream: true })
    }
  } catch (error) {
    // Lets the connection go; nobody waits for it.
    reader.cancel().catch(() => undefined)
    throw error
  }
}

function unavailable(url: string, got: string, cause?: unknown): CountersignError {
  return new CountersignError('keys-unavailable', { expected: `JSON at ${url}`, got, cause })
}
