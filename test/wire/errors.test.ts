import { describe, expect, test } from 'vitest'
import { refusal } from '../support/refusals.ts'
import { startWire, useWire } from '../support/wire.ts'

const wire = await useWire()
const api = await wire.machine('api')
const worker = await wire.machine('worker', [api.id])
const { machines, m2m } = wire.client()

describe('Clerk’s error', () => {
  test('has status, code, messages, parameter and the id under which the log has it', async () => {
    const error = await refusal(machines.list({ limit: 501 }))
    expect(error).toMatchObject({
      code: 'api_response_error',
      status: 400,
      errors: [
        {
          code: 'bad_request',
          message: 'The request is not well formed.',
          longMessage: 'limit must be a whole number from 1 to 500.',
          meta: { paramName: 'limit' },
        },
      ],
    })
    expect(error.clerkTraceId).toMatch(/^req_[0-9a-f]{24}$/)
    expect(wire.last('GET', 'limit=501').headers['x-request-id']).toBe(error.clerkTraceId)
    expect(error.retryAfter).toBeUndefined()
  })

  test('has an id of its own each time, and the log of a refused caller names it', async () => {
    const stranger = wire.client({ secretKey: 'sk_test_wrong' }).machines
    const [first, second] = [await refusal(stranger.list()), await refusal(stranger.list())]
    expect(first.clerkTraceId).not.toBe(second.clerkTraceId)
    expect(wire.authority.log.lines.join('\n')).toContain(first.clerkTraceId)
  })

  test('of a wrong machine key says so in Clerk’s own words', async () => {
    const error = await refusal(wire.client({ machineSecretKey: 'ak_wrong' }).m2m.createToken())
    expect(error).toMatchObject({
      status: 401,
      errors: [
        {
          code: 'machine_secret_key_invalid',
          message:
            'The provided Machine Secret Key is invalid. Make sure that your Machine Secret Key is correct.',
        },
      ],
    })
  })

  test('says when to try again while the storage is gone, and nothing of why', async () => {
    const broken = await startWire()
    const worker = await broken.machine()
    await broken.authority.closeStore()
    const error = await refusal(worker.client.m2m.createToken())
    expect(error).toMatchObject({ status: 503, retryAfter: 1 })
    expect(error.errors[0]?.code).toBe('storage_unavailable')
    expect(broken.exchanges.at(-1)?.body).not.toMatch(/sqlite|database|closed/i)
    broken.check()
    await broken.close()
  })
})

describe('a malformed id', () => {
  const malformed = ['mch_', 'mch_a/b', 'mch_a?x=1', 'mch_a%2Fb', 'mch_%00', "mch_'--", 'x', '%']

  test.each(malformed)('in a path is a 404 like that of an unknown one: %j (W16)', async (id) => {
    const calls: (() => Promise<unknown>)[] = [
      () => machines.get(id),
      () => machines.delete(id),
      () => machines.getSecretKey(id),
    ]
    for (const work of calls) {
      const error = await refusal(work())
      expect(error).toMatchObject({ status: 404, errors: [{ code: 'resource_not_found' }] })
    }
    expect(await refusal(m2m.revokeToken({ m2mTokenId: id }))).toMatchObject({ status: 404 })
    expect(await refusal(wire.client().apiKeys.get(id))).toMatchObject({ status: 404 })
  })

  test('is never echoed in an answer', async () => {
    const answer = await wire.call('GET', '/v1/machines/mch_%3Cscript%3E')
    expect(answer).toMatchObject({ status: 404 })
    expect(answer.text).not.toContain('script')
  })
})

