import { RESERVED_CLAIMS } from 'countersign/token'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { canonicalJson, encodeClaims } from './claims.ts'

const refused = expect.objectContaining({ code: 'claims_invalid' }) as unknown

const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)])

describe.each(['opaque', 'jwt'] as const)('claims of a token of format %s', (format) => {
  it('become the JSON that they are', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.stringMatching(/^[A-Z][a-z]{0,5}$/), fc.jsonValue()),
        (claims) => {
          fc.pre(JSON.stringify(claims).length < 2_000 && Object.keys(claims).length > 0)
          fc.pre(!JSON.stringify(claims).includes('__proto__'))
          const text = encodeClaims(claims, format)
          expect(JSON.parse(text ?? '')).toEqual(JSON.parse(JSON.stringify(claims)))
        },
      ),
    )
    expect(encodeClaims(undefined, format)).toBeNull()
    expect(encodeClaims(null, format)).toBeNull()
  })

  it('are bounded in size, in bytes and not in characters', () => {
    expect(encodeClaims({ a: 'x'.repeat(4088) }, format)).toHaveLength(4096)
    expect(() => encodeClaims({ a: 'x'.repeat(4089) }, format)).toThrow(refused)
    expect(() => encodeClaims({ a: '€'.repeat(1400) }, format)).toThrow(refused)
  })

  it('are bounded in depth and in members', () => {
    expect(encodeClaims({ a: nested(15) }, format)).not.toBeNull()
    expect(() => encodeClaims({ a: nested(16) }, format)).toThrow(refused)
    expect(() => encodeClaims({ a: nested(5_000) }, format)).toThrow(refused)
    const members = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`m${index}`, 1]))
    expect(encodeClaims(members(200), format)).not.toBeNull()
    expect(() => encodeClaims(members(201), format)).toThrow(refused)
    expect(() => encodeClaims({ list: [members(100), members(100)] }, format)).toThrow(refused)
  })

  it('never set the prototype of whoever merges them', () => {
    expect(() => encodeClaims(JSON.parse('{"__proto__":{"admin":true}}'), format)).toThrow(refused)
    expect(() => encodeClaims(JSON.parse('{"a":[{"__proto__":1}]}'), format)).toThrow(refused)
  })

  it('never turn a number that is too large into null', () => {
    expect(() => encodeClaims(JSON.parse('{"a":[1e400]}'), format)).toThrow(refused)
  })
})

describe('claims of a JWT', () => {
  it('are none when nothing of them is written', () => {
    for (const nothing of [{ a: undefined }, { toJSON: () => ({}) }]) {
      expect(encodeClaims(nothing, 'jwt')).toBeNull()
    }
  })

  it.each(RESERVED_CLAIMS)('cannot be called %s, and the refusal names it', (name) => {
    expect(() => encodeClaims({ [name]: 1 }, 'jwt')).toThrow(
      expect.objectContaining({
        code: 'claims_invalid',
        explanation: expect.stringContaining(`"${name}"`) as string,
      }),
    )
    expect(encodeClaims({ inner: { [name]: 1 } }, 'jwt')).not.toBeNull()
    expect(encodeClaims({ [name]: 1 }, 'opaque')).not.toBeNull()
  })

  it.each([[[1]], ['text'], [1], [true]])('must be an object: %j', (claims) => {
    expect(() => encodeClaims(claims, 'jwt')).toThrow(refused)
    expect(encodeClaims(claims, 'opaque')).toBe(JSON.stringify(claims))
  })

  it('that are empty are none', () => {
    expect(encodeClaims({}, 'jwt')).toBeNull()
    expect(encodeClaims({}, 'opaque')).toBe('{}')
  })
})

it('canonical JSON is the same for equal values, and only for them', () => {
  expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe(
    canonicalJson({ a: null, b: [{ c: 2, d: 1 }] }),
  )
  expect(canonicalJson({ a: [1, 2] })).not.toBe(canonicalJson({ a: [2, 1] }))
})
