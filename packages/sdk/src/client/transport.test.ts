import { describe, expect, test } from 'vitest'
import { type Answer, broken, json, scriptedFetch, silent } from '../testing/scripted-fetch.ts'
import { RECEIVER, SENDER } from '../testing/tokens.ts'
import { createClient } from './client.ts'
import type { ClientOptions } from './options.ts'

const API = 'https://authority.test'

const MACHINE = {
  object: 'machine',
  id: RECEIVER,
  name: 'api',
  instance_id: 'ins_1',
  created_at: 1,
  updated_at: 2,
  scoped_machines: [],
  default_token_ttl: 3600,
}

const started = (answers: readonly Answer[], options: Partial<ClientOptions> = {}) => {
  const { fetch, sent } = scriptedFetch(...answers)
  const base = { apiUrl: API, secretKey: 'sk_test_1', retry: { backoffMs: 0 }, fetch }
  return { client: createClient({ ...base, ...options }), sent }
}

const answer =
  (status: number, headers: Record<string, string>, body: string | null = null): Answer =>
  () =>
    new Response(body, { status, headers })

const JSON_TYPE = { 'content-type': 'application/json' }

test('a call carries its key, its version and who makes it, and follows no redirect', async () => {
  const seen: RequestInit[] = []
  const { fetch } = scriptedFetch(json(MACHINE))
  const client = createClient({
    apiUrl: API,
    secretKey: 'sk_test_1',
    fetch: (url, init) => {
      seen.push(init)
      return fetch(url, init)
    },
  })
  await client.machines.get(RECEIVER)
  expect(seen[0]).toMatchObject({ method: 'GET', redirect: 'manual' })
  expect(seen[0]?.body).toBeUndefined()
  expect(seen[0]?.headers).toEqual({
    accept: 'application/json',
    authorization: 'Bearer sk_test_1',
    'clerk-api-version': '2026-05-12',
    'user-agent': expect.stringMatching(/^countersign\//) as unknown,
  })
})

describe('an answer that is not what was promised is an error', () => {
  const good = JSON.stringify(MACHINE)
  test.each([
    ['HTML', answer(200, { 'content-type': 'text/html' }, '<html>')],
    ['JSON that says it is HTML', answer(200, { 'content-type': 'text/html' }, good)],
    ['JSON that says it is text', answer(200, { 'content-type': 'text/plain' }, good)],
    ['JSON of another kind', answer(200, { 'content-type': 'application/problem+json' }, good)],
    ['nothing', answer(204, {})],
    ['an empty body', answer(200, JSON_TYPE, '')],
    ['half a body', answer(200, JSON_TYPE, good.slice(0, 40))],
    ['created', answer(201, JSON_TYPE, good)],
    ['accepted', answer(202, JSON_TYPE, good)],
    ['a redirect', answer(302, { location: 'https://attacker.test' })],
    ['not modified', answer(304, {})],
    ['an array', answer(200, JSON_TYPE, `[${good}]`)],
    ['null', answer(200, JSON_TYPE, 'null')],
    ['another object', json({ ...MACHINE, object: 'api_key' })],
    ['no kind of object', json({ ...MACHINE, object: undefined })],
    ['another machine', json({ ...MACHINE, id: SENDER })],
    ['a machine without an id', json({ ...MACHINE, id: undefined })],
    ['a name that is a number', json({ ...MACHINE, name: 1 })],
    ['a time that is a text', json({ ...MACHINE, created_at: '1' })],
    [
      'a time that is infinite',
      answer(200, JSON_TYPE, good.replace('"created_at":1', '"created_at":1e400')),
    ],
    ['scopes that are no array', json({ ...MACHINE, scoped_machines: null })],
    ['scopes that are texts', json({ ...MACHINE, scoped_machines: [SENDER] })],
    ['a key that is a number', json({ ...MACHINE, secret_key: 1 })],
  ])('%s', async (_, one) => {
    const { client, sent } = started([one])
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({ code: 'answer-unexpected' })
    expect(sent).toHaveLength(1)
  })

  test('but members that are not known yet are no error, nor is a charset', async () => {
    const type = { 'content-type': 'Application/JSON; charset=utf-8' }
    const { client } = started([json({ ...MACHINE, later: 1 }, 200, type)])
    expect((await client.machines.get(RECEIVER)).name).toBe('api')
  })

  test('more than any list has is not read to its end', async () => {
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(65_536).fill(0x61)),
    })
    const { client } = started([() => new Response(body, { headers: JSON_TYPE })], {
      retry: { retries: 0 },
    })
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({
      code: 'answer-unexpected',
    })
  })
})

