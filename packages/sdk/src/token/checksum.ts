/**
 * The checksum at the end of every credential: CRC-32 (IEEE 802.3, reflected, as in zip) of the
 * ASCII text before it, as 6 base62 characters. It finds every change of up to 32 consecutive bits,
 * so every change of one character. It is no secret and proves nothing.
 */

import { encodeBase62 } from './base62.ts'

/** Characters of checksum at the end of a credential. */
export const CHECKSUM_LENGTH = 6

const TABLE: Uint32Array = crcTable()

/** The checksum of `text`, which must be ASCII; 6 characters. */
export function checksum(text: string): string {
  let crc = 0xffff_ffff
  for (let position = 0; position < text.length; position++) {
    crc = (TABLE[(crc ^ text.charCodeAt(position)) & 0xff] as number) ^ (crc >>> 8)
  }
  const value = (crc ^ 0xffff_ffff) >>> 0
  return encodeBase62(
    Uint8Array.of(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff),
  )
}

function crcTable(): Uint32Array {
  const table = new Uint32Array(256)
  for (let index = 0; index < 256; index++) {
    let value = index
    for (let bit = 0; bit < 8; bit++) {
      value = (value & 1) === 1 ? (value >>> 1) ^ 0xedb8_8320 : value >>> 1
    }
    table[index] = value
  }
  return table
}
