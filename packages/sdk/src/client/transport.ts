import { CountersignError, type WireError } from '../token/errors.ts'
import { isJsonObject, type JsonObject } from '../token/json.ts'
import { mediaType, readBounded } from '../verify/fetch-json.ts'
import type { Settings } from './options.ts'

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

const MAX_ANSWER_BYTES = 1_048_576

const VERSION = '2026-05-12'

/** Statuses that say "not now", in which nothing was done. */
const TRY_LATER = [429, 503]

/** Statuses of a proxy that got no answer: nobody knows what was done. */
const UNKNOWN_FATE = [502, 504]

/** Sends calls with a timeout over all, and repeats those that may be repeated. */
export function createSend(settings: Settings): Send {
  const { timeoutMs, retries } = settings
  return async (call) => {
    const deadline = AbortSignal.timeout(timeoutMs)
    for (let attempt = 0; ; attempt++) {
      try {
        return await attemptOnce(settings, call, deadline)
      } catch (error) {
        if (!(error instanceof CountersignError)) throw error
        const wait = waitBefore(settings, attempt, error)
        if (attempt >= retries || !mayRepeat(call, error) || wait > timeoutMs) throw error
        await sleep(wait, deadline)
        if (deadline.aborted) throw error
      }
    }
  }
}

async function attemptOnce(
  settings: Settings,
  call: Call,
  deadline: AbortSignal,
): Promise<JsonObject> {
  const { fetch, apiUrl, timeoutMs } = settings
  let response: Response
  let text: string
  try {
    response = await fetch(`${apiUrl}/v1${call.path}`, {
      method: call.method,
      redirect: 'error',
      credentials: 'omit',
      signal: deadline,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${call.secret}`,
        'clerk-api-version': VERSION,
        ...(call.body !== undefined && { 'content-type': 'application/json' }),
      },
      ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
    })
    text = await readBounded(response, MAX_ANSWER_BYTES)
  } catch (error) {
    throw new CountersignError('authority-unreachable', {
      expected: `an answer of ${apiUrl}`,
      got: deadline.aborted ? `none in ${timeoutMs} ms` : 'none',
      // Its message may quote the request.
      ...(error instanceof Error && { cause: new Error(error.name) }),
    })
  }
  return judge(call, response, text)
}

function judge(call: Call, response: Response, text: string): JsonObject {
  const { status } = response
  const type = mediaType(response)
  const body = type === 'application/json' ? parse(text) : null
  if (status === call.success) {
    if (body !== null) return body
    throw unexpected(call, `${status} with ${type === '' ? 'no media type' : type}`, status)
  }
  if (status < 400) throw unexpected(call, String(status), status)
  const errors = body === null ? [] : wireErrors(body)
  const traceId = body?.['clerk_trace_id']
  throw new CountersignError('request-refused', {
    status,
    errors,
    got: undefined,
    expected: undefined,
    requestId: typeof traceId === 'string' ? traceId.slice(0, 128) : undefined,
    retryAfter: retryAfterSeconds(response),
  })
}

function parse(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text)
    return isJsonObject(value) ? value : null
  } catch {
    return null
  }
}

function unexpected(call: Call, got: string, status: number): CountersignError {
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

function shortText(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, 512) : ''
}

/** RFC 9110 §10.2.3: seconds or a date. */
function retryAfterSeconds(response: Response): number | undefined {
  const value = response.headers.get('retry-after')
  if (value === null) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value)
  const date = Date.parse(value)
  if (Number.isNaN(date)) return undefined
  return Math.max(0, Math.ceil((date - Date.parse(response.headers.get('date') ?? '')) / 1000)) || 0
}

/** A call that may have been carried out is repeated only when that does no harm. */
function mayRepeat(call: Call, error: CountersignError): boolean {
  if (error.status !== undefined && TRY_LATER.includes(error.status)) return true
  const fateUnknown =
    error.code === 'authority-unreachable' ||
    (error.status !== undefined && UNKNOWN_FATE.includes(error.status))
  return fateUnknown && call.repeatable
}

/** What the authority asked for, else full jitter: anything up to a bound that doubles. */
function waitBefore({ backoffMs }: Settings, attempt: number, error: CountersignError): number {
  return error.retryAfter === undefined
    ? Math.random() * backoffMs * 2 ** attempt
    : error.retryAfter * 1000
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