describe('a refusal', () => {
  const errors = [
    {
      code: 'bad_request',
      message: 'Bad.',
      long_message: 'Bad name.',
      meta: { param_name: 'name' },
    },
  ]

  test('keeps what the authority said', async () => {
    const body = { errors, clerk_trace_id: 'req_1' }
    const { client } = started([json(body, 422, { 'retry-after': '7' })])
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({
      code: 'request-refused',
      status: 422,
      requestId: 'req_1',
      retryAfter: 7,
      errors: [
        {
          code: 'bad_request',
          message: 'Bad.',
          longMessage: 'Bad name.',
          meta: { param_name: 'name' },
        },
      ],
    })
  })

  test('says nothing that it was told: neither the key nor the token that it answers to', async () => {
    const echo: Answer = ({ headers, body }) =>
      json(
        { errors: [{ code: 'x', message: JSON.stringify([headers, body]), meta: { body } }] },
        400,
      )({
        url: '',
        method: '',
        headers: {},
        body: undefined,
      })
    const { client } = started([echo])
    for (const call of [
      () => client.m2m.verify({ token: 'mt_very-secret-token' }),
      () => client.apiKeys.verify('ak_very-secret-key'),
    ]) {
      const error = await call().catch((reason: unknown) => reason)
      const said = String(error) + JSON.stringify(error)
      expect(said).toContain('[secret]')
      for (const secret of ['sk_test_1', 'very-secret']) expect(said).not.toContain(secret)
    }
  })

  test('says nothing that it was told, in whatever spelling the answer says it back', async () => {
    const spelled = [...'sk_test_1'].map((one) => `\\u00${one.charCodeAt(0).toString(16)}`).join('')
    const body = `{"errors":[{"code":"x","message":"${spelled}","meta":{"${spelled}":1}}]}`
    const { client } = started([answer(400, JSON_TYPE, body)])
    const error: unknown = await client.machines.get(RECEIVER).catch((reason: unknown) => reason)
    expect(JSON.stringify(error)).toContain('[secret]')
    expect(JSON.stringify(error) + String(error)).not.toContain('sk_test_1')
    const slashed = started([
      answer(400, JSON_TYPE, String.raw`{"errors":[{"message":"ak_a\/b"}]}`),
    ])
    const refusal: unknown = await slashed.client.apiKeys
      .verify('ak_a/b')
      .catch((reason: unknown) => reason)
    expect(String(refusal)).not.toContain('ak_a/b')
  })

  test('brings no line end and no control character into a log', async () => {
    const errors = [{ code: 'a\nb', message: 'x\r\nforged: line', long_message: '\u001b[2Jgone' }]
    const { client } = started([json({ errors }, 400)])
    const error: unknown = await client.machines.get(RECEIVER).catch((reason: unknown) => reason)
    expect(/\p{Cc}/u.test(String(error))).toBe(false)
    expect(error).toMatchObject({ errors: [{ code: 'a b', message: 'x  forged: line' }] })
  })

  test.each([
    '<html>',
    '[]',
    '{"errors":1}',
    '{"errors":[1,null,[]]}',
    '{"errors":[{"code":1}]}',
    '',
  ])('with the body %j is a refusal all the same', async (body) => {
    const { client } = started([answer(400, JSON_TYPE, body)])
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({
      code: 'request-refused',
      status: 400,
    })
  })
})

