import fc from 'fast-check'
import { expect, test } from 'vitest'
import { base62Length, decodeBase62, encodeBase62 } from './base62.ts'

const bytes = fc.uint8Array({ minLength: 0, maxLength: 80 })

test('what is encoded is decoded to the same bytes, at every length', () => {
  fc.assert(
    fc.property(bytes, (input) => {
      const text = encodeBase62(input)
      expect(text).toHaveLength(base62Length(input.length))
      expect(text).toMatch(/^[0-9A-Za-z]*$/)
      expect(decodeBase62(text, input.length)).toEqual(input)
    }),
  )
})

test('each text that decodes is the only text of its bytes', () => {
  const digit = fc.constantFrom(...'0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz')
  const sized = fc.integer({ min: 0, max: 24 }).chain((length) => {
    const width = base62Length(length)
    return fc.tuple(
      fc.constant(length),
      fc.string({ unit: digit, minLength: width, maxLength: width }),
    )
  })
  fc.assert(
    fc.property(sized, ([length, text]) => {
      const decoded = decodeBase62(text, length)
      if (decoded !== null) expect(encodeBase62(decoded)).toBe(text)
    }),
    { numRuns: 1_000 },
  )
})

test('texts of one width sort as their bytes do', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      fc.uint8Array({ minLength: 20, maxLength: 20 }),
      (a, b) => {
        const byBytes = Math.sign(Buffer.compare(a, b))
        const [left, right] = [encodeBase62(a), encodeBase62(b)]
        expect(left < right ? -1 : left > right ? 1 : 0).toBe(byBytes)
      },
    ),
  )
})

test('a value that is too large, another length and a foreign character are refused', () => {
  expect(decodeBase62('zz', 1)).toBeNull()
  expect(decodeBase62('48', 1)).toBeNull()
  expect(decodeBase62('47', 1)).toEqual(Uint8Array.of(255))
  expect(decodeBase62('7', 1)).toBeNull()
  expect(decodeBase62('007', 1)).toBeNull()
  for (const text of ['0-', '0_', '0 ', '0\n', '0é', '0\u{1f600}', '０１']) {
    expect(decodeBase62(text, 1)).toBeNull()
  }
})

test('a foreign character is refused at every place of a long text, whatever its neighbours carry', () => {
  for (const digits of ['0'.repeat(27), '1'.repeat(27), `0${'z'.repeat(26)}`]) {
    expect(decodeBase62(digits, 20)).not.toBeNull()
    for (let position = 0; position < digits.length; position++) {
      for (const odd of ['-', '_', ' ', '\u0000', '\u007f', '\u0080', 'é', '\u0130']) {
        const text = digits.slice(0, position) + odd + digits.slice(position + 1)
        expect(decodeBase62(text, 20), JSON.stringify(text)).toBeNull()
      }
    }
  }
})
