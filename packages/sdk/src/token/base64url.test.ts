import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  decodeBase64url,
  decodeBase64urlInto,
  decodedLength,
  encodeBase64url,
} from './base64url.ts'

const encode = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64url')

test('it decodes what Node encodes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      expect(decodeBase64url(encode(bytes))).toEqual(bytes)
    }),
  )
})

test('it encodes as Node does', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      expect(encodeBase64url(bytes)).toBe(encode(bytes))
    }),
  )
})

test('each text that decodes is the only spelling of its bytes', () => {
  const near = fc.string({ unit: fc.constantFrom(...'AQgwBz09-_+/= .'), maxLength: 9 })
  fc.assert(
    fc.property(near, (text) => {
      const bytes = decodeBase64url(text)
      if (bytes !== null) expect(encode(bytes)).toBe(text)
    }),
    { numRuns: 2_000 },
  )
})

test.each(['A', 'AAAAA', 'QQ==', 'QQ=', 'QR', 'QUJ', 'Q Q', 'QQ\n', 'Q+', 'Q/', 'Qé', 'Q\u0000'])(
  'it refuses %j',
  (text) => {
    expect(decodeBase64url(text)).toBeNull()
  },
)

test('it can decode over its own characters', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      const buffer = new TextEncoder().encode(`abc${encode(bytes)}`)
      expect(decodeBase64urlInto(buffer, 3, buffer.length, buffer, 3)).toBe(true)
      expect(buffer.subarray(3, 3 + decodedLength(buffer.length - 3))).toEqual(bytes)
    }),
  )
})

test('it writes what it decodes, and nothing behind it', () => {
  for (const text of ['', 'QQ', 'QUI', 'QUJD', 'QUJDRA']) {
    const source = new TextEncoder().encode(text)
    const target = new Uint8Array(8).fill(7)
    expect(decodeBase64urlInto(source, 0, source.length, target, 1)).toBe(true)
    const expected = [7, ...Buffer.from(text, 'base64url')]
    expect([...target]).toEqual([...expected, ...Array(8 - expected.length).fill(7)])
  }
})
