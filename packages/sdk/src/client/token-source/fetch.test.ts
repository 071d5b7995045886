import { describe, expect, test } from 'vitest'
import { issuing } from '../../testing/issuing.ts'
import { json } from '../../testing/scripted-fetch.ts'
import { machineSecretOf, SENDER, TEST_ISSUER, TEST_NOW_MS } from '../../testing/tokens.ts'
import type { TokenSourceOptions } from './options.ts'
import { createTokenSource } from './token-source.ts'

const API = 'https://api.test'

/** What a receiver was sent. */
interface Received {
  readonly url: string
  readonly method: string
  readonly headers: Headers
  readonly body: string
}

type Receiver = (received: Received, count: number) => Response | Promise<Response>

const ok: Receiver = () => new Response('ok')

const stale = (): Response =>
  new Response('no', {
    status: 401,
    headers: { 'www-authenticate': 'Bearer error="invalid_token"' },
  })

const redirect = (location: string, status = 307): Response =>
  new Response(null, { status, headers: { location } })

/** An authority, and receivers at every other place. */
const started = (receiver: Receiver, options: Partial<TokenSourceOptions> = {}) => {
  const clock = (): number => TEST_NOW_MS
  const authority = issuing({ clock })
  const received: Received[] = []
  const source = createTokenSource({
    apiUrl: TEST_ISSUER,
    machineSecretKey: machineSecretOf(SENDER),
    clock,
    random: () => 0,
    retry: { retries: 0, backoffMs: 0 },
    origins: [API],
    async fetch(url, init) {
      if (url.startsWith(TEST_ISSUER)) return authority.fetch(url, init)
      expect(init.redirect).toBe('manual')
      const request = new Request(url, init)
      request.signal.throwIfAborted()
      const { method, headers } = request
      const one = { url: request.url, method, headers, body: await request.text() }
      received.push(one)
      return receiver(one, received.length)
    },
    ...options,
  })
  const tokens = (): (string | null)[] =>
    received.map(({ headers }) => headers.get('authorization')?.replace('Bearer ', '') ?? null)
  return { source, authority, received, tokens }
}

const code = (expected: string): unknown => expect.objectContaining({ code: expected })

