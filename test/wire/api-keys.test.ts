import { expect, test } from 'vitest'
import { expectRefusal } from '../support/refusals.ts'
import { startWire, useWire } from '../support/wire.ts'

const wire = await useWire()
const { apiKeys } = wire.client()

let subjects = 0
/** A user that has no key yet. */
const newSubject = (): string => `user_${String(++subjects).padStart(27, '0')}`

test('a new key is told once, with everything that was said of it', async () => {
  const subject = newSubject()
  const described = {
    name: 'Deploy key',
    subject,
    description: 'for the pipeline',
    claims: { fooBar: { camelCase: 1 } },
    scopes: ['deploy', 'read:logs'],
    createdBy: newSubject(),
  }
  const key = await apiKeys.create({ ...described, secondsUntilExpiration: 3600 })

  expect(key.id).toMatch(/^ak_[0-9a-f]{32}$/)
  expect(key.secret).toMatch(/^ak_[0-9A-Za-z]+$/)
  expect(key).toMatchObject({
    ...described,
    type: 'api_key',
    revoked: false,
    revocationReason: null,
    expired: false,
    expiration: wire.clock.now() + 3_600_000,
    lastUsedAt: null,
    createdAt: wire.clock.now(),
    updatedAt: wire.clock.now(),
  })
  const read = await apiKeys.get(key.id)
  expect(read).toMatchObject(described)
  expect(read.secret).toBeUndefined()
  expect((await apiKeys.getSecret(key.id)).secret).toBe(key.secret)
})

test('a key needs no more than a name and a subject, and then never expires', async () => {
  const key = await apiKeys.create({ name: 'plain', subject: newSubject() })
  expect(key).toMatchObject({
    description: null,
    claims: null,
    scopes: [],
    createdBy: null,
    expiration: null,
  })
  wire.clock.advance(1e12)
  expect((await apiKeys.verify(key.secret ?? '')).id).toBe(key.id)
})

test('a key is verified by its secret alone, and its secret is not told again', async () => {
  const { id, subject, secret = '' } = await apiKeys.create({ name: 'key', subject: newSubject() })
  const verified = await apiKeys.verify(secret)
  expect(verified).toMatchObject({ id, subject, revoked: false, expired: false })
  expect(wire.last('POST', '/api_keys/verify').body).not.toContain(secret)

  await wire.authority.tick()
  expect((await apiKeys.get(id)).lastUsedAt).toBe(wire.clock.now())
})

test('what is no key is a 404: altered, a machine’s secret, or garbage', async () => {
  const { secret = '' } = await apiKeys.create({ name: 'key', subject: newSubject() })
  const machine = await wire.machine()
  const altered = secret.slice(0, -1) + (secret.endsWith('a') ? 'b' : 'a')
  for (const text of [altered, machine.secretKey, 'ak_', 'ak_xxx', 'x', wire.secretKey]) {
    await expectRefusal(apiKeys.verify(text), 404, 'api_key_not_found')
  }
})

test('an expired key is refused from the instant at which it expires', async () => {
  const { id, secret = '' } = await apiKeys.create({
    name: 'brief',
    subject: newSubject(),
    secondsUntilExpiration: 10,
  })
  wire.clock.advance(9999)
  expect((await apiKeys.verify(secret)).expired).toBe(false)
  wire.clock.advance(1)
  await expectRefusal(apiKeys.verify(secret), 404, 'api_key_not_found')
  expect(await apiKeys.get(id)).toMatchObject({ expired: true })
})

test('a revoked key is refused by the next verification, and stays listed for who asks', async () => {
  const subject = newSubject()
  const { id, secret = '' } = await apiKeys.create({ name: 'leaked', subject })
  await apiKeys.verify(secret)
  const revoked = await apiKeys.revoke({ apiKeyId: id, revocationReason: 'leaked' })

  expect(revoked).toMatchObject({ id, revoked: true, revocationReason: 'leaked' })
  await expectRefusal(apiKeys.verify(secret), 404, 'api_key_not_found')
  expect((await apiKeys.list({ subject })).totalCount).toBe(0)
  expect((await apiKeys.list({ subject, includeInvalid: true })).data[0]?.id).toBe(id)
  expect(await apiKeys.revoke({ apiKeyId: id, revocationReason: 'again' })).toEqual(revoked)
})

test('an update changes what it names, and what the key proves with it', async () => {
  const {
    id,
    secret = '',
    subject,
  } = await apiKeys.create({
    name: 'key',
    subject: newSubject(),
    scopes: ['read'],
    claims: { a: 1 },
    description: 'old',
    secondsUntilExpiration: 60,
  })
  wire.clock.advance(1000)
  const updated = await apiKeys.update({
    apiKeyId: id,
    subject,
    scopes: ['write'],
    secondsUntilExpiration: 120,
  })
  expect(updated).toMatchObject({ scopes: ['write'], description: 'old', claims: { a: 1 } })
  expect(updated.expiration).toBe(wire.clock.now() + 120_000)
  expect(updated.updatedAt).toBe(wire.clock.now())
  expect(await apiKeys.verify(secret)).toMatchObject({ id, scopes: ['write'] })

  const heir = newSubject()
  const cleared = await apiKeys.update({
    apiKeyId: id,
    subject: heir,
    claims: null,
    description: null,
    secondsUntilExpiration: null,
  })
  expect(cleared).toMatchObject({
    subject: heir,
    claims: null,
    description: null,
    expiration: null,
  })
  const renamed = await wire.call('PATCH', `/api_keys/${id}`, { body: { name: 'other' } })
  expect(renamed).toMatchObject({ status: 400, parameter: 'name' })
})

