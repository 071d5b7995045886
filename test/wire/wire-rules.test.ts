import { expect, test } from 'vitest'
import { refusal } from '../support/refusals.ts'
import { useWire } from '../support/wire.ts'

/** The rules that break Clerk’s real client where they are missed: W1 to W8, of what it is answered. */

const wire = await useWire()
const api = await wire.machine('api')
const worker = await wire.machine('worker', [api.id])
const { machines, m2m, apiKeys } = wire.client()
const user = `user_${'9'.repeat(27)}`

test('W1: every route answers with and without /v1, as the client sends both', async () => {
  const { id: token } = await worker.client.m2m.createToken()
  const { id: key } = await apiKeys.create({ name: 'key', subject: user })
  const gets = [
    '/machines',
    `/machines/${api.id}`,
    `/machines/${api.id}/secret_key`,
    `/m2m_tokens?subject=${worker.id}`,
    `/api_keys?subject=${user}`,
    `/api_keys/${key}`,
    `/api_keys/${key}/secret`,
    '/jwks',
  ]
  for (const target of gets) {
    const [plain, versioned] = [
      await wire.call('GET', target),
      await wire.call('GET', `/v1${target}`),
    ]
    expect([target, plain.status]).toEqual([target, 200])
    expect(versioned.json).toEqual(plain.json)
  }
  for (const prefix of ['', '/v1']) {
    const post = async (target: string, body: object, as?: string): Promise<number> =>
      (await wire.call('POST', prefix + target, { body, ...(as !== undefined && { key: as }) }))
        .status
    const { id } = await machines.create({ name: 'subject' })
    expect(await post('/machines', { name: 'x' })).toBe(200)
    expect(await post(`/machines/${id}/secret_key/rotate`, { previous_token_ttl: 0 })).toBe(200)
    expect(await post(`/machines/${id}/scopes`, { to_machine_id: api.id })).toBe(200)
    expect((await wire.call('DELETE', `${prefix}/machines/${id}/scopes/${api.id}`)).status).toBe(
      200,
    )
    expect((await wire.call('PATCH', `${prefix}/machines/${id}`, { body: {} })).status).toBe(200)
    expect((await wire.call('DELETE', `${prefix}/machines/${id}`)).status).toBe(200)
    expect(await post('/m2m_tokens', {}, worker.secretKey)).toBe(201)
    expect(await post('/m2m_tokens/verify', { token: 'mt_x' })).toBe(404)
    expect(await post(`/m2m_tokens/${token}/revoke`, {})).toBe(200)
    const made = await wire.call('POST', `${prefix}/api_keys`, {
      body: { name: 'key', subject: user },
    })
    expect(await post('/api_keys/verify', { secret: made.json['secret'] })).toBe(200)
    const path = `${prefix}/api_keys/${String(made.json['id'])}`
    expect((await wire.call('PATCH', path, { body: {} })).status).toBe(200)
    expect((await wire.call('POST', `${path}/revoke`)).status).toBe(200)
    expect((await wire.call('DELETE', path)).status).toBe(200)
  }
})

test('W2: the content type of every answer is exactly application/json', async () => {
  const answers = [
    await wire.call('GET', '/v1/machines'),
    await wire.call('POST', '/m2m_tokens', { key: worker.secretKey }),
    await wire.call('POST', '/m2m_tokens/verify', { body: { token: 'mt_x' } }),
    await wire.call('POST', '/m2m_tokens/verify', { body: '{' }),
    await wire.call('GET', '/v1/machines', { key: null }),
    await wire.call('GET', '/nowhere'),
    await wire.call('GET', '/v1/jwks'),
  ]
  expect(answers.map((answer) => answer.headers.get('content-type'))).toEqual(
    answers.map(() => 'application/json'),
  )
  const error = await refusal(m2m.verify({ token: 'mt_x' }))
  expect(error.errors).toHaveLength(1)
})