describe('a call', () => {
  test('has the token, and everything that its caller gave it', async () => {
    const { source, received, authority } = started(ok)
    const { fetch } = source
    const response = await fetch(`${API}/orders?a=1`, {
      method: 'PUT',
      headers: { 'x-trace': '7', 'content-type': 'text/plain' },
      body: 'text',
    })
    expect(await response.text()).toBe('ok')
    const [one] = received
    expect(one).toMatchObject({ url: `${API}/orders?a=1`, method: 'PUT', body: 'text' })
    expect(Object.fromEntries(one?.headers ?? [])).toMatchObject({
      authorization: `Bearer ${authority.given[0] ?? ''}`,
      'x-trace': '7',
      'content-type': 'text/plain',
    })
  })

  test('may be a URL, or a request, of which the second argument changes what it names', async () => {
    const { source, received } = started(ok)
    await source.fetch(new URL(`${API}/url`))
    const request = (): Request =>
      new Request(`${API}/request`, { method: 'POST', body: 'a', headers: { 'x-a': '1' } })
    await source.fetch(request())
    await source.fetch(request(), { method: 'PUT', body: 'b', headers: { 'x-b': '1' } })
    expect(received).toMatchObject([
      { url: `${API}/url`, method: 'GET' },
      { url: `${API}/request`, method: 'POST', body: 'a' },
      { url: `${API}/request`, method: 'PUT', body: 'b' },
    ])
    expect(received.map(({ headers }) => [headers.has('x-a'), headers.has('x-b')])).toEqual([
      [false, false],
      [true, false],
      [false, true],
    ])
    for (const { headers } of received) expect(headers.get('authorization')).toMatch(/^Bearer mt_/)
  })

  test('is not changed by the token, nor is what its caller gave', async () => {
    const { source } = started(ok)
    const headers = new Headers()
    const init = Object.freeze({ headers })
    const request = new Request(API)
    await source.fetch(API, init)
    await source.fetch(request)
    expect([...headers]).toEqual([])
    expect(request.headers.has('authorization')).toBe(false)
  })

  test('that has an Authorization of its own is an error, and nothing is sent', async () => {
    const { source, received, authority } = started(ok)
    const headers = { AUTHORIZATION: 'Basic abc' }
    for (const call of [
      source.fetch(API, { headers }),
      source.fetch(API, { headers: Object.entries(headers) }),
      source.fetch(new Request(API, { headers })),
    ]) {
      await expect(call).rejects.toThrow(code('argument-invalid'))
    }
    expect(received).toEqual([])
    expect(authority.asked).toEqual([])
  })

  test('that could lose its Authorization without a word is an error', async () => {
    const { source, received } = started(ok)
    await expect(source.fetch(API, { mode: 'no-cors' })).rejects.toThrow(code('argument-invalid'))
    expect(received).toEqual([])
  })

  test('without origins is an error of the configuration, and nothing is sent', async () => {
    const { source, received, authority } = started(ok, { origins: undefined })
    await expect(source.fetch(API)).rejects.toThrow(code('configuration-invalid'))
    expect(received).toEqual([])
    expect(authority.asked).toEqual([])
    await expect(source.getToken()).resolves.toMatch(/^mt_/)
  })

  test('fails as it would have where there is no token, and nothing is sent', async () => {
    const { source, received, authority } = started(ok)
    authority.answer = json({ errors: [] }, 401)
    await expect(source.fetch(API)).rejects.toMatchObject({ code: 'request-refused', status: 401 })
    expect(received).toEqual([])
  })

  test('that its signal ends fails with the signal’s reason', async () => {
    const { source, authority, received } = started(ok)
    const reason = new Error('no longer wanted')
    const signal = AbortSignal.abort(reason)
    await expect(source.fetch(API, { signal })).rejects.toBe(reason)
    await expect(source.fetch(new Request(API, { signal }))).rejects.toBe(reason)
    expect(authority.asked).toEqual([])
    const controller = new AbortController()
    authority.answer = () => new Promise(() => undefined)
    const waiting = source.fetch(API, { signal: controller.signal })
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
    expect(received).toEqual([])
  })

  test('that the network fails is the platform’s own error', async () => {
    const error = new TypeError('fetch failed')
    const { source } = started(() => {
      throw error
    })
    await expect(source.fetch(API)).rejects.toBe(error)
  })
})

