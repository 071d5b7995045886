import { describe, expect, test } from 'vitest'
import { CountersignError } from '../token/errors.ts'
import { createMemo } from './memo.ts'

/** A memo that makes a new object each time, so that sharing can be seen. */
const memo = () => createMemo((options: object) => ({ options }))

const noop = (): void => undefined
const other = (): void => undefined

describe('equal options share what is made of them', () => {
  test.each([
    ['no members', () => ({})],
    ['texts, numbers, booleans and null', () => ({ a: 'x', b: 1, c: true, d: null, e: NaN })],
    ['a key set', () => ({ jwks: { keys: [{ kty: 'EC', x: 'a' }] } })],
    ['a function', () => ({ fetch: noop })],
    ['objects without prototype', () => Object.assign(Object.create(null) as object, { a: 1 })],
  ])('%s', (_, options) => {
    const of = memo()
    expect(of(options())).toBe(of(options()))
  })

  test('also where one says undefined and the other says nothing', () => {
    const of = memo()
    expect(of({ a: 1, b: undefined })).toBe(of({ a: 1 }))
  })
})

describe('different options never share', () => {
  const pairs: readonly (readonly [string, object, object])[] = [
    ['audience NaN and null', { audience: NaN }, { audience: null }],
    ['audience undefined and null', { audience: undefined }, { audience: null }],
    ['infinity and null', { size: Infinity }, { size: null }],
    ['both infinities', { size: Infinity }, { size: -Infinity }],
    ['a number and its text', { size: 1 }, { size: '1' }],
    ['null and its text', { audience: null }, { audience: 'null' }],
    ['NaN and its text', { audience: NaN }, { audience: 'NaN' }],
    ['one text and an array of it', { audience: 'a' }, { audience: ['a'] }],
    ['one text and two', { audience: 'a,b' }, { audience: ['a', 'b'] }],
    ['a member and a part of a text', { a: 'x","b":"y' }, { a: 'x', b: 'y' }],
    ['two functions', { fetch: noop }, { fetch: other }],
    ['two functions of the same text', { fetch: () => 1 }, { fetch: () => 1 }],
    ['a function and what once stood for it', { fetch: noop }, { fetch: { function: 1 } }],
    ['a function and the text that stands for it', { fetch: noop }, { fetch: 'function 1' }],
    ['a number and the text that stands for it', { size: 1 }, { size: 'number 1' }],
    ['a function and none', { fetch: noop }, {}],
    ['NaN and what once stood for it', { size: NaN }, { size: { number: 'NaN' } }],
    ['key sets of other texts', { jwks: { keys: [{ x: 'a' }] } }, { jwks: { keys: [{ x: 'b' }] } }],
    ['a key more', { jwks: { keys: [{ x: 'a' }] } }, { jwks: { keys: [{ x: 'a' }, { x: 'b' }] } }],
    ['nested and flat', { a: { b: 1 } }, { a: 1, b: 1 }],
    ['a member named __proto__', JSON.parse('{"__proto__":{"a":1}}') as object, {}],
    ['surrogates', { a: '\ud800' }, { a: '\ud801' }],
  ]

  test.each(pairs)('%s', (_, first, second) => {
    const of = memo()
    const made = of(first)
    expect(of(second)).not.toBe(made)
    expect(of(first)).toBe(made)
  })

  test('nor those that were changed meanwhile', () => {
    const of = memo()
    const options = { issuer: 'a', jwks: { keys: ['x'] } }
    const made = of(options)
    options.jwks.keys.push('y')
    expect(of(options)).not.toBe(made)
  })
})

describe('options that JSON does not show as they are read are refused', () => {
  class Config {
    get issuer(): string {
      return 'https://authority.test'
    }
  }
  const cycle: { self?: object } = {}
  cycle.self = cycle

  test.each<[string, unknown]>([
    ['of a class, whose getters are not its own', new Config()],
    ['that inherit', Object.create({ issuer: 'a' })],
    [
      'that inherit from what inherits nothing',
      Object.create(Object.assign(Object.create(null) as object, { issuer: 'a' })),
    ],
    ['with a hidden member', Object.defineProperty({}, 'audience', { value: 'a' })],
    ['with a member of a class', { session: new Config() }],
    ['that say something else to JSON', { audience: { toJSON: () => null } }],
    ['that are a date', { audience: new Date(0) }],
    ['that are a URL', { issuer: new URL('https://authority.test') }],
    ['that are a set', { audience: new Set(['a']) }],
    ['that are a map', { jwks: new Map() }],
    ['with a BigInt', { cacheSize: 1n }],
    ['with a symbol', { cacheSize: Symbol('x') }],
    ['that contain themselves', cycle],
  ])('options %s', (_, options) => {
    const of = memo()
    expect(() => of(options as object)).toThrow(
      expect.objectContaining({
        code: 'configuration-invalid',
        expected: 'options of plain objects that JSON can hold, but for functions',
      }),
    )
  })
})

test('what could not be made is made anew, and says why each time', () => {
  let count = 0
  const of = createMemo((options: object) => {
    count++
    if (count < 3) throw new CountersignError('configuration-invalid')
    return options
  })
  expect(() => of({ a: 1 })).toThrow(CountersignError)
  expect(() => of({ a: 1 })).toThrow(CountersignError)
  expect(of({ a: 1 })).toEqual({ a: 1 })
})

test('64 are kept; of more the oldest is made anew', () => {
  const of = memo()
  const first = of({ number: 0 })
  const second = of({ number: 1 })
  for (let number = 2; number < 65; number++) of({ number })
  expect(of({ number: 1 })).toBe(second)
  expect(of({ number: 0 })).not.toBe(first)
})
