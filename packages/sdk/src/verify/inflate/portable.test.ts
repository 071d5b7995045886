import { deflateSync, inflateSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { inflateZlib } from './portable.ts'

const MAX = 1_048_576

const levels = fc.integer({ min: 0, max: 9 })
/** Both what repeats itself and what does not. */
const contents = fc.oneof(
  fc.uint8Array({ maxLength: 5_000 }),
  fc.uint8Array({ max: 3, maxLength: 5_000 }),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.integer({ min: 1, max: 300 }))
    .map(([piece, times]) =>
      Uint8Array.from({ length: piece.length * times }, (_, at) => piece[at % piece.length] ?? 0),
    ),
)

test('what Node deflates, at whatever level and by whatever strategy, is inflated', () => {
  fc.assert(
    fc.property(contents, levels, fc.integer({ min: 0, max: 4 }), (content, level, strategy) => {
      const deflated = deflateSync(content, { level, strategy })
      expect(Buffer.from(inflateZlib(deflated, MAX)).equals(content)).toBe(true)
    }),
    { numRuns: 400 },
  )
})

test('a list of 2^20 bits, as it is served, is inflated', () => {
  const list = new Uint8Array(131_072)
  for (let at = 0; at < list.length; at += 97) list[at] = 1 << (at % 8)
  expect(Buffer.from(inflateZlib(deflateSync(list, { level: 9 }), MAX)).equals(list)).toBe(true)
})

describe('what is refused', () => {
  const good = deflateSync(Buffer.from('a status list, a status list, a status list'))
  const refuses = (bytes: Uint8Array, max = MAX): void => {
    expect(() => inflateZlib(bytes, max)).toThrow(RangeError)
  }

  test('every text that ends too early', () => {
    for (let end = 0; end < good.length; end++) refuses(good.subarray(0, end))
  })

  test('what is larger than the bound, however small it was deflated: a zlib bomb', () => {
    const bomb = deflateSync(new Uint8Array(64 * MAX))
    // At the bound, and not when all of it has been looked at.
    for (const [bytes, max] of [
      [bomb, MAX],
      [good, 10],
    ] as const) {
      expect(() => inflateZlib(bytes, max)).toThrow('too large')
    }
  })

  test('another checksum, another method, a preset dictionary', () => {
    refuses(Buffer.concat([good.subarray(0, -1), Buffer.of((good.at(-1) ?? 0) ^ 1)]))
    refuses(Buffer.concat([Buffer.of(0x79, 0x9c), good.subarray(2)]))
    refuses(deflateSync(Buffer.from('a'), { dictionary: Buffer.from('abc') }))
  })

  test('what Node refuses, and nothing throws but a RangeError', () => {
    const flips = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), {
      minLength: 1,
      maxLength: 3,
    })
    fc.assert(
      fc.property(contents, levels, flips, (content, level, changes) => {
        const bytes = deflateSync(content.subarray(0, 500), { level })
        for (const [at, mask] of changes)
          bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ mask
        let theirs: Buffer | null = null
        try {
          theirs = inflateSync(bytes, { maxOutputLength: MAX })
        } catch {
          // Refused.
        }
        try {
          const ours = inflateZlib(bytes, MAX)
          expect(theirs !== null && theirs.equals(ours)).toBe(true)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
      { numRuns: 2_000 },
    )
  })
})