describe('a 401 that says that the token is stale', () => {
  test('is followed by one more try with a new token', async () => {
    const { source, received, tokens, authority } = started((_, count) =>
      count === 1 ? stale() : new Response('ok'),
    )
    const response = await source.fetch(API, { method: 'POST', body: 'text' })
    expect(response.status).toBe(200)
    expect(tokens()).toEqual(authority.given)
    expect(received.map(({ body }) => body)).toEqual(['text', 'text'])
  })

  test('of a hundred calls at once has one new token created', async () => {
    const { source, authority, tokens } = started(({ headers }) =>
      headers.get('authorization') === `Bearer ${authority.given[0] ?? ''}`
        ? stale()
        : new Response('ok'),
    )
    const responses = await Promise.all(Array.from({ length: 100 }, () => source.fetch(API)))
    expect(responses.every(({ status }) => status === 200)).toBe(true)
    expect(authority.given).toHaveLength(2)
    expect(tokens()).toHaveLength(200)
  })

  test('again is the answer, and neither token is used another time', async () => {
    const { source, authority, tokens } = started(stale)
    const response = await source.fetch(API)
    expect(response.status).toBe(401)
    expect(await response.text()).toBe('no')
    await source.fetch(API)
    expect(tokens()).toEqual(authority.given)
    expect(new Set(tokens()).size).toBe(4)
  })

  test('is the answer where there is no new token', async () => {
    const { source, authority, received } = started(() => {
      authority.answer = json({ errors: [] }, 503)
      return stale()
    })
    const response = await source.fetch(API)
    expect(response.status).toBe(401)
    expect(await response.text()).toBe('no')
    expect(received).toHaveLength(1)
  })

  test.each<[string, () => BodyInit]>([
    ['a text', () => 'text'],
    ['bytes', () => new TextEncoder().encode('text')],
    ['a buffer', () => new TextEncoder().encode('text').buffer],
    ['a blob', () => new Blob(['text'])],
    ['parameters', () => new URLSearchParams('text')],
  ])('has %s sent again', async (_, body) => {
    const { source, received } = started((_request, count) =>
      count === 1 ? stale() : ok(_request, 1),
    )
    const response = await source.fetch(API, { method: 'POST', body: body() })
    expect(response.status).toBe(200)
    expect(received.map((one) => one.body.replace('=', ''))).toEqual(['text', 'text'])
  })

  test.each<[string, () => [string | Request, RequestInit]]>([
    [
      'a stream',
      () => [
        API,
        { method: 'POST', body: new Blob(['text']).stream(), duplex: 'half' } as RequestInit,
      ],
    ],
    ['a request', () => [new Request(API, { method: 'POST', body: 'text' }), {}]],
  ])('never has the body of %s sent again; the next call has a new token', async (_, args) => {
    const { source, received, authority, tokens } = started((_request, count) =>
      count === 1 ? stale() : ok(_request, 1),
    )
    const response = await source.fetch(...args())
    expect(response.status).toBe(401)
    expect(received).toMatchObject([{ method: 'POST', body: 'text' }])
    expect((await source.fetch(...args())).status).toBe(200)
    expect(tokens()).toEqual(authority.given)
  })

  test('has a request without a body sent again', async () => {
    const { source, received } = started((_, count) => (count === 1 ? stale() : new Response('ok')))
    const request = new Request(API, { method: 'DELETE' })
    expect((await source.fetch(request)).status).toBe(200)
    expect(received).toMatchObject([{ method: 'DELETE' }, { method: 'DELETE' }])
  })

  test.each([
    ['a 401 without a word of the token', { 'www-authenticate': 'Bearer' }, 401],
    ['a 401 without a challenge', {}, 401],
    ['a 403', { 'www-authenticate': 'Bearer error="invalid_token"' }, 403],
    ['a 503', { 'retry-after': '1' }, 503],
  ] as readonly [string, Record<string, string>, number][])(
    'is not %s: that is the answer',
    async (_, headers, status) => {
      const { source, authority, received } = started(() => new Response('no', { status, headers }))
      expect((await source.fetch(API)).status).toBe(status)
      expect((await source.fetch(API)).status).toBe(status)
      expect(authority.given).toHaveLength(1)
      expect(received).toHaveLength(2)
    },
  )
})

