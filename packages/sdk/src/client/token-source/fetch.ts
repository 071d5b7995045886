import { CountersignError } from '../../token/errors.ts'
import { type Fetch, NO_REDIRECT, PLATFORM_FETCH } from '../../verify/fetch-json.ts'
import { invalidOption } from '../../verify/options.ts'
import { refusesToken } from './challenge.ts'
import type { LiveToken } from './live-token.ts'
import { judgePlace, judgeRedirect, placeOf } from './origins.ts'

export interface TokenFetchParts {
  readonly fetch: Fetch
  /** `null` when none were named. */
  readonly origins: ReadonlySet<string> | null
  readonly live: LiveToken
}

/** What is sent to one place. */
interface Hop {
  readonly url: URL
  readonly method: string
  /** Without `authorization`. */
  readonly headers: Headers
  readonly init: RequestInit
  /** What the caller gave, where that is one; `init` says what it changes. */
  readonly request: Request | null
}

/** Servers that redirect more often are going round in circles. */
const MAX_REDIRECTS = 5

const REDIRECTS = [301, 302, 303, 307, 308]

/** The Fetch standard, HTTP-redirect fetch: they tell of a body that is not sent on. */
const BODY_HEADERS = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-type',
]

export type TokenFetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>

/** A `fetch` that presents the token. */
export function createTokenFetch({ fetch, origins, live }: TokenFetchParts): TokenFetch {
  /** Sends it with a token that is valid as far as can be known. */
  const present = async (hop: Hop, signal: AbortSignal | undefined): Promise<Response> => {
    const token = await live.get(signal)
    const response = await send(fetch, hop, token)
    if (!refusesToken(response)) return response
    live.refuse(token)
    if (!isRepeatable(hop)) return response
    const renewed = await live.get(signal).catch(() => null)
    if (renewed === null) {
      if (signal?.aborted === true) discard(response)
      signal?.throwIfAborted()
      // Why there is no new token is the next call's to hear: this one has an answer.
      return response
    }
    discard(response)
    const second = await send(fetch, hop, renewed)
    if (refusesToken(second)) live.refuse(renewed)
    return second
  }

  return async (input, init = {}) => {
    if (origins === null) throw invalidOption('origins to name where fetch may send the token')
    let hop = firstHop(input, { ...init })
    judgePlace(hop.url, origins)
    const signal = hop.init.signal ?? hop.request?.signal
    const redirect = hop.init.redirect ?? hop.request?.redirect ?? 'follow'
    for (let followed = 0; ; followed++) {
      const response = await present(hop, signal)
      if (redirect === 'manual' || !REDIRECTS.includes(response.status)) return response
      const target = targetOf(response, hop.url)
      if (target === null || followed === MAX_REDIRECTS) return response
      try {
        if (redirect === 'error') throw new TypeError('The answer is a redirect.')
        judgeRedirect(hop.url, target, origins)
      } catch (error) {
        discard(response)
        throw error
      }
      const next = nextHop(hop, response.status, target)
      // Its body is gone: whoever has it may send it to the place that the answer names.
      if (next === null) return response
      discard(response)
      hop = next
    }
  }
}

function firstHop(input: string | URL | Request, init: RequestInit): Hop {
  const request = input instanceof Request ? input : null
  // By the platform's own getter: what a class of the caller says of its URL is not where it is sent.
  const url = placeOf(
    input instanceof Request ? Reflect.get(Request.prototype, 'url', input) : input,
  )
  const headers = new Headers(init.headers ?? request?.headers)
  const mode = init.mode ?? request?.mode
  if (headers.has('authorization')) {
    throw new CountersignError('argument-invalid', {
      expected: 'no authorization header: the token source puts its own there',
    })
  }
  // Such a request loses its Authorization without a word.
  if (mode === 'no-cors') {
    throw new CountersignError('argument-invalid', { expected: 'a mode other than no-cors' })
  }
  const method = (init.method ?? request?.method ?? 'GET').toUpperCase()
  return { url, method, headers, init, request }
}

async function send(fetch: Fetch, hop: Hop, token: string): Promise<Response> {
  const headers = new Headers(hop.headers)
  headers.set('authorization', `Bearer ${token}`)
  const init: RequestInit = { ...hop.init, ...NO_REDIRECT, headers }
  if (hop.request === null) return fetch(hop.url.href, init)
  const request = new Request(hop.request, init)
  // Only as it is does a request keep the length of its body.
  if (fetch === PLATFORM_FETCH) return globalThis.fetch(request)
  return fetch(request.url, { ...initOf(request), headers: request.headers })
}

/** The Fetch standard, HTTP-redirect fetch. `null` when its body would have to be sent a second time. */
function nextHop(hop: Hop, status: number, url: URL): Hop | null {
  const becomesGet =
    status === 303 ? !['GET', 'HEAD'].includes(hop.method) : status < 303 && hop.method === 'POST'
  if (!becomesGet && !isRepeatable(hop)) return null
  const { body, method, ...init }: RequestInit = hop.init
  const whole = hop.request === null ? init : { ...initOf(hop.request, false), ...init }
  if (!becomesGet) {
    const again = { ...whole, method: hop.method, ...(hasBody(body) && { body }) }
    return { ...hop, url, init: again, request: null }
  }
  const headers = new Headers(hop.headers)
  for (const name of BODY_HEADERS) headers.delete(name)
  return { url, method: 'GET', headers, init: { ...whole, method: 'GET' }, request: null }
}

/** Where a redirect leads, if it says. */
function targetOf(response: Response, from: URL): URL | null {
  const location = response.headers.get('location')
  if (location === null || !URL.canParse(location, from.href)) return null
  const target = new URL(location, from)
  if (target.hash === '') target.hash = from.hash
  return target
}

/** Whether what is sent can be sent a second time. */
function isRepeatable({ init: { body }, request }: Hop): boolean {
  if (!hasBody(body)) return request === null || request.body === null
  return (
    typeof body === 'string' ||
    body instanceof URLSearchParams ||
    body instanceof FormData ||
    body instanceof Blob ||
    body instanceof ArrayBuffer ||
    ArrayBuffer.isView(body)
  )
}

function hasBody(body: RequestInit['body']): body is NonNullable<RequestInit['body']> {
  return body !== undefined && body !== null
}

/** A request in the words of `fetch`'s second argument, as far as a service's calls go. */
function initOf(request: Request, withBody = true): RequestInit {
  const { method, signal, integrity, keepalive, body } = request
  return {
    ...NO_REDIRECT,
    method,
    signal,
    ...(integrity !== '' && { integrity }),
    ...(keepalive && { keepalive }),
    ...(withBody && body !== null && { body, duplex: 'half' }),
  }
}

/** Lets the connection go; nobody waits for it. */
function discard(response: Response): void {
  response.body?.cancel().catch(() => undefined)
}
