import { createVerifier, isCountersignError, type M2MToken } from 'countersign/verify'
import { createAssertions } from './assertion.ts'
import { IDENTITY_HEADER, requestHeaders, responseHeaders } from './headers.ts'
import { createSchema } from './schema.ts'

export interface GatewayOptions {
  /** The authority's URL, as tokens have it in `iss`. */
  readonly issuer: string
  /** The id of the machine that the origin is: tokens must be meant for it. */
  readonly audience: string
  /** Scheme and host of the one place that requests go to. */
  readonly origin: string
  /** Shared with the origin alone: 32 bytes or more, in base64. */
  readonly originKey: string
  /** Names of machines' own claims that tokens may have. Default none. */
  readonly claims?: readonly string[]
  /** How long the origin may take to begin its answer. Default 30,000. */
  readonly originTimeoutMs?: number
  /** Is told why a request was refused: for the operator's log, never for the caller. */
  readonly onRefused?: (code: string) => void
  /** Keeps a fetch alive that goes on after its request was answered. */
  readonly waitUntil?: (work: Promise<unknown>) => void
  /** Epoch milliseconds. */
  readonly clock?: () => number
}

/** Two fetches of the verifier, of 5 seconds each, and some. */
const VERIFY_TIMEOUT_MS = 11_000
const ORIGIN_TIMEOUT_MS = 30_000
const RETRY_AFTER_SECONDS = '5'
const MAX_TOKEN_CHARACTERS = 16_384

const MACHINE_ID = /^mch_[0-9A-Za-z]{27}$/
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']

/**
 * Checks every request in front of one origin. A request that cannot be checked does not pass.
 *
 * @throws for options that cannot be used, before the first request.
 */
export function createGateway(options: GatewayOptions): (request: Request) => Promise<Response> {
  const { issuer, audience, clock = () => Date.now(), onRefused = () => undefined } = options
  // A verifier takes null for "any receiver", and an unset variable may well be null.
  if (!MACHINE_ID.test(audience)) throw new TypeError('AUDIENCE must be the id of a machine.')
  const origin = checkOrigin(options.origin)
  const hasForm = createSchema(options.claims ?? [])
  const assertFor = createAssertions(options.originKey, origin.origin, clock)
  const originTimeoutMs = options.originTimeoutMs ?? ORIGIN_TIMEOUT_MS
  const verifier = createVerifier({ issuer, audience, clock, waitUntil: options.waitUntil })

  const refuse = (code: string, status: 401 | 405 | 503): Response => {
    onRefused(code)
    return refusals[status]()
  }

  return async (request) => {
    if (!METHODS.includes(request.method)) return refuse('method-not-allowed', 405)
    const token = bearerToken(request)
    if (token === null) return refuse('token-missing', 401)
    if (!hasForm(token)) return refuse('token-form', 401)
    let caller: M2MToken
    try {
      caller = await within(VERIFY_TIMEOUT_MS, verifier.verify(token))
    } catch (error) {
      // A token is bad only when that is known. All else means that nobody knows, and nobody passes.
      const code = isCountersignError(error) ? error.code : 'unexpected'
      return refuse(code, code.startsWith('token-') ? 401 : 503)
    }
    const { pathname, search } = new URL(request.url)
    // By its parts: joined as texts, //elsewhere.example would be another host.
    const target = new URL(origin)
    target.pathname = pathname
    target.search = search
    const headers = requestHeaders(request.headers)
    const path = target.pathname + target.search
    const identity = { machineId: caller.subject, tokenId: caller.id, claims: caller.claims }
    headers.set(IDENTITY_HEADER, await assertFor(identity, { method: request.method, path }))
    return forward(target, { method: request.method, headers, body: request.body }, originTimeoutMs)
  }
}

function checkOrigin(text: string): URL {
  const url = new URL(text)
  if (/^https?:$/.test(url.protocol) && url.href === `${url.origin}/`) return url
  throw new TypeError('ORIGIN must be a scheme and a host, and nothing else.')
}

/** From one header, of one spelling: who sends two tokens gets no say in which one counts. */
function bearerToken({ headers }: Request): string | null {
  const value = headers.get('authorization') ?? ''
  if (value.length > MAX_TOKEN_CHARACTERS) return null
  return /^bearer ([\w-]+\.[\w-]+\.[\w-]+)$/i.exec(value)?.[1] ?? null
}

async function forward(
  target: URL,
  message: { readonly method: string; readonly headers: Headers; readonly body: BodyInit | null },
  timeoutMs: number,
): Promise<Response> {
  const control = new AbortController()
  // Until the answer begins; its body may take as long as it takes.
  const timer = setTimeout(() => {
    control.abort()
  }, timeoutMs)
  try {
    const response = await fetch(target, {
      ...message,
      // Where the origin sends a client to is the client's to follow, not ours.
      redirect: 'manual',
      // Cloudflare keeps answers by their URL, and the next caller is another machine.
      cache: 'no-store',
      signal: control.signal,
    })
    const { status, statusText, headers, body } = response
    return new Response(body, { status, statusText, headers: responseHeaders(headers) })
  } catch {
    return control.signal.aborted
      ? answer(504, 'origin_timeout')
      : answer(502, 'origin_unreachable')
  } finally {
    clearTimeout(timer)
  }
}

const refusals: Readonly<Record<401 | 405 | 503, () => Response>> = {
  401: () => answer(401, 'unauthorized', { 'www-authenticate': 'Bearer' }),
  405: () => answer(405, 'method_not_allowed', { allow: METHODS.join(', ') }),
  503: () => answer(503, 'unavailable', { 'retry-after': RETRY_AFTER_SECONDS }),
}

function answer(status: number, error: string, headers: Record<string, string> = {}): Response {
  return Response.json({ error }, { status, headers: { ...headers, 'cache-control': 'no-store' } })
}

/** Waits no longer than this, whatever the work does. */
async function within<Value>(milliseconds: number, work: Promise<Value>): Promise<Value> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new Error('The time is up.'))
    }, milliseconds)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
