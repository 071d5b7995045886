import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeBase64url, encodeBase64url } from '../../../token/base64url.ts'
import { decodeCharacters, writeBase64url } from './base64url.ts'

/** What is decoded, or `null`; beside it nothing is written. */
const decoders: Readonly<Record<string, (text: string) => Uint8Array | null>> = {
  'from a text': (text) => {
    const bytes = Buffer.alloc(text.length + 8)
    return writeBase64url(bytes, text) ? bytes.subarray(0, bytesIn(text)) : null
  },
  'from characters': (text) => {
    const characters = Buffer.from(`..${text}..`, 'latin1')
    const bytes = new Uint8Array(text.length + 8).fill(0xee)
    const isRight = decodeCharacters(characters, 2, 2 + text.length, bytes, 3)
    const end = 3 + bytesIn(text)
    expect([...bytes.subarray(0, 3), ...bytes.subarray(end)].every((one) => one === 0xee)).toBe(
      true,
    )
    return isRight ? bytes.subarray(3, end) : null
  },
  'where they stand': (text) => {
    const characters = Buffer.from(`..${text}..`, 'latin1')
    const isRight = decodeCharacters(characters, 2, 2 + text.length, characters, 2)
    expect(characters.toString('latin1', 2 + text.length)).toBe('..')
    return isRight ? characters.subarray(2, 2 + bytesIn(text)) : null
  },
}

const bytesIn = (text: string): number => Math.floor((text.length * 3) / 4)

/** A byte in each character: what is beyond is for whoever makes them of a text. */
const character = fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte))

describe.each(Object.entries(decoders))('base64url %s', (_, decode) => {
  const said = (text: string): number[] | null => {
    const bytes = decode(text)
    return bytes === null ? null : [...bytes]
  }

  test('is read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(said(encodeBase64url(bytes))).toEqual([...bytes])
      }),
    )
  })

  test('is as strict as everywhere, whatever one character is', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 9 }),
        character,
        fc.nat(),
        (bytes, one, place) => {
          const right = encodeBase64url(bytes)
          const at = place % (right.length + 1)
          for (const text of [
            right.slice(0, at) + one + right.slice(at),
            right.slice(0, at) + one + right.slice(at + 1),
            right.slice(0, at) + right.slice(at + 1),
          ]) {
            const expected = decodeBase64url(text)
            expect(said(text), text).toEqual(expected === null ? null : [...expected])
          }
        },
      ),
      { numRuns: 2_000 },
    )
  })

  test('has one spelling: bits that belong to no byte are zero', () => {
    for (const text of ['AB', 'Af', 'AAB', 'AAC', 'AAAAAB', 'A', 'AAAAA']) {
      expect(said(text), text).toBeNull()
    }
    expect(said('AA')).toEqual([0])
    expect(said('_w')).toEqual([255])
    expect(said('__8')).toEqual([255, 255])
    expect(said('')).toEqual([])
  })
})
