import { generateKeyPairSync, sign } from 'node:crypto'
import { importKey as chosen, ENGINE } from '#signature'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTestKey } from '../../testing/tokens.ts'
import * as node from './node.ts'
import type { CheckSignature, PublicKeyMaterial } from './signature.ts'
import * as web from './web.ts'

const DATA = new TextEncoder().encode('header.payload')
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

const bothEngines = async (material: PublicKeyMaterial): Promise<CheckSignature> => {
  const checks = await Promise.all([node.importKey(material), web.importKey(material)])
  return async (data, signature) => {
    const [first, second] = await Promise.all(checks.map(async (check) => check(data, signature)))
    expect(second, 'both engines say the same').toBe(first)
    return first === true
  }
}

const material = (algorithm: PublicKeyMaterial['algorithm'], jwk: object): PublicKeyMaterial => {
  const { kty, crv, n, e, x, y } = jwk as Record<string, string>
  const members = Object.entries({ kty, crv, n, e, x, y }).filter(
    ([, value]) => value !== undefined,
  )
  return { algorithm, jwk: Object.fromEntries(members) as Record<string, string> }
}

test('on Node the engine is Node’s', () => {
  expect(ENGINE).toBe('node')
  expect(chosen).toBe(node.importKey)
})

describe.each(['RS256', 'ES256', 'EdDSA'] as const)('%s', (algorithm) => {
  test('both engines take what is right and refuse every kind of wrong', async () => {
    const key = await createTestKey(algorithm)
    const check = await bothEngines(material(algorithm, key.publicJwk))
    const signature = await key.sign(DATA)
    expect(await check(DATA, signature)).toBe(true)
    expect(await check(new TextEncoder().encode('header.paylaod'), signature)).toBe(false)
    expect(await check(new Uint8Array(0), signature)).toBe(false)
    const other = await createTestKey(algorithm)
    expect(await check(DATA, await other.sign(DATA))).toBe(false)
    expect(await check(DATA, new Uint8Array(signature.length))).toBe(false)
    expect(await check(DATA, new Uint8Array(signature.length).fill(255))).toBe(false)
    await fc.assert(
      fc.asyncProperty(fc.nat(signature.length * 8 - 1), async (bit) => {
        const changed = Uint8Array.from(signature)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(await check(DATA, changed)).toBe(false)
      }),
      { numRuns: 50 },
    )
  })
})

describe('ES256', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const publicMaterial = material('ES256', publicKey.export({ format: 'jwk' }))

  const halves = (r: bigint, s: bigint): Uint8Array =>
    Buffer.from([r, s].map((half) => half.toString(16).padStart(64, '0')).join(''), 'hex')

  test('r and s of every size are taken, with and without zero bytes in front', async () => {
    const check = await bothEngines(publicMaterial)
    const shapeOf = (byte = 0): string => (byte === 0 ? 'zero' : byte > 127 ? 'high' : 'low')
    const seen = new Set<string>()
    // A zero byte in front comes once in 256; the bound only keeps a defect from running on.
    for (let count = 0; count < 50_000 && seen.size < 8; count++) {
      const data = new TextEncoder().encode(`header.${count}`)
      const signature = sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' })
      const shape = `${shapeOf(signature[0])}-${shapeOf(signature[32])}`
      if (seen.has(shape)) continue
      seen.add(shape)
      expect(await check(data, signature), shape).toBe(true)
    }
    expect(seen.size).toBe(8)
  })

  test('the other s of the same signature is valid too, as the standard has it', async () => {
    const check = await bothEngines(publicMaterial)
    const signature = sign('sha256', DATA, { key: privateKey, dsaEncoding: 'ieee-p1363' })
    const read = (part: Buffer): bigint => BigInt(`0x${part.toString('hex')}`)
    const [r, s] = [read(signature.subarray(0, 32)), read(signature.subarray(32))]
    expect(await check(DATA, halves(r, ORDER - s))).toBe(true)
    expect(await check(DATA, halves(ORDER - r, s))).toBe(false)
  })

  test('r and s out of range are refused', async () => {
    const check = await bothEngines(publicMaterial)
    const top = 2n ** 256n - 1n
    for (const r of [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, top]) {
      for (const s of [0n, 1n, ORDER - 1n, ORDER, ORDER + 1n, top]) {
        expect(await check(DATA, halves(r, s))).toBe(false)
      }
    }
  })
})
