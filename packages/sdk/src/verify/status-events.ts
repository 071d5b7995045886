import type { Fetch } from './fetch-json.ts'
import { NO_REDIRECT } from './fetch-json.ts'

/** A stream of changes that is open until it is closed, and opened again whenever it ends. */
export interface StatusEvents {
  close(): void
}

/** Between two attempts, at first; then ever longer. */
const FIRST_RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000

/** The server says something every 15 seconds, if only that it is there. */
const SILENCE_MS = 45_000

/** A line that is longer is no event of ours. */
const MAX_LINE_CHARACTERS = 8_192

/** Events are hints: of more in so short a time each would be the same. */
const AT_ONCE_MS = 200

/**
 * Listens to which lists have changed (server-sent events, WHATWG HTML §9.2).
 *
 * @param changed Is told the URI of a list, or `null` when any may have changed: events were missed.
 */
export function openStatusEvents(
  { fetch, base }: { readonly fetch: Fetch; readonly base: string },
  changed: (uri: string | null) => void,
): StatusEvents {
  const end = new AbortController()
  void listen(fetch, `${base}/.well-known/status-events`, changed, end.signal)
  return {
    close() {
      end.abort()
    },
  }
}

async function listen(
  fetch: Fetch,
  url: string,
  changed: (uri: string | null) => void,
  end: AbortSignal,
): Promise<void> {
  let failures = 0
  while (!end.aborted) {
    try {
      await readStream(fetch, url, end, (uri) => {
        failures = 0
        // What was to be told soon may come after the end.
        if (!end.aborted) changed(uri)
      })
    } catch {
      // Whatever it was: verification goes on without, by looking at the lists now and then.
    }
    const wait = Math.min(MAX_RETRY_MS, FIRST_RETRY_MS * 2 ** failures)
    failures = Math.min(failures + 1, 10)
    await pause(wait * (0.5 + Math.random() / 2), end)
  }
}

/** Reads one stream to its end. */
async function readStream(
  fetch: Fetch,
  url: string,
  end: AbortSignal,
  changed: (uri: string | null) => void,
): Promise<void> {
  const silence = new AbortController()
  const signal = AbortSignal.any([end, silence.signal])
  let timer = silenceTimer(silence)
  try {
    const headers = { accept: 'text/event-stream' }
    const response = await fetch(url, { ...NO_REDIRECT, headers, signal })
    const isStream =
      response.status === 200 &&
      response.headers.get('content-type')?.startsWith('text/event-stream') === true
    if (!isStream || response.body === null) {
      await response.body?.cancel()
      throw new TypeError('no stream of events')
    }
    // What happened while nobody listened is in the lists.
    changed(null)
    const soon = createSoon(changed)
    let rest = ''
    for await (const text of textsOf(response.body, signal)) {
      clearTimeout(timer)
      timer = silenceTimer(silence)
      const lines = (rest + text).split(/\r\n|\n|\r/)
      rest = lines.pop() ?? ''
      if (rest.length > MAX_LINE_CHARACTERS) throw new RangeError('a line too long')
      for (const line of lines) {
        const uri = uriIn(line)
        if (uri !== null) soon(uri)
      }
    }
  } finally {
    clearTimeout(timer)
    // Lets the connection go.
    silence.abort()
  }
}

async function* textsOf(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const reader = body.getReader()
  const decoder = new TextDecoder()
  signal.addEventListener('abort', () => {
    reader.cancel().catch(() => undefined)
  })
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield decoder.decode(value, { stream: true })
  }
}

/** The URI that a line of data names; the name of the event does not matter, since nothing is believed. */
function uriIn(line: string): string | null {
  if (!line.startsWith('data:')) return null
  try {
    const { uri } = JSON.parse(line.slice(5)) as { readonly uri?: unknown }
    return typeof uri === 'string' ? uri : null
  } catch {
    return null
  }
}

/** Tells of each list once, however often it is named in a short time; of very many, that any may have changed. */
function createSoon(changed: (uri: string | null) => void): (uri: string) => void {
  const waiting = new Set<string | null>()
  return (uri) => {
    const what = waiting.size >= MAX_WAITING && !waiting.has(uri) ? null : uri
    if (waiting.has(what)) return
    waiting.add(what)
    setTimeout(() => {
      waiting.delete(what)
      changed(what)
    }, AT_ONCE_MS)
  }
}

const MAX_WAITING = 256

function silenceTimer(silence: AbortController): ReturnType<typeof setTimeout> {
  return setTimeout(() => {
    silence.abort()
  }, SILENCE_MS)
}

function pause(milliseconds: number, end: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, milliseconds)
    function done(): void {
      clearTimeout(timer)
      end.removeEventListener('abort', done)
      resolve()
    }
    end.addEventListener('abort', done)
    if (end.aborted) done()
  })
}