describe('repetition', () => {
  const ok = json({ ...MACHINE, secret_key: 'ak_new' })

  test.each([
    ['a connection that broke', broken('ECONNRESET')],
    ['a port where nobody is', broken('ECONNREFUSED')],
    ['429', json({}, 429)],
    ['502', json({}, 502)],
    ['503', json({}, 503)],
    ['504', json({}, 504)],
  ])('reading is tried again after %s', async (_, failure) => {
    const { client, sent } = started([failure, failure, ok])
    expect((await client.machines.get(RECEIVER)).name).toBe('api')
    expect(sent).toHaveLength(3)
  })

  test('ends after two, or as often as was said', async () => {
    const two = started([json({}, 503)])
    await expect(two.client.machines.get(RECEIVER)).rejects.toMatchObject({ status: 503 })
    expect(two.sent).toHaveLength(3)
    const none = started([json({}, 503)], { retry: { retries: 0 } })
    await expect(none.client.machines.get(RECEIVER)).rejects.toMatchObject({ status: 503 })
    expect(none.sent).toHaveLength(1)
  })

  test.each([400, 401, 403, 404, 409, 422, 500, 501])('there is none after %i', async (status) => {
    const { client, sent } = started([json({ errors: [] }, status), ok])
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({ status })
    expect(sent).toHaveLength(1)
  })

  test.each([
    ['a connection that broke', broken('ECONNRESET')],
    ['a connection that broke for an unknown reason', broken('EWHATEVER')],
    ['502', json({}, 502)],
    ['503 without a word on when', json({}, 503)],
    ['504', json({}, 504)],
  ])('creating is never done twice after %s', async (_, failure) => {
    const { client, sent } = started([failure, ok])
    await expect(client.machines.create({ name: 'api' })).rejects.toThrow()
    expect(sent).toHaveLength(1)
  })

  test.each([
    ['a port where nobody is', broken('ECONNREFUSED')],
    ['a name that nobody has', broken('ENOTFOUND')],
    ['429 that says when', json({}, 429, { 'retry-after': '0' })],
    ['503 that says when', json({}, 503, { 'retry-after': '0' })],
  ])('creating is tried again after %s, when nothing was done', async (_, failure) => {
    const { client, sent } = started([failure, ok])
    expect((await client.machines.create({ name: 'api' })).id).toBe(RECEIVER)
    expect(sent).toHaveLength(2)
  })

  test('waits as long as it is told, in seconds or by a date', async () => {
    const begin = performance.now()
    const now = new Date('2026-11-23T07:00:00Z')
    const inOneSecond = {
      'retry-after': new Date(now.getTime() + 1_000).toUTCString(),
      date: now.toUTCString(),
    }
    const { client } = started([json({}, 429, inOneSecond), ok])
    await client.machines.get(RECEIVER)
    expect(performance.now() - begin).toBeGreaterThan(990)
  })

  test('does not wait for longer than the call may take', async () => {
    const { client, sent } = started([json({}, 429, { 'retry-after': '3600' }), ok])
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({
      status: 429,
      retryAfter: 3600,
    })
    expect(sent).toHaveLength(1)
  })

  test.each(['soon', '-1', '1.5', '+3', '99999999999', ''])(
    'takes %j for no word on when, and so for none that nothing was done',
    async (value) => {
      const { client, sent } = started([json({}, 503, { 'retry-after': value }), ok])
      const error: unknown = await client.machines
        .create({ name: 'api' })
        .catch((reason: unknown) => reason)
      expect(error).toMatchObject({ status: 503, retryAfter: undefined })
      expect(sent).toHaveLength(1)
    },
  )

  test.each([
    ['Mon, 23 Nov 2026 07:00:30 GMT', undefined, 30],
    ['Monday, 23-Nov-26 07:00:30 GMT', undefined, 30],
    ['Mon Nov 23 07:00:30 2026 GMT', undefined, 30],
    ['Mon, 23 Nov 2026 06:00:00 GMT', undefined, 0],
    ['Mon, 23 Nov 2026 07:00:30 GMT', 'Mon, 23 Nov 2026 07:00:10 GMT', 20],
    ['Mon, 23 Nov 2026 07:00:30 GMT', 'yesterday', 30],
  ])('reads the date %s, beside the date %s, as %i seconds', async (value, date, seconds) => {
    const headers = { 'retry-after': value, ...(date !== undefined && { date }) }
    const clock = (): number => Date.parse('2026-11-23T07:00:00Z')
    const { client } = started([json({}, 429, headers)], { clock, retry: { retries: 0 } })
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({ retryAfter: seconds })
  })

  test('is spread also where everybody is told the same moment', async () => {
    let asked = 0
    const random = (): number => {
      asked++
      return 0
    }
    const { client } = started([json({}, 429, { 'retry-after': '0' }), ok], { random })
    await client.machines.get(RECEIVER)
    expect(asked).toBe(1)
  })

  test('spreads its waits by the random numbers it is given', async () => {
    const asked: number[] = []
    const random = (): number => {
      asked.push(1)
      return 0
    }
    const { client } = started([json({}, 503)], { random, retry: { backoffMs: 60_000 } })
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({ status: 503 })
    expect(asked.length).toBeGreaterThan(1)
  })
})

