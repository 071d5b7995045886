import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { openStatusEvents, type StatusEvents } from './status-events.ts'

const BASE = 'https://authority.test'
const LIST = `${BASE}/status-lists/one`
const OTHER = `${BASE}/status-lists/two`

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
})

afterEach(() => {
  vi.useRealTimers()
})

/** Time passes, and what it has set going comes to rest. */
const pass = async (milliseconds: number): Promise<void> => {
  await vi.advanceTimersByTimeAsync(milliseconds)
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
}

interface Opened {
  readonly url: string
  readonly init: RequestInit
  send(text: string | Uint8Array): void
  end(): void
  isCancelled(): boolean
}

type Answer = (body: ReadableStream<Uint8Array>) => Response | Promise<Response>

const stream: Answer = (body) =>
  new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } })

const withType =
  (type: string, status = 200): Answer =>
  (body) =>
    new Response(body, { status, headers: { 'content-type': type } })

/** Listens to a server that gives one answer after the other, and the last one for ever. */
const listening = async (...answers: Answer[]) => {
  const opened: Opened[] = []
  const told: (string | null)[] = []
  const fetch = async (url: string, init: RequestInit = {}): Promise<Response> => {
    let cancelled = false
    let controller!: ReadableStreamDefaultController<Uint8Array>
    const body = new ReadableStream<Uint8Array>({
      start(started) {
        controller = started
      },
      cancel() {
        cancelled = true
      },
    })
    opened.push({
      url,
      init,
      send(text) {
        controller.enqueue(typeof text === 'string' ? new TextEncoder().encode(text) : text)
      },
      end() {
        controller.close()
      },
      isCancelled: () => cancelled,
    })
    const answer = answers[Math.min(opened.length, answers.length) - 1] ?? stream
    return answer(body)
  }
  const events: StatusEvents = openStatusEvents({ fetch, base: BASE }, (uri) => told.push(uri))
  await pass(0)
  const last = (): Opened => opened.at(-1) as Opened
  return { events, opened, told, last }
}

const naming = (uri: unknown): string => `event: changed\ndata: ${JSON.stringify({ uri })}\n\n`

test('it asks for a stream, without following anybody', async () => {
  const { events, last } = await listening()
  const { url, init } = last()
  expect(url).toBe(`${BASE}/.well-known/status-events`)
  expect(init).toMatchObject({ redirect: 'manual', headers: { accept: 'text/event-stream' } })
  expect(init.signal?.aborted).toBe(false)
  events.close()
  expect(init.signal?.aborted).toBe(true)
})

test('with the stream any list may have changed, and then each that it names, once and soon', async () => {
  const { events, told, last } = await listening()
  expect(told).toEqual([null])
  last().send(naming(LIST) + naming(LIST) + naming(OTHER))
  await pass(199)
  expect(told).toEqual([null])
  await pass(1)
  expect(told).toEqual([null, LIST, OTHER])
  last().send(naming(LIST))
  await pass(200)
  expect(told).toEqual([null, LIST, OTHER, LIST])
  events.close()
})

test('a line may come in pieces, and end as any line of a stream of events may', async () => {
  const { events, told, last } = await listening()
  const bytes = new TextEncoder().encode(
    `data: {"uri":"${BASE}/ö"}\r\ndata:{"uri":"b"}\rdata:{"uri":"c"}\n`,
  )
  for (const byte of bytes) {
    last().send(Uint8Array.of(byte))
    await pass(0)
  }
  await pass(200)
  expect(told).toEqual([null, `${BASE}/ö`, 'b', 'c'])
  events.close()
})

test.each([
  ': a comment',
  'event: changed',
  'id: data:{"uri":"a"}',
  'dataX{"uri":"a"}',
  'data:',
  'data: no JSON',
  'data: null',
  'data: "text"',
  'data: {"uri":1}',
  'data: {"uri":null}',
  'data: {}',
  ' data: {"uri":"a"}',
])('what names no list says nothing: %s', async (line) => {
  const { events, opened, told, last } = await listening()
  last().send(`${line}\n\n`)
  last().send(naming(LIST))
  await pass(200)
  expect(told).toEqual([null, LIST])
  expect(opened).toHaveLength(1)
  events.close()
})

