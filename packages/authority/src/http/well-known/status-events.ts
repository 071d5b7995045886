import { AuthorityError } from '../../domain/errors.ts'
import type { StatusEvents, Subscription } from '../../domain/status-events.ts'
import type { StatusLists } from '../../domain/status-lists.ts'
import type { App } from '../http-app.ts'

/** What a reader who does not read may leave lying; then it is ended. */
const MAX_UNREAD_BYTES = 65_536

const HEADERS = {
  'content-type': 'text/event-stream',
  'cache-control': 'no-store',
  'access-control-allow-origin': '*',
  // Proxies that collect answers would keep it for ever.
  'x-accel-buffering': 'no',
}

/** Server-sent events (WHATWG HTML §9.2): which status lists have changed. */
export function routeStatusEvents(app: App, events: StatusEvents, lists: StatusLists): void {
  app.get('/.well-known/status-events', () => {
    const stream = eventStream(events, (id) => lists.uriOf(id))
    if (stream === null) throw new AuthorityError('too_many_streams')
    return new Response(stream, { headers: HEADERS })
  })
}

function eventStream(
  events: StatusEvents,
  uriOf: (id: string) => string,
): ReadableStream<Uint8Array> | null {
  const encoder = new TextEncoder()
  const open: { subscription: Subscription | null } = { subscription: null }
  const stream = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const end = (): void => {
          open.subscription?.end()
          controller.close()
        }
        const write = (text: string): void => {
          if ((controller.desiredSize ?? 0) <= 0) end()
          else controller.enqueue(encoder.encode(text))
        }
        open.subscription = events.subscribe({
          changed(id) {
            write(`event: status-list\ndata: ${JSON.stringify({ uri: uriOf(id) })}\n\n`)
          },
          beat() {
            write(':\n\n')
          },
          ended() {
            controller.close()
          },
        })
        // Headers leave with the first bytes.
        if (open.subscription !== null) write('retry: 2000\n\n')
      },
      cancel() {
        open.subscription?.end()
      },
    },
    new ByteLengthQueuingStrategy({ highWaterMark: MAX_UNREAD_BYTES }),
  )
  return open.subscription === null ? null : stream
}
