import { expect, test } from 'vitest'
import { PORTABLE_CODEC } from './codec.ts'
import { decodeUtf8 } from './utf8.ts'

const encode = (text: string, room: number) => PORTABLE_CODEC.encode(text, room)
const decode = (bytes: Uint8Array, start: number, end: number) =>
  PORTABLE_CODEC.decode(bytes, start, end)
const bytesOf = (...values: number[]): Uint8Array => Uint8Array.from(values)

test('a text of ASCII becomes a byte for each character, with room behind them', () => {
  const bytes = encode('ab\u0000\u007f', 3)
  expect(bytes).toHaveLength(7)
  expect(bytes?.subarray(0, 4)).toEqual(bytesOf(0x61, 0x62, 0x00, 0x7f))
  expect(encode('', 0)).toEqual(bytesOf())
})

// Whether or not its bytes would fit, exactly or with room to spare.
test.each(['é', 'aé', 'éa', 'é\u0000', '\u0141bcd', '\ud800', '😀'])(
  'a text beyond ASCII is none: %j',
  (text) => {
    for (let room = 0; room < 9; room++) expect(encode(text, room), String(room)).toBeNull()
  },
)

test('bytes become a text from their start to their end, with a byte order mark where one is', () => {
  const bytes = new TextEncoder().encode('x\ufeffé😀y')
  expect(decode(bytes, 1, bytes.length - 1)).toBe('\ufeffé😀')
  expect(decode(bytes, 0, 1)).toBe('x')
  expect(decodeUtf8(bytesOf())).toBe('')
})

test.each([[[0x80]], [[0xc0, 0xa2]], [[0xed, 0xa0, 0x80]], [[0xe2, 0x82]], [[0xff]]])(
  'bytes that are no UTF-8 are null, and not something like a text: %j',
  (values) => {
    const bytes = Uint8Array.from(values)
    expect(decodeUtf8(bytes)).toBeNull()
    expect(decode(bytes, 0, bytes.length)).toBeNull()
  },
)
