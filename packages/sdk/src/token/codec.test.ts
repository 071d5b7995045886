import { expect, test } from 'vitest'
import { PORTABLE_CODEC } from './codec.ts'

const encode = (text: string): Uint8Array => PORTABLE_CODEC.encode(text)
const decode = (bytes: Uint8Array): string | null => PORTABLE_CODEC.decode(bytes)
const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values)

test('a text of ASCII becomes a byte for each character', () => {
  expect(encode('ab\u0000\u007f')).toEqual(bytesOf(0x61, 0x62, 0x00, 0x7f))
  expect(encode('')).toEqual(bytesOf())
})

test('bytes become a text, with a byte order mark where one is', () => {
  expect(decode(new TextEncoder().encode('\ufeffé😀'))).toBe('\ufeffé😀')
  expect(decode(bytesOf())).toBe('')
})

test.each([[[0x80]], [[0xc0, 0xa2]], [[0xed, 0xa0, 0x80]], [[0xe2, 0x82]], [[0xff]]])(
  'bytes that are no UTF-8 are null, and not something like a text: %j',
  (values) => {
    expect(decode(Uint8Array.from(values))).toBeNull()
  },
)
