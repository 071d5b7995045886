import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeBase62 } from './base62.ts'
import { checksum, CHECKSUM_LENGTH } from './checksum.ts'

const ascii = fc.string({ unit: 'grapheme-ascii', maxLength: 120 })

test('the checksum is the CRC-32 that everybody computes', () => {
  expect(decodeBase62(checksum('123456789'), 4)).toEqual(Uint8Array.of(0xcb, 0xf4, 0x39, 0x26))
  fc.assert(
    fc.property(ascii, (text) => {
      const bytes = decodeBase62(checksum(text), 4) ?? new Uint8Array(4)
      expect(new DataView(bytes.buffer).getUint32(0)).toBe(crc32(text))
    }),
  )
})

test('the checksum has one length', () => {
  fc.assert(
    fc.property(ascii, (text) => {
      expect(checksum(text)).toHaveLength(CHECKSUM_LENGTH)
    }),
  )
})
