import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { copyJson, isJsonObject, parseJsonObject } from './json.ts'
import { decodeUtf8 } from './utf8.ts'

const parseBytes = (bytes: Uint8Array): unknown => {
  const text = decodeUtf8(bytes)
  return text === null ? null : parseJsonObject(text)
}
const parse = (text: string): unknown => parseBytes(new TextEncoder().encode(text))

const nested = (levels: number): string => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`

test('what JSON.parse makes of an object without repetition is what comes out', () => {
  const key = fc.string({ unit: 'binary', maxLength: 8 }).filter((name) => name !== '__proto__')
  fc.assert(
    fc.property(fc.dictionary(key, fc.jsonValue({ maxDepth: 4 }), { maxKeys: 8 }), (value) => {
      const text = JSON.stringify(value)
      fc.pre(!text.includes('__proto__'))
      expect(parse(text)).toEqual(JSON.parse(text))
    }),
  )
})

test.each([
  '{"a":1,"a":1}',
  '{"a":1,"b":2,"a":3}',
  '{"a":1,"\\u0061":2}',
  '{"x":{"a":1,"a":2}}',
  '{"x":[1,{"a":1,"a":2}]}',
  '{"":1,"":2}',
  '{"a\\"":1,"a\\"":2}',
  '{"1":1,"1":2}',
  '{ "a" : 1 , "a" : 2 }',
])('a member that stands twice is refused: %s', (text) => {
  expect(parse(text)).toBeNull()
})

test.each(['{"a":":","b":"\\":\\\\"}', '{"a":{"b":1},"b":{"a":1}}', '{"\\\\":1,"\\"":2}', '{}'])(
  'what only looks like a repetition is not refused: %s',
  (text) => {
    expect(parse(text)).toEqual(JSON.parse(text))
  },
)

test('white space and escapes hide no repetition, and make none', () => {
  const space = fc.string({ unit: fc.constantFrom(' ', '\t', '\n', '\r'), maxLength: 3 })
  const name = fc.constantFrom('a', 'b', ':', '"', '\\', '\\"', '": "', '\\\\')
  const member = fc.tuple(name, name, space, space, space)
  fc.assert(
    fc.property(fc.array(member, { maxLength: 4 }), (members) => {
      const written = members.map(
        ([key, value, before, between, after]) =>
          `${before}${JSON.stringify(key)}${between}:${after}${JSON.stringify(value)}${before}`,
      )
      const text = `{${written.join(',')}}`
      const isTwice = new Set(members.map(([key]) => key)).size < members.length
      expect(parse(text)).toEqual(isTwice ? null : JSON.parse(text))
    }),
    { numRuns: 2_000 },
  )
})

test('a member called __proto__ is refused, at every level and in every spelling', () => {
  expect(parse('{"__proto__":{"admin":true}}')).toBeNull()
  expect(parse('{"a":[{"__proto__":1}]}')).toBeNull()
  expect(parse('{"\\u005f_proto__":1}')).toBeNull()
  expect(parse('{"constructor":1,"prototype":2}')).toEqual({ constructor: 1, prototype: 2 })
})

test.each(['', '[]', '1', 'null', '"a"', 'true', '[{"a":1}]', '{"a":1}x', '{"a":1', "{'a':1}"])(
  'what is no object is refused: %s',
  (text) => {
    expect(parse(text)).toBeNull()
  },
)

test('32 levels are taken and 33 are not; 256 members are taken and 257 are not', () => {
  expect(parse(nested(32))).not.toBeNull()
  expect(parse(nested(33))).toBeNull()
  expect(parse(`{"a":${'['.repeat(31)}${']'.repeat(31)}}`)).not.toBeNull()
  expect(parse(`{"a":${'['.repeat(32)}${']'.repeat(32)}}`)).toBeNull()
  const members = (count: number): string =>
    JSON.stringify(Object.fromEntries(Array.from({ length: count }, (_, at) => [`m${at}`, at])))
  expect(parse(members(256))).not.toBeNull()
  expect(parse(members(257))).toBeNull()
})

test('depth that would exhaust a stack is refused, not thrown', () => {
  expect(parse(nested(100_000))).toBeNull()
  expect(parse(`{"a":${'['.repeat(1_000_000)}`)).toBeNull()
})

test('a byte order mark and bytes that are no UTF-8 are refused', () => {
  const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
  expect(parse('\ufeff{}')).toBeNull()
  // An overlong quotation mark, a lone surrogate, a stray continuation, an end in the middle.
  expect(parseBytes(bytes(0x7b, 0xc0, 0xa2, 0x7d))).toBeNull()
  expect(parseBytes(bytes(0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d))).toBeNull()
  expect(parseBytes(bytes(0x7b, 0x22, 0x80, 0x22, 0x3a, 0x31, 0x7d))).toBeNull()
  expect(parseBytes(bytes(0x7b, 0x22, 0xe2, 0x82))).toBeNull()
})

test('only what has members is an object', () => {
  for (const value of [{}, { a: 1 }, Object.create(null)]) expect(isJsonObject(value)).toBe(true)
  for (const value of [null, undefined, [], 'a', 1, true]) expect(isJsonObject(value)).toBe(false)
})

describe('a copy', () => {
  test('is the same down to its bottom, and shares nothing', () => {
    const value = { a: [1, 'b', null, true, { c: [] }], d: { e: {} }, f: undefined }
    const copy = copyJson(value) as typeof value
    expect(copy).toEqual(value)
    expect(copy).not.toBe(value)
    expect(copy.a).not.toBe(value.a)
    expect(copy.a[4]).not.toBe(value.a[4])
    expect(copy.d.e).not.toBe(value.d.e)
    expect(Array.isArray(copy.a)).toBe(true)
  })

  test.each([null, undefined, 1, 'a', true])('of %j is itself', (value) => {
    expect(copyJson(value)).toBe(value)
  })

  test('gets no prototype from a member of that name', () => {
    const copy = copyJson(JSON.parse('{"a":1,"b":{"__proto__":{"admin":true},"c":2}}')) as {
      readonly b: { readonly admin?: unknown }
    }
    expect(copy).toEqual({ a: 1, b: { c: 2 } })
    expect(copy.b.admin).toBeUndefined()
    expect(Object.getPrototypeOf(copy.b)).toBe(Object.prototype)
  })
})
