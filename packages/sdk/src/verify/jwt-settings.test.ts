import { describe, expect, test } from 'vitest'
import { scriptedFetch, json } from '../testing/scripted-fetch.ts'
import { createTestKey } from '../testing/tokens.ts'
import { checkJwtOptions, fetchOf, type JwtOptions, keySetOf, monotonicOf } from './jwt-settings.ts'

const ISSUER = 'https://authority.test'
const { publicJwk } = await createTestKey('ES256', 'key')
const jwks = { keys: [publicJwk] }

const said = (expected: string): unknown =>
  expect.objectContaining({
    code: 'configuration-invalid',
    message: `configuration-invalid: expected ${expected}`,
  })

test('what is not said is as documented', () => {
  const { now, ...settings } = checkJwtOptions({ issuer: ISSUER })
  expect(settings).toEqual({
    issuer: ISSUER,
    clockToleranceSeconds: 5,
    algorithms: ['RS256', 'ES256', 'EdDSA'],
    maxTokenBytes: 16_384,
    cacheSize: 1_000,
  })
  const before = Date.now()
  const between = now()
  expect(between).toBeGreaterThanOrEqual(before)
  expect(between).toBeLessThanOrEqual(Date.now())
})

describe('a number lies within its bounds:', () => {
  test.each([
    ['clockToleranceSeconds', 0, 60],
    ['maxTokenBytes', 1, 65_536],
    ['cacheSize', 0, 1_000_000],
    ['jwksMaxStaleSeconds', 1, 604_800],
  ] as const)('%s from %d to %d', (name, min, max) => {
    const checked = (value: unknown) => () => {
      const options: JwtOptions = { issuer: ISSUER, jwks, [name]: value }
      keySetOf(options)
      return checkJwtOptions(options)
    }
    for (const value of [min, max, undefined]) expect(checked(value)).not.toThrow()
    for (const value of [min - 1, max + 1, Number.NaN, String(min), true]) {
      expect(checked(value)).toThrow(said(`${name} to be a number from ${min} to ${max}`))
    }
  })

  test('a part of a token is not remembered', () => {
    expect(checkJwtOptions({ issuer: ISSUER, cacheSize: 1.9 }).cacheSize).toBe(1)
  })
})

test('an issuer is a text', () => {
  expect(() => checkJwtOptions({ issuer: '' })).toThrow(said('issuer to be a text'))
})

test('clock, fetch and waitUntil are functions, by their names', () => {
  const clock = (): number => 7
  expect(checkJwtOptions({ issuer: ISSUER, clock }).now).toBe(clock)
  expect(monotonicOf({ clock })).toBe(clock)
  const odd = 1 as never
  expect(() => checkJwtOptions({ issuer: ISSUER, clock: odd })).toThrow(
    said('clock to be a function'),
  )
  expect(() => monotonicOf({ clock: odd })).toThrow(said('clock to be a function'))
  expect(() => fetchOf({ fetch: odd })).toThrow(said('fetch to be a function'))
  expect(() => keySetOf({ issuer: ISSUER, jwks, waitUntil: odd })).toThrow(
    said('waitUntil to be a function'),
  )
})

test('without a clock time still goes forward', () => {
  const nowMs = monotonicOf({})
  const before = nowMs()
  expect(nowMs()).toBeGreaterThanOrEqual(before)
})

describe('the key set', () => {
  test('is fetched below the issuer, or where it is said to be', async () => {
    const { fetch, sent } = scriptedFetch(json(jwks))
    await keySetOf({ issuer: `${ISSUER}/`, fetch }).find('key')
    await keySetOf({ issuer: 'urn:other', jwksUri: 'https://keys.test/all/', fetch }).find('key')
    expect(sent.map(({ url }) => url)).toEqual([
      `${ISSUER}/.well-known/jwks.json`,
      'https://keys.test/all',
    ])
  })

  test('that cannot be fetched says where it was to be', async () => {
    const { fetch } = scriptedFetch(json({}))
    await expect(keySetOf({ issuer: ISSUER, fetch }).find('key')).rejects.toMatchObject({
      expected: `a JWK Set at ${ISSUER}/.well-known/jwks.json`,
    })
    await expect(keySetOf({ issuer: ISSUER, jwks: { keys: [] } }).warm()).rejects.toMatchObject({
      expected: 'jwks with a fit key',
    })
  })

  test('is refused where it could not be fetched, by the name of the option', () => {
    const expected = 'to be an http(s) URL without query, fragment or user'
    expect(() => keySetOf({ issuer: 'urn:authority' })).toThrow(said(`issuer ${expected}`))
    expect(() => keySetOf({ issuer: ISSUER, jwksUri: 'keys' })).toThrow(said(`jwksUri ${expected}`))
  })

  test('is given or fetched, not both', () => {
    const both = { issuer: ISSUER, jwks, jwksUri: `${ISSUER}/keys` }
    const odd = { issuer: ISSUER, jwks: [] as never }
    for (const options of [both, odd]) {
      expect(() => keySetOf(options)).toThrow(said('jwks to be a JWK Set, without jwksUri'))
    }
  })
})
