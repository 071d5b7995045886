import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { GOOD_PAYLOAD, RECEIVER, SENDER, TEST_NOW_MS } from '../testing/tokens.ts'
import type { JsonObject } from './json.ts'
import { factsOf, M2MToken, type M2MTokenJSON, tokenOf } from './m2m-token.ts'

const read = (payload: JsonObject): M2MToken =>
  M2MToken.fromJwtPayload(payload, undefined, TEST_NOW_MS)

test('the payload of a JWT becomes a token, as at Clerk', () => {
  const token = read({ ...GOOD_PAYLOAD, region: 'eu', nested: { camelCase: true } })
  expect(token).toEqual(
    new M2MToken(
      String(GOOD_PAYLOAD['jti']),
      SENDER,
      [RECEIVER],
      { aud: [RECEIVER], scopes: RECEIVER, region: 'eu', nested: { camelCase: true } },
      false,
      null,
      false,
      TEST_NOW_MS + 60_000,
      TEST_NOW_MS,
      TEST_NOW_MS,
      undefined,
    ),
  )
})

describe('the scopes are', () => {
  test.each([
    ['the words of a text', { scopes: 'a b' }, ['a', 'b']],
    ['the words of a text, whatever the receivers', { scopes: 'a', aud: ['b'] }, ['a']],
    ['none for an empty text', { scopes: '' }, []],
    ['words without what is between them', { scopes: ' a  b ' }, ['a', 'b']],
    ['else the receivers', { aud: ['a', 'b'] }, ['a', 'b']],
    ['else the one receiver', { aud: 'a' }, ['a']],
    ['the receivers, for scopes that are an array', { scopes: ['a'], aud: ['b'] }, ['b']],
    ['the receivers, for scopes that are a number', { scopes: 1, aud: ['b'] }, ['b']],
    ['those receivers that are texts', { aud: ['a', 1, null, ['b']] }, ['a']],
    ['none, for receivers that are a number', { aud: 1 }, []],
    ['none, for receivers that are an object', { aud: { a: 1 } }, []],
    ['none, where there are neither', {}, []],
  ])('%s', (_, payload, scopes) => {
    expect(read(payload).scopes).toEqual(scopes)
  })
})

test('claims are null when there are none, and own members only', () => {
  const { iss, sub, exp, nbf, iat, jti } = GOOD_PAYLOAD
  expect(read({ iss, sub, exp, nbf, iat, jti }).claims).toBeNull()
  const { claims } = read(JSON.parse('{"__proto__":{"admin":true},"constructor":1}') as JsonObject)
  expect(Object.getPrototypeOf(claims)).toBe(Object.prototype)
  expect((claims as { admin?: unknown }).admin).toBeUndefined()
  expect(Object.keys(claims ?? {})).toEqual(['constructor'])
})

test('where its status is found is no claim of its creator', () => {
  const status = { status_list: { idx: 1, uri: 'https://authority.test/status-lists/one' } }
  expect(read({ ...GOOD_PAYLOAD, status }).claims).toEqual({ aud: [RECEIVER], scopes: RECEIVER })
  expect(read({ jti: 'a', status }).claims).toBeNull()
})

test('it is called expired once the skew is over, five seconds unless said otherwise', () => {
  const exp = TEST_NOW_MS / 1000
  expect(M2MToken.fromJwtPayload({ exp }, undefined, TEST_NOW_MS + 4_999).expired).toBe(false)
  expect(M2MToken.fromJwtPayload({ exp }, undefined, TEST_NOW_MS + 5_000).expired).toBe(true)
  expect(M2MToken.fromJwtPayload({ exp }, 0, TEST_NOW_MS).expired).toBe(true)
  expect(M2MToken.fromJwtPayload({ exp: 1 }).expired).toBe(true)
  expect(M2MToken.fromJwtPayload({}).expired).toBe(false)
})

