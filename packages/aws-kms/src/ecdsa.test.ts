import { generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rawFromDer } from './ecdsa.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

/** A number in DER, in as few bytes as it needs. */
function integer(...bytes: readonly number[]): number[] {
  return [0x02, bytes.length, ...bytes]
}

function sequence(...content: readonly number[]): Uint8Array {
  return Uint8Array.from([0x30, content.length, ...content])
}

const FULL = Array.from({ length: 32 }, () => 0x7f)
const SMALL = integer(1)

describe('rawFromDer', () => {
  it('gives what verifies as r and s, for every signature of OpenSSL', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (data) => {
        const raw = rawFromDer(sign('sha256', data, { key: privateKey, dsaEncoding: 'der' }), 32)
        const key = { key: publicKey, dsaEncoding: 'ieee-p1363' } as const
        return raw?.length === 64 && verify('sha256', data, key, raw)
      }),
      { numRuns: 300 },
    )
  })

  it('fills short numbers up with zeros, and drops the sign byte of long ones', () => {
    const raw = rawFromDer(sequence(...integer(1, 2), ...integer(0, ...FULL.fill(0xff))), 32)
    expect(raw).toEqual(Uint8Array.from([...new Uint8Array(30), 1, 2, ...FULL.fill(0xff)]))
  })

  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array()],
    ['one byte', Uint8Array.of(0x30)],
    ['an empty sequence', sequence()],
    ['one number', sequence(...SMALL)],
    ['three numbers', sequence(...SMALL, ...SMALL, ...SMALL)],
    ['a byte too many', Uint8Array.from([...sequence(...SMALL, ...SMALL), 0])],
    ['a byte too few', sequence(...SMALL, ...SMALL).slice(0, -1)],
    ['another tag outside', Uint8Array.from([0x31, 6, ...SMALL, ...SMALL])],
    ['another tag inside', sequence(...SMALL, 0x04, 1, 1)],
    ['a long form of the length', Uint8Array.from([0x30, 0x81, 6, ...SMALL, ...SMALL])],
    ['a negative number', sequence(...SMALL, ...integer(0x80))],
    ['zero', sequence(...integer(0), ...SMALL)],
    ['a number of no bytes', sequence(0x02, 0, ...SMALL)],
    ['a zero too many before a number', sequence(...integer(0, 1), ...SMALL)],
    ['a number of another curve', sequence(...integer(1, ...FULL), ...SMALL)],
    ['a number that ends beyond', sequence(0x02, 40, 1, ...SMALL)],
    ['the raw form', new Uint8Array(64).fill(7)],
  ])('refuses %s', (_, der) => {
    expect(rawFromDer(der, 32)).toBeNull()
  })

  it('never gives another length, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const raw = rawFromDer(bytes, 32)
        return raw === null || raw.length === 64
      }),
    )
  })
})
