import { describe, expect, test, vi } from 'vitest'
import { scriptedFetch, json } from '../testing/scripted-fetch.ts'
import { createTestKey } from '../testing/tokens.ts'
import type { KeySet } from './key-set.ts'
import { checkJwtOptions, type JwtOptions, keySetOf } from './jwt-settings.ts'

const ISSUER = 'https://authority.test'
const { publicJwk } = await createTestKey('ES256', 'key')
const jwks = { keys: [publicJwk] }

const said = (expected: string): unknown =>
  expect.objectContaining({
    code: 'configuration-invalid',
    message: `configuration-invalid: expected ${expected}`,
  })

const keySetFor = (options: JwtOptions): KeySet => keySetOf(checkJwtOptions(options))

test('what is not said is as documented', () => {
  const { now, monotonicMs: _, fetch: __, ...settings } = checkJwtOptions({ issuer: ISSUER })
  expect(settings).toEqual({
    issuer: ISSUER,
    jwksMaxStaleSeconds: 86_400,
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
      return checkJwtOptions(options)
    }
    for (const value of [min, max, undefined]) expect(checked(value)).not.toThrow()
    for (const value of [min - 1, max + 1, Number.NaN, String(min), true]) {
      expect(checked(value)).toThrow(said(`${name} to be a number from ${min} to ${max}`))
    }
  })
})

test('an issuer is a text', () => {
  expect(() => checkJwtOptions({ issuer: '' })).toThrow(said('issuer to be a text'))
})

test('clock, fetch and waitUntil are functions, by their names', () => {
  const clock = (): number => 7
  const settings = checkJwtOptions({ issuer: ISSUER, clock })
  expect(settings.now).toBe(clock)
  expect(settings.monotonicMs).toBe(clock)
  for (const name of ['clock', 'fetch', 'waitUntil']) {
    expect(() => checkJwtOptions({ issuer: ISSUER, [name]: 1 })).toThrow(
      said(`${name} to be a function`),
    )
  }
})

test('without a clock time still goes forward', () => {
  const { monotonicMs } = checkJwtOptions({ issuer: ISSUER })
  const before = monotonicMs()
  expect(monotonicMs()).toBeGreaterThanOrEqual(before)
})

test('the platform’s fetch is looked up at each call', async () => {
  const { fetch } = checkJwtOptions({ issuer: ISSUER })
  const answer = new Response()
  const spy = vi.spyOn(globalThis, 'fetch').mockResolvedValue(answer)
  expect(await fetch('https://a.test', {})).toBe(answer)
  spy.mockRestore()
})

describe('the key set', () => {
  test('is fetched below the issuer, or where it is said to be', async () => {
    const { fetch, sent } = scriptedFetch(json(jwks))
    await keySetFor({ issuer: `${ISSUER}/`, fetch }).find('key')
    await keySetFor({ issuer: 'urn:other', jwksUri: 'https://keys.test/all/', fetch }).find('key')
    expect(sent.map(({ url }) => url)).toEqual([
      `${ISSUER}/.well-known/jwks.json`,
      'https://keys.test/all',
    ])
  })

  test('that cannot be fetched says where it was to be', async () => {
    const { fetch } = scriptedFetch(json({}))
    await expect(keySetFor({ issuer: ISSUER, fetch }).find('key')).rejects.toMatchObject({
      expected: `a JWK Set at ${ISSUER}/.well-known/jwks.json`,
    })
    await expect(keySetFor({ issuer: ISSUER, jwks: { keys: [] } }).warm()).rejects.toMatchObject({
      expected: 'jwks with a fit key',
    })
  })

  test('is refused where it could not be fetched, by the name of the option', () => {
    const expected = 'to be an http(s) URL without query, fragment or user'
    expect(() => keySetFor({ issuer: 'urn:authority' })).toThrow(said(`issuer ${expected}`))
    expect(() => keySetFor({ issuer: ISSUER, jwksUri: 'keys' })).toThrow(
      said(`jwksUri ${expected}`),
    )
  })

  test('is given or fetched, not both', () => {
    const both = { issuer: ISSUER, jwks, jwksUri: `${ISSUER}/keys` }
    expect(() => keySetFor(both)).toThrow(said('jwks without jwksUri'))
    for (const odd of [[], { keys: {} }, null, 'text']) {
      expect(() => keySetFor({ issuer: ISSUER, jwks: odd as never })).toThrow(
        said('jwks to be a JWK Set'),
      )
    }
  })
})