test('nothing that a machine can put into its claims throws', () => {
  const members = fc.dictionary(
    fc.oneof(
      fc.constantFrom('scopes', 'aud', 'exp', 'iat', 'jti', 'sub', '__proto__'),
      fc.string(),
    ),
    fc.jsonValue(),
  )
  fc.assert(
    fc.property(members, (payload) => {
      const token = read(payload)
      expect(token.scopes.every((scope) => typeof scope === 'string')).toBe(true)
      expect(typeof token.id).toBe('string')
      expect(typeof token.subject).toBe('string')
    }),
  )
})

test('odd scopes on the wire are no scopes, and throw nothing', () => {
  for (const scopes of [undefined, null, 1, 'a b', { a: 1 }, true]) {
    expect(M2MToken.fromJSON({ scopes } as unknown as M2MTokenJSON).scopes).toEqual([])
  }
  const mixed = { scopes: ['a', 1, null] } as unknown as M2MTokenJSON
  expect(M2MToken.fromJSON(mixed).scopes).toEqual(['a'])
})

test('a time that no number of milliseconds can hold is none', () => {
  const token = M2MToken.fromJwtPayload({ exp: 1e306, iat: -1e306 }, 0, TEST_NOW_MS)
  expect(token).toMatchObject({ expiration: null, createdAt: 0 })
})

test('an object of the wire becomes a token', () => {
  const json = {
    object: 'machine_to_machine_token',
    id: 'mt_1',
    subject: SENDER,
    revoked: true,
    revocation_reason: 'r',
    expired: false,
    expiration: null,
    created_at: 1,
    updated_at: 2,
  } as const
  expect({ ...M2MToken.fromJSON(json) }).toEqual({
    id: 'mt_1',
    subject: SENDER,
    scopes: [],
    claims: null,
    revoked: true,
    revocationReason: 'r',
    expired: false,
    expiration: null,
    createdAt: 1,
    updatedAt: 2,
    token: undefined,
  })
  expect(M2MToken.fromJSON({ ...json, claims: { a: 1 }, token: 'mt_x' })).toMatchObject({
    claims: { a: 1 },
    token: 'mt_x',
  })
})

test('members of an odd type are read as absent', () => {
  const absent = { id: '', subject: '', expiration: null, createdAt: 0, expired: false }
  expect(read({})).toMatchObject(absent)
  for (const odd of ['5', null, true, [5], {}]) {
    expect(read({ exp: odd, iat: odd })).toMatchObject(absent)
  }
  for (const odd of [5, null, true, ['a'], {}]) {
    expect(read({ jti: odd, sub: odd })).toMatchObject(absent)
  }
})

test('what one caller does to a token, no other sees', () => {
  const payload = { jti: 'mt_1', sub: SENDER, aud: [RECEIVER], scopes: RECEIVER, deep: { a: [1] } }
  const facts = factsOf(payload)
  const mine = tokenOf(facts, 0, TEST_NOW_MS)
  mine.scopes.push('more')
  const claims = mine.claims as { deep: { a: number[] }; aud: string[]; own?: number }
  claims.deep.a.push(2)
  claims.aud.push('more')
  claims.own = 1
  expect(tokenOf(facts, 0, TEST_NOW_MS)).toMatchObject({
    scopes: [RECEIVER],
    claims: { aud: [RECEIVER], scopes: RECEIVER, deep: { a: [1] } },
  })
  expect(tokenOf(facts, 0, TEST_NOW_MS).claims).not.toHaveProperty('own')
})

test('a claim named __proto__ is not taken over', () => {
  const payload = JSON.parse('{"jti":"mt_1","__proto__":{"admin":true},"a":1}') as JsonObject
  const { claims } = M2MToken.fromJwtPayload(payload, 0, TEST_NOW_MS)
  expect(claims).toEqual({ a: 1 })
  expect(Object.getOwnPropertyNames(claims)).toEqual(['a'])
})
