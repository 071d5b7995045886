import { expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { startWire, useWire } from '../support/wire.ts'

/** The rules that break Clerk’s real client where they are missed: W9 to W17, of what it asks. */

const wire = await useWire()
const api = await wire.machine('api')
const worker = await wire.machine('worker', [api.id])
const { machines, m2m, apiKeys } = wire.client()
const user = `user_${'9'.repeat(27)}`

const asRequest = (token: string, userAgent = 'node'): Request =>
  new Request('http://app.example.com/', {
    headers: { authorization: `Bearer ${token}`, 'user-agent': userAgent },
  })

test('W9: a token that is revoked, expired or not scoped is never a 200, so never signed in', async () => {
  const revoked = await worker.client.m2m.createToken()
  await m2m.revokeToken({ m2mTokenId: revoked.id })
  const unscoped = await (await wire.machine()).client.m2m.createToken()
  const expired = await worker.client.m2m.createToken({ secondsUntilExpiration: 0.001 })
  wire.clock.advance(1)
  for (const { token = '' } of [revoked, unscoped, expired]) {
    const state = await api.client.authenticateRequest(asRequest(token), {
      acceptsToken: 'm2m_token',
    })
    expect(state).toMatchObject({ isAuthenticated: false, reason: 'token-invalid' })
    expect(wire.last('POST', '/verify').status).toBe(404)
  }
})

test('W10: a bad token is the caller’s fault, a bad key the service’s own', async () => {
  const { token = '' } = await worker.client.m2m.createToken()
  const reasonFor = async (machineSecretKey: string, text: string): Promise<string | null> =>
    (
      await wire
        .client({ machineSecretKey })
        .authenticateRequest(asRequest(text), { acceptsToken: 'm2m_token' })
    ).reason
  expect(await reasonFor(api.secretKey, 'mt_garbage')).toBe('token-invalid')
  expect(await reasonFor('ak_wrong', token)).toBe('secret-key-invalid')
  expect(await reasonFor('ak_wrong', 'mt_garbage')).toBe('secret-key-invalid')
  expect(await reasonFor(api.secretKey, token)).toBeNull()
})

test('W11: what the client leaves out because it is falsy means the same as left out', async () => {
  const all = await m2m.list({ subject: worker.id })
  const same = await m2m.list({
    subject: worker.id,
    offset: 0,
    limit: 0,
    expired: false,
    revoked: false,
  })
  expect(wire.last('GET', /m2m_tokens/).target).toBe(`/m2m_tokens?subject=${worker.id}`)
  expect(same).toEqual(all)

  const zeros = await wire.call(
    'GET',
    `/m2m_tokens?subject=${worker.id}&offset=0&expired=false&revoked=false&limit=10`,
  )
  expect(zeros.json['total_count']).toBe(all.totalCount)
  expect(await apiKeys.list({ subject: user, includeInvalid: false })).toEqual(
    await apiKeys.list({ subject: user }),
  )
  await machines.list({ orderBy: '+name', query: '' })
  expect(wire.last('GET', /machines/).target).toBe('/v1/machines?order_by=%2Bname')
})

test('W12: claims go in and out untouched; only names at the top are the client’s', async () => {
  const claims = { fooBar: 1, snake_case: 2, nested: { camelCase: { X_Y: [{ aB: null }] } } }
  const { token = '' } = await worker.client.m2m.createToken({ claims, secondsUntilExpiration: 60 })
  expect(JSON.parse(wire.last('POST', '/m2m_tokens').requestBody)).toEqual({
    seconds_until_expiration: 60,
    claims,
    token_format: 'opaque',
  })
  expect((await api.client.m2m.verify({ token })).claims).toEqual(claims)
  const { secret = '' } = await apiKeys.create({ name: 'key', subject: user, claims })
  expect((await apiKeys.verify(secret)).claims).toEqual(claims)
})

test('W13: requests without a body may say that it is JSON', async () => {
  await machines.get(api.id)
  expect(wire.last('GET', api.id).requestHeaders['content-type']).toBe('application/json')
  const { id } = await machines.create({ name: 'x' })
  await machines.delete(id)
  expect(wire.last('DELETE', id)).toMatchObject({ status: 200, requestBody: '' })
  const token = await worker.client.m2m.createToken()
  const post = await wire.call('POST', `/m2m_tokens/${token.id}/revoke`)
  expect(post.status).toBe(200)
  expect(wire.last('POST', '/revoke')).toMatchObject({ requestBody: '' })
})

test('W14: any user agent will do: the client forwards that of the request it judges', async () => {
  const { token = '' } = await worker.client.m2m.createToken()
  for (const userAgent of ['curl/8', 'Mozilla/5.0 (evil bot)', '*', 'x'.repeat(2000)]) {
    const request = asRequest(token, userAgent)
    const state = await api.client.authenticateRequest(request, { acceptsToken: 'm2m_token' })
    expect(state.isAuthenticated).toBe(true)
    expect(wire.last('POST', '/verify').requestHeaders['user-agent']).toBe(userAgent)
  }
})

test('W15: JSON is the answer whatever is accepted, on connections that stay open', async () => {
  for (const accept of ['text/html', 'application/xml', '*/*;q=0']) {
    const { status } = await wire.call('GET', '/v1/machines', { headers: { accept } })
    expect(status).toBe(200)
  }
  for (const version of ['2021-02-05', '2099-01-01', 'nonsense']) {
    const headers = { 'clerk-api-version': version }
    expect((await wire.call('GET', '/v1/machines', { headers })).status).toBe(200)
  }
  const direct = await fetch(`${wire.authority.url}/livez`)
  expect(direct.headers.get('connection')).toBe('keep-alive')
})

test('W16: an id is checked before it is looked up, since the client sends it raw', async () => {
  await expectRefusal(machines.get(`${api.id}/secret_key/x`), 404, 'resource_not_found')
  await expectRefusal(machines.get('mch_a?x=1'), 404, 'resource_not_found')
  expect(wire.last('GET', /mch_a/).target).toBe('/v1/machines/mch_a?x=1')
  await expectRefusal(m2m.revokeToken({ m2mTokenId: 'mt_a/b' }), 404)
  await expect(machines.get('..')).rejects.toThrow()
})

test('W17: the base URL may have a path, a trailing slash, or end in /v1', async () => {
  await using under = await startWire({ path: '/clerk' })
  const bases: readonly (readonly [typeof wire, string])[] = [
    [wire, `${wire.url}/`],
    [wire, `${wire.url}/v1`],
    [wire, `${wire.url}/v1/`],
    [under, under.url],
    [under, `${under.url}/`],
    [under, `${under.url}/v1`],
  ]
  for (const [served, apiUrl] of bases) {
    const instance = served.client({ apiUrl })
    const receiver = await instance.machines.create({ name: 'receiver' })
    const sender = await instance.machines.create({ name: 'sender', scopedMachines: [receiver.id] })
    const { m2m } = served.client({ apiUrl, machineSecretKey: sender.secretKey ?? '' })
    const opaque = await m2m.createToken()
    const jwt = await m2m.createToken({ tokenFormat: 'jwt' })
    const { token = '' } = opaque
    const verified = await served
      .client({
        apiUrl,
        machineSecretKey: receiver.secretKey ?? '',
      })
      .m2m.verify({ token })
    expect(verified.id).toBe(opaque.id)
    expect((await instance.m2m.verify({ token: jwt.token ?? '' })).id).toBe(jwt.id)
    expect((await instance.jwks.getJwks()).keys).toHaveLength(6)
  }
  expect(under.last('GET', '/jwks').target).toMatch(/^\/clerk\//)
})