test('of more lists than a verifier holds at once any may have changed', async () => {
  const { events, told, last } = await listening()
  const uris = Array.from({ length: 300 }, (_, number) => `${BASE}/${number}`)
  last().send(uris.map(naming).join('') + naming(uris[0]))
  await pass(200)
  expect(told).toEqual([null, ...uris.slice(0, 256), null])
  last().send(naming(uris[299]))
  await pass(200)
  expect(told.at(-1)).toBe(uris[299])
  events.close()
})

test('a line that does not end ends the stream', async () => {
  const { events, opened, last } = await listening()
  last().send(`data: ${'x'.repeat(8_186)}`)
  await pass(0)
  expect(last().isCancelled()).toBe(false)
  last().send('x')
  await pass(0)
  expect(last().isCancelled()).toBe(true)
  await pass(1_000)
  expect(opened).toHaveLength(2)
  events.close()
})

describe('it tries again', () => {
  test.each([
    ['an answer of another type', withType('application/json')],
    ['an answer whose type only ends so', withType('x-text/event-stream')],
    ['a status that is no success', withType('text/event-stream', 503)],
    ['a status that is another success', withType('text/event-stream', 203)],
    ['an answer without a type', () => new Response(null, { status: 200 })],
    [
      'an answer without a body',
      () => new Response(null, { headers: { 'content-type': 'text/event-stream' } }),
    ],
    ['no answer', () => Promise.reject(new TypeError('fetch failed'))],
  ] satisfies [string, Answer][])('after %s, which says nothing', async (_, answer) => {
    const { events, opened, told } = await listening(answer, stream)
    expect(told).toEqual([])
    await pass(499)
    expect(opened).toHaveLength(1)
    await pass(501)
    expect(opened).toHaveLength(2)
    expect(told).toEqual([null])
    events.close()
  })

  test('after what was no stream was let go', async () => {
    const { events, opened } = await listening(withType('text/html'))
    expect(opened[0]?.isCancelled()).toBe(true)
    expect(opened[0]?.init.signal?.aborted).toBe(true)
    events.close()
  })

  test('ever later, at most after a minute, and soon again once there was a stream', async () => {
    const failing = withType('text/html')
    const { events, opened } = await listening(...Array.from({ length: 12 }, () => failing), stream)
    for (const seconds of [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]) {
      const before = opened.length
      let percent = 0
      for (; opened.length === before && percent < 200; percent++) await pass(seconds * 10)
      // Between half of it and all of it, so that not all come at once.
      expect(percent).toBeGreaterThanOrEqual(50)
      expect(percent).toBeLessThanOrEqual(101)
    }
    opened.at(-1)?.end()
    await pass(0)
    await pass(1_000)
    expect(opened).toHaveLength(14)
    events.close()
  })

  test('once the stream has ended, and any list may have changed meanwhile', async () => {
    const { events, opened, told, last } = await listening()
    last().send(naming(LIST))
    last().end()
    await pass(1_000)
    expect(opened).toHaveLength(2)
    expect(told).toEqual([null, LIST, null])
    events.close()
  })

  test('once the server has been silent for 45 seconds, of which any word is the end', async () => {
    const { events, opened, last } = await listening()
    await pass(44_999)
    last().send(': still here\n\n')
    await pass(44_999)
    expect(opened).toHaveLength(1)
    expect(last().isCancelled()).toBe(false)
    await pass(1)
    expect(opened[0]?.isCancelled()).toBe(true)
    await pass(1_000)
    expect(opened).toHaveLength(2)
    events.close()
  })
})

describe('once it is closed', () => {
  test('the connection is let go, nothing is told, and nobody is asked again', async () => {
    const { events, opened, told, last } = await listening()
    last().send(naming(LIST))
    await pass(0)
    events.close()
    await pass(0)
    expect(last().isCancelled()).toBe(true)
    await pass(300_000)
    expect(told).toEqual([null])
    expect(opened).toHaveLength(1)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('nor while it waits to try again', async () => {
    const { events, opened } = await listening(withType('text/html'))
    events.close()
    await pass(0)
    expect(vi.getTimerCount()).toBe(0)
    await pass(300_000)
    expect(opened).toHaveLength(1)
  })
})