test('a deleted key is gone', async () => {
  const { id, secret = '' } = await apiKeys.create({ name: 'key', subject: newSubject() })
  expect(await apiKeys.delete(id)).toMatchObject({ object: 'api_key', id, deleted: true })
  await expectRefusal(apiKeys.get(id), 404, 'api_key_not_found')
  await expectRefusal(apiKeys.getSecret(id), 404, 'api_key_not_found')
  await expectRefusal(apiKeys.verify(secret), 404, 'api_key_not_found')
  await expectRefusal(apiKeys.delete(id), 404, 'api_key_not_found')
  await expectRefusal(apiKeys.revoke({ apiKeyId: id }), 404, 'api_key_not_found')
  await expectRefusal(apiKeys.update({ apiKeyId: id, subject: newSubject() }), 404)
})

test('a list shows the keys of one subject, newest first, in pages', async () => {
  const subject = newSubject()
  await apiKeys.create({ name: 'foreign', subject: newSubject() })
  const ids: string[] = []
  for (const name of ['one', 'two', 'three', 'four', 'five']) {
    ids.unshift((await apiKeys.create({ name, subject })).id)
    wire.clock.advance(1)
  }
  const page = async (limit: number, offset: number): Promise<string[]> =>
    (await apiKeys.list({ subject, limit, offset })).data.map((key) => key.id)
  expect(await page(2, 0)).toEqual(ids.slice(0, 2))
  expect(await page(2, 4)).toEqual(ids.slice(4))
  const { data, totalCount } = await apiKeys.list({ subject })
  expect(data.map((key) => key.id)).toEqual(ids)
  expect(totalCount).toBe(5)
  expect(data.some((key) => key.secret !== undefined)).toBe(false)
  const found = await wire.call('GET', `/api_keys?subject=${subject}&query=thr`)
  expect(found.json['total_count']).toBe(1)
})

test('a key belongs to a user, an organization, a machine or a directory', async () => {
  for (const prefix of ['user', 'org', 'mch', 'scim']) {
    const body = { name: 'key', subject: `${prefix}_${'7'.repeat(27)}` }
    const made = await wire.call('POST', '/api_keys', { body })
    expect(made).toMatchObject({ status: 200, json: body })
  }
  for (const subject of ['user_1', 'team_' + '7'.repeat(27), '']) {
    const refused = await wire.call('POST', '/api_keys', { body: { name: 'key', subject } })
    expect(refused).toMatchObject({ status: 400, parameter: 'subject' })
  }
})

test('names, descriptions, types and lifetimes are bounded', async () => {
  const subject = newSubject()
  const wrong = {
    name: ['ab', ' padded', 'padded '],
    description: ['d'.repeat(256), 7],
    type: ['ab', 't'.repeat(26)],
    scopes: ['read', [1]],
    created_by: ['org_' + '1'.repeat(27)],
    seconds_until_expiration: [0, -1, 'soon'],
  }
  for (const [parameter, values] of Object.entries(wrong)) {
    for (const value of values) {
      const body = { name: 'fine', subject, [parameter]: value }
      const refused = await wire.call('POST', '/api_keys', { body })
      expect(refused).toMatchObject({ status: 400, code: 'bad_request' })
      expect(refused.parameter).toMatch(new RegExp(`^${parameter}`))
    }
  }
})

test('only an instance key deals in API keys', async () => {
  const { secretKey } = await wire.machine()
  const { id, secret = '' } = await apiKeys.create({ name: 'key', subject: newSubject() })
  const intruder = wire.client({ secretKey }).apiKeys
  await expectRefusal(intruder.getSecret(id), 403, 'instance_key_required')
  await expectRefusal(intruder.verify(secret), 403, 'instance_key_required')
  await expectRefusal(wire.client({ secretKey: secret }).apiKeys.get(id), 401, 'unauthorized')
  await expectRefusal(wire.client({ secretKey: 'sk_test_x' }).apiKeys.verify(secret), 401)
})

test('the older prefix and capitals name the same key', async () => {
  const { id } = await apiKeys.create({ name: 'key', subject: newSubject() })
  const digits = id.slice('ak_'.length).toUpperCase()
  expect((await apiKeys.get(`api_key_${digits}`)).id).toBe(id)
})

test('where reading back is switched off, a key works and is not told again', async () => {
  await using wire = await startWire({ readBack: false })
  const { apiKeys } = wire.client()
  const { id, secret = '' } = await apiKeys.create({ name: 'key', subject: newSubject() })
  await expectRefusal(apiKeys.getSecret(id), 403, 'read_back_disabled')
  expect((await apiKeys.verify(secret)).id).toBe(id)
})
