/** How an authority can fail its callers. */
export type FailureKind =
  /** Nothing answers. */
  | 'down'
  /** It answers late, or not at all. */
  | 'slow'
  /** It answers with an error. */
  | 'error'
  /** It answers with what is no answer. */
  | 'malformed'
  /** Its status lists stay as they are: what is revoked from now on is not in them. */
  | 'staleLists'

export const FAILURE_KINDS: readonly FailureKind[] = [
  'down',
  'slow',
  'error',
  'malformed',
  'staleLists',
]

/** What is to go wrong, and when. */
export interface Failure {
  readonly kind: FailureKind
  /** How many requests it is for. Default: all, until it is lifted. */
  readonly times?: number | undefined
  /** Requests whose path ends so. Default: all. */
  readonly path?: string | undefined
  /** Of `error`. Default 500. */
  readonly status?: number | undefined
  /** Of `slow`: milliseconds. Default: until it is lifted. */
  readonly delayMs?: number | undefined
}

/** Thrown where nothing answers. */
export class ConnectionRefused extends Error {
  readonly code = 'ECONNREFUSED'

  constructor() {
    super('connect ECONNREFUSED: the authority was told to be down')
    this.name = 'ConnectionRefused'
  }
}

type Answer = (request: Request) => Promise<Response>

/** Stands before an authority, and fails in its place when told to. */
export interface Failures {
  /** From now on; a later one goes first. @throws {TypeError} when it says what cannot be. */
  add(failure: Failure): void
  /** Lifts them all. */
  lift(): void
  /** Those that are still to come. */
  pending(): readonly Failure[]
  /** Whether a connection is to be refused before there is a request; counts as one if so. */
  refuses(path: string): boolean
  /**
   * The authority's answer, unless something goes wrong.
   *
   * @param own What goes wrong with this request alone, before all else.
   * @throws {ConnectionRefused} and whatever `request.signal` was aborted with.
   */
  answer(request: Request, answer: Answer, own?: readonly Failure[]): Promise<Response>
}

interface Pending {
  readonly failure: Failure
  left: number
}

export function createFailures(): Failures {
  let pending: Pending[] = []
  const waiting = new Set<() => void>()
  const lists = createListMemory()

  /** The one that is next for a path, which counts as a request if `isDue`. */
  const take = (
    path: string,
    isDue: (failure: Failure) => boolean = () => true,
  ): Failure | undefined => {
    const found = pending.find(({ failure }) => isFor(failure, path))
    if (found === undefined || !isDue(found.failure)) return undefined
    found.left--
    pending = pending.filter(({ left }) => left > 0)
    return found.failure
  }

  return Object.freeze({
    add(failure: Failure) {
      checkFailure(failure)
      pending.unshift({ failure: Object.freeze({ ...failure }), left: failure.times ?? Infinity })
    },

    lift() {
      pending = []
      for (const goOn of waiting) goOn()
    },

    pending: () =>
      pending.map(({ failure, left }) => ({
        ...failure,
        ...(failure.times !== undefined && { times: left }),
      })),

    refuses: (path: string) => take(path, ({ kind }) => kind === 'down') !== undefined,

    async answer(request: Request, answer: Answer, own: readonly Failure[] = []) {
      const { pathname } = new URL(request.url)
      const standing = own.length > 0 ? undefined : take(pathname)
      const due = standing === undefined ? own : [standing]
      for (const failure of due) {
        if (failure.kind === 'slow') await wait(failure.delayMs, request.signal, waiting)
      }
      const last = due.find(({ kind }) => kind !== 'slow')
      if (last?.kind === 'down') throw new ConnectionRefused()
      if (last?.kind === 'error') return problem(last.status ?? 500)
      if (last?.kind === 'malformed') return CUT_SHORT()
      return lists.answer(request, answer, last?.kind === 'staleLists')
    },
  })
}

const STATUS_LIST = /\/status-lists\/[^/]+$/
const STATUS_EVENTS = '/.well-known/status-events'

function isFor({ kind, path = '' }: Failure, requested: string): boolean {
  const isFit = kind !== 'staleLists' || STATUS_LIST.test(requested) || isEvents(requested)
  return isFit && requested.endsWith(path)
}

function isEvents(path: string): boolean {
  return path.endsWith(STATUS_EVENTS)
}

function checkFailure({ kind, times, status, delayMs }: Failure): void {
  const isCount = (value: number | undefined, min: number, max: number): boolean =>
    value === undefined || (Number.isInteger(value) && value >= min && value <= max)
  if (!FAILURE_KINDS.includes(kind)) {
    throw new TypeError(`A failure is one of ${FAILURE_KINDS.join(', ')}.`)
  }
  if (!isCount(times, 1, 1_000_000)) throw new TypeError('times is a whole number from 1.')
  if (!isCount(status, 400, 599)) throw new TypeError('status is from 400 to 599.')
  if (!isCount(delayMs, 0, 600_000)) throw new TypeError('delayMs is from 0 to 600000.')
}

function wait(
  delayMs: number | undefined,
  signal: AbortSignal,
  waiting: Set<() => void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = delayMs === undefined ? undefined : setTimeout(goOn, delayMs)
    const end = (): void => {
      clearTimeout(timer)
      waiting.delete(goOn)
      signal.removeEventListener('abort', giveUp)
    }
    function goOn(): void {
      end()
      resolve()
    }
    function giveUp(): void {
      end()
      reject(signal.reason as Error)
    }
    waiting.add(goOn)
    signal.addEventListener('abort', giveUp)
    if (signal.aborted) giveUp()
  })
}

/** Every list as it was last served, to be served again. */
function createListMemory() {
  const served = new Map<string, { readonly text: string; readonly type: string }>()
  return {
    async answer(request: Request, answer: Answer, isStale: boolean): Promise<Response> {
      const { pathname } = new URL(request.url)
      // A change would be known by the stream.
      if (isStale && isEvents(pathname)) return problem(503)
      if (!STATUS_LIST.test(pathname)) return answer(request)
      const known = isStale ? served.get(pathname) : undefined
      if (known !== undefined) {
        return new Response(known.text, { headers: { 'content-type': known.type } })
      }
      // Whole, and as text: what a cache or a compression would make of it is not to be kept.
      const accept = request.headers.get('accept') ?? '*/*'
      const response = await answer(new Request(request.url, { headers: { accept } }))
      const type = response.headers.get('content-type') ?? ''
      if (response.status === 200)
        served.set(pathname, { text: await response.clone().text(), type })
      return response
    },
  }
}

/** An error of the wire, as the authority itself would have it. */
function problem(status: number): Response {
  const message = `The authority was told to answer ${status}.`
  const error = { message, long_message: message, code: 'emulated_failure', meta: {} }
  return Response.json(
    { errors: [error], meta: {}, clerk_trace_id: 'req_emulated' },
    { status, headers: status === 503 || status === 429 ? { 'retry-after': '1' } : {} },
  )
}

/** JSON of which the end is missing. */
const CUT_SHORT = (): Response =>
  new Response('{"object":"m', { headers: { 'content-type': 'application/json' } })