describe('a body', () => {
  const posts: readonly (readonly [string, object])[] = [
    ['/v1/machines', { name: 'x' }],
    [`/v1/machines/${api.id}/scopes`, { to_machine_id: worker.id }],
    [`/v1/machines/${api.id}/secret_key/rotate`, { previous_token_ttl: 0 }],
    ['/m2m_tokens/verify', { token: 'mt_x' }],
    ['/api_keys', { name: 'xyz', subject: `user_${'1'.repeat(27)}` }],
    ['/api_keys/verify', { secret: 'ak_x' }],
  ]

  test.each(posts)(
    'with a key the endpoint does not know is a 400 naming it: %s',
    async (target, fine) => {
      const answer = await wire.call('POST', target, { body: { ...fine, surprise: 1 } })
      expect(answer).toMatchObject({ status: 400, code: 'bad_request', parameter: 'surprise' })
    },
  )

  test.each(['constructor', 'toString', '__proto__', 'hasOwnProperty'])(
    'with the unknown key %s is a 400 too',
    async (name) => {
      const body = `{"name":"x",${JSON.stringify(name)}:{}}`
      const answer = await wire.call('POST', '/v1/machines', { body })
      expect(answer).toMatchObject({ status: 400, code: 'bad_request' })
    },
  )

  test('with an unknown key is a 400 where a token is made, and none is made', async () => {
    for (const body of [{ tokenFormat: 'jwt' }, { seconds_until_expiry: 60 }]) {
      const answer = await wire.call('POST', '/m2m_tokens', { key: worker.secretKey, body })
      expect(answer).toMatchObject({ status: 400, code: 'bad_request' })
    }
    expect((await m2m.list({ subject: worker.id })).totalCount).toBe(0)
  })

  test.each(['{', 'null', '7', '"x"', '[1]', '[]', '{"token":"mt_x"} x', '\uFEFF{}', 'token=mt_x'])(
    'that is not a JSON object is a 400: %j',
    async (body) => {
      const verify = await wire.call('POST', '/m2m_tokens/verify', { body })
      expect(verify).toMatchObject({ status: 400, code: 'bad_request' })
      const create = await wire.call('POST', '/m2m_tokens', { key: worker.secretKey, body })
      expect(create).toMatchObject({ status: 400, code: 'bad_request' })
    },
  )

  test('that is not UTF-8 is a 400', async () => {
    const response = await fetch(`${wire.url}/m2m_tokens/verify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${wire.secretKey}` },
      body: Buffer.from('7b22746f6b656e223a22ff227d', 'hex'),
    })
    expect(response.status).toBe(400)
  })

  test('that is empty where none is needed is fine', async () => {
    const { id } = await worker.client.m2m.createToken()
    expect((await wire.call('POST', `/m2m_tokens/${id}/revoke`)).status).toBe(200)
    const made = await wire.call('POST', '/m2m_tokens', { key: worker.secretKey })
    expect(made.status).toBe(201)
  })

  test('that is empty where one is needed is a 400 naming what is missing', async () => {
    const answer = await wire.call('POST', '/v1/machines')
    expect(answer).toMatchObject({ status: 400, parameter: 'name' })
  })

  test('over 64 KiB is a 413, stated or not', async () => {
    const body = JSON.stringify({ token: 'x'.repeat(65_536) })
    const stated = await wire.call('POST', '/m2m_tokens/verify', { body })
    expect(stated).toMatchObject({ status: 413, code: 'payload_too_large' })
    const streamed = await fetch(`${wire.authority.url}/m2m_tokens/verify`, {
      method: 'POST',
      headers: { authorization: `Bearer ${wire.secretKey}` },
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit)
    expect(streamed.status).toBe(413)
  })
})

describe('a caller', () => {
  const withHeader = async (authorization: string): Promise<number> =>
    (await wire.call('GET', '/v1/machines', { key: null, headers: { authorization } })).status

  test('sends one key as Bearer, in any case of the word, or is refused', async () => {
    expect(await withHeader(`bearer ${wire.secretKey}`)).toBe(200)
    for (const wrong of ['', 'Bearer', 'Bearer ', `Basic ${wire.secretKey}`, wire.secretKey]) {
      expect(await withHeader(wrong)).toBe(401)
    }
    expect(await withHeader(`Bearer ${wire.secretKey} ${wire.secretKey}`)).toBe(401)
    expect(await withHeader(`Bearer ${'x'.repeat(8000)}`)).toBe(401)
  })

  test('is challenged when refused, and learns nothing of the resource', async () => {
    const known = await wire.call('GET', `/v1/machines/${api.id}`, { key: 'sk_test_x' })
    const unknown = await wire.call('GET', `/v1/machines/mch_${'3'.repeat(27)}`, { key: null })
    expect(known.headers.get('www-authenticate')).toMatch(/^Bearer realm=/)
    const { clerk_trace_id: one, ...first } = known.json
    const { clerk_trace_id: two, ...second } = unknown.json
    expect(first).toEqual(second)
    expect(one).not.toEqual(two)
  })

  test('finds no secret of anybody in any log line', async () => {
    const { token = '' } = await worker.client.m2m.createToken()
    await api.client.m2m.verify({ token })
    await refusal(api.client.m2m.verify({ token: `${token}x` }))
    const lines = wire.authority.log.lines.join('\n')
    for (const secret of [token, worker.secretKey, api.secretKey, wire.secretKey]) {
      expect(lines).not.toContain(secret)
    }
  })
})
