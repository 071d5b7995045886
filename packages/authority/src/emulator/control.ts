import * as v from 'valibot'
import { FAILURE_KINDS, type Failures } from './failures.ts'
import type { MovableClock } from './movable-clock.ts'

export interface ControlParts {
  readonly clock: MovableClock
  readonly failures: Failures
  /** Where callers reach it. */
  readonly issuer: string
  /** What is told of the emulator. */
  readonly about: object
  readonly reset: () => Promise<void>
}

const PATH = '/__emulate'

/** Whether a path is the emulator's own, and no authority's. */
export function isControl(path: string): boolean {
  return path === PATH || path.startsWith(`${PATH}/`)
}

const MAX_MS = 8_640_000_000_000_000

const milliseconds = v.pipe(v.number(), v.integer(), v.minValue(-MAX_MS), v.maxValue(MAX_MS))

const clockBody = v.union([
  v.strictObject({ advanceMs: milliseconds }),
  v.strictObject({ nowMs: milliseconds }),
])

const failureBody = v.strictObject({
  kind: v.picklist(FAILURE_KINDS),
  times: v.optional(v.number()),
  path: v.optional(v.string()),
  status: v.optional(v.number()),
  delayMs: v.optional(v.number()),
})

/** What a test tells an emulator, on paths that no authority has. Answers how the emulator stands then. */
export function createControl(parts: ControlParts): (request: Request) => Promise<Response> {
  const { clock, failures } = parts
  const own = new URL(parts.issuer).hostname

  const stand = (): Response =>
    Response.json({
      emulator: true,
      issuer: parts.issuer,
      ...parts.about,
      nowMs: clock.now(),
      failures: failures.pending(),
    })

  const ROUTES: Readonly<Record<string, (body: unknown) => Promise<void> | void>> = {
    [`GET ${PATH}`]: () => undefined,
    [`POST ${PATH}/reset`]: parts.reset,
    [`POST ${PATH}/clock`](body) {
      const move = v.parse(clockBody, body)
      if ('advanceMs' in move) clock.advance(move.advanceMs)
      else clock.set(move.nowMs)
    },
    [`POST ${PATH}/failures`](body) {
      failures.add(v.parse(failureBody, body))
    },
    [`DELETE ${PATH}/failures`]: () => {
      failures.lift()
    },
  }

  return async (request) => {
    // A web page that somebody has open reaches this machine as well, and has nothing to do here.
    if (request.headers.has('origin')) return refusal(403, 'Not from a web page.')
    const { hostname, pathname } = new URL(request.url)
    // A page that its own name server sends here sends no `Origin` to read (DNS rebinding).
    if (hostname !== own && !isSure(hostname)) {
      return refusal(403, 'Not by this name: --issuer says by which it is reached.')
    }
    const route = `${request.method} ${pathname}`
    if (!Object.hasOwn(ROUTES, route)) {
      return refusal(404, `There is: ${Object.keys(ROUTES).join(', ')}.`)
    }
    try {
      const text = await request.text()
      await ROUTES[route]?.(text === '' ? {} : JSON.parse(text))
      return stand()
    } catch (error) {
      // Of the body; nothing else throws here.
      return refusal(400, error instanceof Error ? error.message : 'The body is wrong.')
    }
  }
}

/** What no name server decides: an address, or this machine itself. */
function isSure(hostname: string): boolean {
  return /^((.+\.)?localhost|\d{1,3}(\.\d{1,3}){3}|\[.+\])$/.test(hostname)
}

function refusal(status: number, message: string): Response {
  const error = { message, long_message: message, code: 'emulate_invalid', meta: {} }
  return Response.json({ errors: [error], meta: {} }, { status })
}
