import { CountersignError, type WireError } from '../token/errors.ts'
import { isJsonObject, type JsonObject } from '../token/json.ts'
import { NO_REDIRECT, readBounded } from '../verify/fetch-json.ts'
import type { Connection } from './connection.ts'
import { sleep, withSignal } from './waiting.ts'

/** A call to the authority. */
export interface Call {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE'
  /** Below `apiUrl`; every part of it was checked or is a constant. */
  readonly path: string
  readonly secret: string
  readonly body?: unknown
  /** The one status that means success. */
  readonly success: 200 | 201
  /** Whether making the call twice does no more than making it once. */
  readonly repeatable: boolean
}

/** Makes calls. Answers a JSON object, or throws; never anything in between. */
export type Send = (call: Call) => Promise<JsonObject>

/** A page of 500 machines with 150 scopes each is the largest thing there is to say. */
const MAX_ANSWER_BYTES = { list: 33_554_432, other: 1_048_576 } as const

const VERSION = '2026-05-12'

declare const COUNTERSIGN_VERSION: string | undefined

/** The build puts the version in. */
const USER_AGENT = `countersign/${typeof COUNTERSIGN_VERSION === 'string' ? COUNTERSIGN_VERSION : 'source'}`

/** Statuses that say "not now". */
const TRY_LATER = [429, 503]

/** Statuses of a proxy that got no answer: nobody knows what was done. */
const UNKNOWN_FATE = [502, 504]

/** What Node and Bun call a connection that did not come about: nothing was sent. */
const NOT_CONNECTED = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
]

/** Sends calls with a timeout over all, and repeats those that may be repeated. */
export function createSend(connection: Connection): Send {
  const { timeoutMs, retries, monotonicMs } = connection
  return async (call) => {
    const body = encodeBody(call)
    const begin = monotonicMs()
    const deadline = AbortSignal.timeout(timeoutMs)
    for (let attempt = 0; ; attempt++) {
      try {
        return await attemptOnce(connection, call, body, deadline)
      } catch (error) {
        if (!(error instanceof CountersignError)) throw error
        const wait = waitBefore(connection, attempt, error)
        const left = timeoutMs - (monotonicMs() - begin)
        if (attempt >= retries || !mayRepeat(call, error) || wait >= left) throw error
        await sleep(wait, deadline)
        if (deadline.aborted) throw error
      }
    }
  }
}

/** Before anything is sent: what cannot be JSON (a BigInt, a cycle) is the caller's mistake. */
function encodeBody({ body }: Call): string | undefined {
  try {
    return body === undefined ? undefined : JSON.stringify(body)
  } catch {
    throw new CountersignError('argument-invalid', { expected: 'arguments that JSON can hold' })
  }
}

async function attemptOnce(
  connection: Connection,
  call: Call,
  body: string | undefined,
  deadline: AbortSignal,
): Promise<JsonObject> {
  const { fetch, apiUrl, timeoutMs, agent } = connection
  const init: RequestInit = {
    ...NO_REDIRECT,
    method: call.method,
    signal: deadline,
    headers: headersOf(call, agent),
    ...(body !== undefined && { body }),
  }
  let response: Response
  let text: string
  try {
    response = await withSignal(fetch(`${apiUrl}/v1${call.path}`, init), deadline)
    const maxBytes = MAX_ANSWER_BYTES[call.method === 'GET' ? 'list' : 'other']
    text = await withSignal(readBounded(response, maxBytes), deadline)
  } catch (error) {
    if (error instanceof RangeError) throw unexpected(call, error.message)
    const code = systemCode(error)
    throw new CountersignError('authority-unreachable', {
      expected: `an answer of ${apiUrl}`,
      got: deadline.aborted ? `none in ${timeoutMs} ms` : (code ?? 'none'),
      // Its message may quote the request; its name and code do not.
      cause: Object.assign(new Error(error instanceof Error ? error.name : 'not an error'), {
        code,
      }),
    })
  }
  return judge(connection, call, response, text)
}

function headersOf(call: Call, agent: string | undefined): Readonly<Record<string, string>> {
  return {
    accept: 'application/json',
    authorization: `Bearer ${call.secret}`,
    'clerk-api-version': VERSION,
    'user-agent': USER_AGENT,
    ...(agent !== undefined && { 'countersign-agent': agent }),
    ...(call.body !== undefined && { 'content-type': 'application/json' }),
  }
}

/** The `code` of an error or of what caused it. */
function systemCode(error: unknown): string | undefined {
  for (let one = error, depth = 0; one instanceof Error && depth < 4; one = one.cause, depth++) {
    if ('code' in one && typeof one.code === 'string') return one.code
  }
  return undefined
}