test('W3: every object names its kind, so that the client makes its own of it', async () => {
  const other = await machines.create({ name: 'other' })
  const made = [
    await worker.client.m2m.createToken(),
    await apiKeys.create({ name: 'key', subject: user }),
    other,
    await machines.getSecretKey(api.id),
    await machines.createScope(api.id, other.id),
    await machines.deleteScope(api.id, other.id),
  ]
  expect(made.filter((object) => Object.getPrototypeOf(object) === Object.prototype)).toEqual([])
  const kinds = wire.exchanges
    .slice(-made.length)
    .map(({ body }) => (JSON.parse(body) as { object?: unknown }).object)
  expect(kinds.toSorted()).toEqual([
    'api_key',
    'machine',
    'machine_scope',
    'machine_scope',
    'machine_secret_key',
    'machine_to_machine_token',
  ])
})

test('W4: no live object has a member `deleted`, and deleted ones say true', async () => {
  const { id } = await machines.create({ name: 'doomed', scopedMachines: [api.id] })
  await machines.get(id)
  await machines.deleteScope(id, api.id)
  await machines.delete(id)
  const { id: key } = await apiKeys.create({ name: 'key', subject: user })
  await apiKeys.revoke({ apiKeyId: key })
  await apiKeys.delete(key)
  for (const { method, body } of wire.exchanges) {
    const deleted = (JSON.parse(body) as { deleted?: unknown }).deleted
    if (method !== 'DELETE') expect(deleted).toBeUndefined()
    else if (!body.includes('"errors"')) expect(deleted).toBe(true)
  }
})

test('W5: lists have the shape that each client wants', async () => {
  const keysOf = async (target: string): Promise<string[]> =>
    Object.keys((await wire.call('GET', target)).json)
  expect(await keysOf(`/m2m_tokens?subject=${worker.id}`)).toEqual(['m2m_tokens', 'total_count'])
  expect(await keysOf(`/api_keys?subject=${user}`)).toEqual(['data', 'total_count'])
  expect(await keysOf('/v1/machines')).toEqual(['data', 'total_count'])
  for (const list of [
    m2m.list({ subject: worker.id }),
    apiKeys.list({ subject: user }),
    machines.list(),
  ]) {
    expect(Object.keys(await list)).toEqual(['data', 'totalCount'])
  }
})

test('W6: no answer of the machine API is a 204, from which nothing would be parsed', async () => {
  const { id } = await worker.client.m2m.createToken()
  expect(await m2m.revokeToken({ m2mTokenId: id })).toMatchObject({ revoked: true })
  expect(wire.exchanges.filter(({ status }) => status === 204)).toEqual([])
})

test('W7: every refusal is JSON, also of unknown routes, methods and malformed bodies', async () => {
  const answers = [
    await wire.call('GET', '/'),
    await wire.call('GET', '/v1'),
    await wire.call('GET', '/v1/nowhere', { key: null }),
    await wire.call('PUT', `/v1/machines/${api.id}`, { body: {} }),
    await wire.call('DELETE', '/m2m_tokens/verify'),
    await wire.call('OPTIONS', '/v1/machines'),
    await wire.call('POST', '/v1/machines', { body: '<xml/>' }),
    await wire.call('GET', `/v1/machines?query=${'q'.repeat(5000)}`),
  ]
  expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404, 400, 413])
  for (const { json } of answers) {
    expect(json).toMatchObject({
      errors: [{ message: expect.any(String) as string, code: expect.any(String) as string }],
      clerk_trace_id: expect.stringMatching(/^req_/) as string,
    })
  }
})

test('W8: a machine’s scopes are always an array, and machines in it carry none', async () => {
  const answers = [
    await wire.call('POST', '/v1/machines', { body: { name: 'x', scoped_machines: [worker.id] } }),
    await wire.call('GET', `/v1/machines/${worker.id}`),
    await wire.call('PATCH', `/v1/machines/${worker.id}`, { body: { name: 'worker' } }),
  ]
  const list = (await wire.call('GET', '/v1/machines')).json['data'] as Record<string, unknown>[]
  for (const machine of [...answers.map(({ json }) => json), ...list]) {
    const scoped = machine['scoped_machines'] as object[]
    expect(Array.isArray(scoped)).toBe(true)
    expect(scoped.some((nested) => 'scoped_machines' in nested)).toBe(false)
  }
})