describe('a redirect', () => {
  const twoPlaces = ['https://api.test', 'https://files.test']

  test.each([301, 302, 303, 307, 308])('%i is followed where the token may go', async (status) => {
    const { source, received, tokens, authority } = started(
      (_, count) => (count === 1 ? redirect('https://files.test/b', status) : new Response('ok')),
      { origins: twoPlaces },
    )
    const response = await source.fetch(`${API}/a`)
    expect(await response.text()).toBe('ok')
    expect(received.map(({ url }) => url)).toEqual([`${API}/a`, 'https://files.test/b'])
    expect(tokens()).toEqual([authority.given[0], authority.given[0]])
  })

  test.each([
    ['https://evil.test/'],
    ['//evil.test/'],
    ['http://api.test/'],
    ['https://api.test:8443/'],
    ['https://api.test@evil.test/'],
    ['https://user@api.test/'],
    ['https://api.test./'],
    ['\\\\evil.test/'],
    ['data:text/plain,ok'],
    ['file:///etc/passwd'],
    ['blob:https://api.test/1'],
  ])('to %s is an error, and nothing is sent there', async (location) => {
    for (const status of [301, 302, 303, 307, 308]) {
      const { source, received } = started((_, count) =>
        count === 1 ? redirect(location, status) : new Response('ok'),
      )
      await expect(source.fetch(API, { method: 'POST', body: 'a' })).rejects.toThrow(
        code('origin-not-allowed'),
      )
      expect(received).toHaveLength(1)
    }
  })

  test.each([
    [301, 'POST', 'GET', ''],
    [302, 'POST', 'GET', ''],
    [303, 'POST', 'GET', ''],
    [303, 'PUT', 'GET', ''],
    [301, 'PUT', 'PUT', 'text'],
    [307, 'POST', 'POST', 'text'],
    [308, 'PATCH', 'PATCH', 'text'],
  ])('%i after %s is %s, as the Fetch standard says', async (status, method, then, body) => {
    for (const isRequest of [false, true]) {
      const { source, received } = started((_, count) =>
        count === 1 ? redirect('/b', status) : new Response('ok'),
      )
      const headers = { 'content-type': 'text/plain', 'content-language': 'en', 'x-a': '1' }
      const init = { method, body: 'text', headers }
      const response = isRequest
        ? await source.fetch(new Request(API, init))
        : await source.fetch(API, init)
      if (isRequest && body !== '') {
        // What was in the request is gone: the redirect is the caller's.
        expect(response.status).toBe(status)
        expect(received).toHaveLength(1)
        continue
      }
      expect(received[1]).toMatchObject({ url: `${API}/b`, method: then, body })
      const { headers: sent } = received[1] ?? { headers: new Headers() }
      expect(sent.get('x-a')).toBe('1')
      expect(sent.get('content-type')).toBe(body === '' ? null : 'text/plain')
      expect(sent.get('content-language')).toBe(body === '' ? null : 'en')
    }
  })

  test('of HEAD and of GET stays what it is', async () => {
    for (const method of ['HEAD', 'GET']) {
      const { source, received } = started((_, count) =>
        count === 1 ? redirect('/b', 303) : new Response(null),
      )
      await source.fetch(API, { method })
      expect(received[1]).toMatchObject({ method })
    }
  })

  test('keeps the signal of a request', async () => {
    const controller = new AbortController()
    const { source } = started((_, count) => {
      if (count === 1) controller.abort()
      return redirect('/b')
    })
    const request = new Request(API, { signal: controller.signal })
    await expect(source.fetch(request)).rejects.toMatchObject({ name: 'AbortError' })
  })

  test('that goes in circles is answered at last', async () => {
    const { source, received } = started(() => redirect('/a'))
    expect((await source.fetch(API)).status).toBe(307)
    expect(received).toHaveLength(6)
  })

  test.each([null, 'https://', 'http://a b/'])(
    'that leads to %j is the answer',
    async (location) => {
      const headers = location === null ? undefined : { location }
      const { source } = started(
        () => new Response(null, { status: 302, ...(headers && { headers }) }),
      )
      expect((await source.fetch(API)).status).toBe(302)
    },
  )

  test('is answered or refused where the caller says so', async () => {
    const { source, received } = started(() => redirect('https://evil.test/'))
    expect((await source.fetch(API, { redirect: 'manual' })).status).toBe(307)
    await expect(source.fetch(API, { redirect: 'error' })).rejects.toBeInstanceOf(TypeError)
    expect((await source.fetch(new Request(API, { redirect: 'manual' }))).status).toBe(307)
    expect(received).toHaveLength(3)
  })

  test('after which the token is stale has that step done again, and none that was done', async () => {
    const { source, received, tokens, authority } = started(({ url, method }, count) => {
      if (method === 'POST') return redirect('/result', 303)
      return count === 2 ? stale() : new Response(url)
    })
    const response = await source.fetch(`${API}/orders`, { method: 'POST', body: 'text' })
    expect(await response.text()).toBe(`${API}/result`)
    expect(received.map(({ method }) => method)).toEqual(['POST', 'GET', 'GET'])
    expect(tokens()).toEqual([authority.given[0], authority.given[0], authority.given[1]])
  })
})
