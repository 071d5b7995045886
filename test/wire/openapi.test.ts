import { expect, test } from 'vitest'
import { openSpecification } from '../support/openapi.ts'
import { useWire } from '../support/wire.ts'

/** Every other test of this folder has each of its answers validated; here, none is forgotten. */

const wire = await useWire()
const specification = openSpecification()
const documented = specification === null ? test.skip : test

/** Every call of the contract's §9 that a success is documented for, by Clerk's client itself. */
async function makeEveryCall(): Promise<void> {
  const { machines, m2m, apiKeys, jwks } = wire.client()
  const api = await wire.machine('api')
  const worker = await wire.machine('worker')

  await machines.list({ query: 'svc', orderBy: '-name', limit: 3 })
  await machines.get(api.id)
  await machines.update({ machineId: api.id, name: 'new', defaultTokenTtl: 60 })
  await machines.getSecretKey(api.id)
  await machines.rotateSecretKey({ machineId: api.id, previousTokenTtl: 60 })
  await machines.createScope(worker.id, api.id)

  const claims = { fooBar: 1 }
  const { token = '', id } = await worker.client.m2m.createToken({ claims })
  await worker.client.m2m.createToken({ tokenFormat: 'jwt', claims })
  await worker.client.m2m.createToken({ minRemainingTtlSeconds: 30, secondsUntilExpiration: 60 })
  await api.client.m2m.verify({ token })
  await m2m.list({ subject: worker.id })
  await m2m.revokeToken({ m2mTokenId: id, revocationReason: 'r' })
  await m2m.list({ subject: worker.id, revoked: true, expired: true })

  const subject = `org_${'4'.repeat(27)}`
  const key = await apiKeys.create({ name: 'key', subject, claims, secondsUntilExpiration: 60 })
  await apiKeys.list({ subject, includeInvalid: true, limit: 2 })
  await apiKeys.get(key.id)
  await apiKeys.update({ apiKeyId: key.id, subject, scopes: ['a'] })
  await apiKeys.getSecret(key.id)
  await apiKeys.verify(key.secret ?? '')
  await apiKeys.revoke({ apiKeyId: key.id, revocationReason: 'r' })
  await apiKeys.delete(key.id)

  await jwks.getJwks()
  await machines.deleteScope(worker.id, api.id)
  await machines.delete(worker.id)
}

documented('every documented success of the machine API was answered as documented', async () => {
  await makeEveryCall()
  const seen = new Set(wire.exchanges.map((exchange) => specification?.classify(exchange)))
  expect(specification?.successes.filter((success) => !seen.has(success))).toEqual([])
  expect(specification?.successes).toHaveLength(22)
})

test('the client that makes the calls is the published one', async () => {
  await wire.client().machines.list()
  expect(wire.last('GET', '/machines').requestHeaders).toMatchObject({
    'user-agent': '@clerk/backend@3.25.0',
    'clerk-api-version': '2026-05-12',
    authorization: `Bearer ${wire.secretKey}`,
  })
})

documented('an answer that departs from the document would be noticed', () => {
  const answer = (body: object, status = 200) =>
    specification?.departures({
      method: 'POST',
      target: '/v1/m2m_tokens/verify',
      requestHeaders: {},
      requestBody: '',
      status,
      headers: {},
      body: JSON.stringify(body),
    })
  const token = {
    object: 'machine_to_machine_token',
    id: `mt_${'0'.repeat(32)}`,
    subject: `mch_${'0'.repeat(27)}`,
    claims: null,
    scopes: [],
    revoked: false,
    revocation_reason: null,
    expired: false,
    expiration: null,
    last_used_at: null,
    created_at: 1,
    updated_at: 1,
  }
  expect(answer(token)).toEqual([])
  expect(answer({ ...token, surplus: 1 })).toHaveLength(1)
  expect(answer({ ...token, token: 'mt_x' })).toHaveLength(1)
  expect(answer({ ...token, revoked: null })).toHaveLength(1)
  expect(answer({ ...token, id: 'mt_short' })).toHaveLength(1)
  expect(answer({ errors: [{}] }, 404)).not.toEqual([])
  expect(answer({}, 503)).not.toEqual([])
  expect(answer(token, 204)).not.toEqual([])
})