/** The media type without parameters, in lower case; empty when there is none. */
function mediaType(response: Response): string {
  const [type = ''] = (response.headers.get('content-type') ?? '').split(';', 1)
  return type.trim().toLowerCase()
}

function judge({ now }: Connection, call: Call, response: Response, text: string): JsonObject {
  const { status } = response
  const type = mediaType(response)
  const isJson = type === 'application/json'
  if (status === call.success) {
    const answer = isJson ? parse(text) : null
    if (answer !== null) return answer
    throw unexpected(call, `${status} with ${type === '' ? 'no media type' : type}`, status)
  }
  if (status < 400) throw unexpected(call, String(status), status)
  const body = isJson ? parse(withoutSecrets(call, text)) : null
  // A no is an authority's to say: anything else that has no such page says nothing of a credential.
  if (status === 404 && !Array.isArray(body?.['errors'])) throw unexpected(call, '404')
  const errors = body === null ? [] : wireErrors(body)
  const traceId = body?.['clerk_trace_id']
  throw new CountersignError('request-refused', {
    status,
    errors,
    requestId: requestIdOf(call, traceId ?? response.headers.get('x-request-id')),
    retryAfter: retryAfterSeconds(response, now()),
  })
}

/** What stands in the way of an authority may say back what it was sent, and an error gets logged. */
function withoutSecrets(call: Call, text: string): string {
  try {
    // Written anew, a text has one spelling: theirs may have escaped any of its characters.
    return secretsOf(call).reduce(
      (rest, one) => rest.replaceAll(JSON.stringify(one).slice(1, -1), '[secret]'),
      JSON.stringify(JSON.parse(text)),
    )
  } catch {
    return ''
  }
}

/** The key of the call, and the token or key that it asks about. */
function secretsOf({ secret, body }: Call): readonly string[] {
  const { token, secret: apiKey, access_token: accessToken } = isJsonObject(body) ? body : {}
  return [secret, token, apiKey, accessToken].filter(
    (one): one is string => typeof one === 'string' && one !== '',
  )
}

function requestIdOf(call: Call, value: unknown): string | undefined {
  if (typeof value !== 'string' || !/^[\w-]{1,128}$/.test(value)) return undefined
  return secretsOf(call).some((one) => value.includes(one)) ? undefined : value
}

function parse(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}

function unexpected(call: Call, got: string, status?: number): CountersignError {
  return new CountersignError('answer-unexpected', {
    expected: `${call.success} with application/json`,
    got,
    status,
  })
}

function wireErrors(body: JsonObject): readonly WireError[] {
  const { errors } = body
  if (!Array.isArray(errors)) return []
  return errors
    .slice(0, 16)
    .filter(isJsonObject)
    .map(({ code, message, long_message: longMessage, meta }) => ({
      code: shortText(code),
      message: shortText(message),
      longMessage: shortText(longMessage ?? message),
      meta: isJsonObject(meta) ? meta : {},
    }))
}

/** For a log: of bounded length, and nothing in it begins a line or moves a cursor. */
function shortText(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 512).replace(/\p{Cc}/gu, ' ') : ''
}

/** RFC 9110 §10.2.3: seconds, or a date, which is compared with the clock that wrote it if it says. */
function retryAfterSeconds(response: Response, nowMs: number): number | undefined {
  const value = response.headers.get('retry-after')
  if (value === null) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value)
  // `Date.parse` makes a date of nearly anything: `-1` is one in 2001.
  const then = /^[A-Z][a-z]{2,8},? .* GMT$/.test(value) ? Date.parse(value) : Number.NaN
  if (Number.isNaN(then)) return undefined
  const theirs = Date.parse(response.headers.get('date') ?? '')
  return Math.max(0, Math.ceil((then - (Number.isNaN(theirs) ? nowMs : theirs)) / 1000))
}

/** A call that may have been carried out is repeated only when that does no harm. */
function mayRepeat(call: Call, error: CountersignError): boolean {
  const { code, status = 0, retryAfter, cause } = error
  if (TRY_LATER.includes(status)) return call.repeatable || retryAfter !== undefined
  if (UNKNOWN_FATE.includes(status)) return call.repeatable
  if (code !== 'authority-unreachable') return false
  return call.repeatable || NOT_CONNECTED.includes(systemCode(cause) ?? '')
}

/** What the authority asked for, and jitter: anything up to a bound that doubles. */
function waitBefore(
  { backoffMs, random }: Connection,
  attempt: number,
  { retryAfter }: CountersignError,
): number {
  return (retryAfter ?? 0) * 1000 + random() * backoffMs * 2 ** attempt
}
