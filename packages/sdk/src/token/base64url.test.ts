import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase64url, decodedLength, encodeBase64url } from './base64url.ts'

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

test('so many characters carry so many bytes', () => {
  for (const text of ['', 'QQ', 'QUI', 'QUJD', 'QUJDRA']) {
    expect(decodedLength(text.length)).toBe(decodeBase64url(text)?.length)
  }
})