describe('the timeout', () => {
  test('ends a call whose answer does not come, also by a fetch that ignores signals', async () => {
    const { client } = started([silent], { timeoutMs: 30 })
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({
      code: 'authority-unreachable',
      got: 'none in 30 ms',
    })
  })

  test('covers the body', async () => {
    const body = (): ReadableStream =>
      new ReadableStream({ pull: () => new Promise(() => undefined) })
    const { client } = started([() => new Response(body(), { headers: JSON_TYPE })], {
      timeoutMs: 30,
    })
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({
      code: 'authority-unreachable',
    })
  })

  test('is not followed by another attempt, also where the clock stands still', async () => {
    const { client, sent } = started([silent], { timeoutMs: 20, clock: () => 0 })
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({ got: 'none in 20 ms' })
    expect(sent).toHaveLength(1)
  })

  test('is over all attempts', async () => {
    const { client, sent } = started([json({}, 503)], {
      timeoutMs: 50,
      random: () => 0.9,
      retry: { backoffMs: 40, retries: 10 },
    })
    await expect(client.machines.get(RECEIVER)).rejects.toMatchObject({ status: 503 })
    // Eleven attempts with doubling waits would take a minute.
    expect(sent.length).toBeLessThan(4)
  })
})

describe('arguments', () => {
  test.each([
    '',
    '.',
    '..',
    'mch_a/b',
    'mch_a?x=1',
    'mch_a#',
    'mch_%2e',
    'mch_ a',
    'a'.repeat(65),
    'é',
    1,
    null,
    undefined,
    'mch_a\n',
  ])('the id %j is refused and nothing is sent', async (id) => {
    const { client, sent } = started([json(MACHINE)])
    const calls = [
      () => client.machines.get(id as string),
      () => client.machines.deleteScope(RECEIVER, id as string),
      () => client.apiKeys.get(id as string),
      () => client.m2m.revokeToken({ m2mTokenId: id as string }),
    ]
    for (const call of calls) {
      await expect(call()).rejects.toMatchObject({ code: 'argument-invalid' })
    }
    expect(sent).toEqual([])
  })

  test('what JSON cannot hold is refused and nothing is sent', async () => {
    const { client, sent } = started([json(MACHINE)])
    const cycle: Record<string, unknown> = {}
    cycle['self'] = cycle
    for (const claims of [cycle, { big: 1n }]) {
      await expect(client.m2m.createToken({ claims })).rejects.toMatchObject({
        code: 'argument-invalid',
      })
    }
    expect(sent).toEqual([])
  })
})
