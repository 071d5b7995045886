import { generateKeyPairSync, sign } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { engine } from '#engine'
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { createTestKey } from '../../testing/tokens.ts'
import { engine as node } from './node.ts'
import { isCountersignError } from '../../token/errors.ts'
import { parseJws } from '../../token/jws.ts'
import type { VerificationKey } from '../jwk.ts'
import type { CheckSignature, PublicKeyMaterial } from './engine.ts'
import { engine as web } from './web.ts'

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
  expect(engine).toBe(node)
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

describe('texts and bytes', () => {
  const unit = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...'AQgwBz09-_.{}":, \n\\') },
    fc.constantFrom('é', '\u0141', '\u0100', '\ud800', '\udc00', '😀', '\ufeff', '\ufffd', '\0'),
  )

  test('both engines read a token of any characters alike', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit, maxLength: 12 }), { maxLength: 4 }), (parts) => {
        const token = parts.join('.')
        const results = [node, web].map(({ codec }) => {
          try {
            const { header, payload, signingInput, signature } = parseJws(token, { codec })
            return { header, payload, input: [...signingInput], signature: [...signature] }
          } catch (error) {
            return isCountersignError(error) ? error.code : error
          }
        })
        expect(results[0]).toEqual(results[1])
      }),
      { numRuns: 5_000 },
    )
  })

  test('both engines decode the same base64url, and refuse what is nearly some', () => {
    const near = fc.oneof(
      { weight: 30, arbitrary: fc.constantFrom(...'AQgwBYz09-_') },
      fc.constantFrom('+', '/', '=', '.', ' ', '\n', '\0'),
    )
    fc.assert(
      fc.property(fc.string({ unit: near, maxLength: 24 }), (part) => {
        const [first, second] = [node, web].map(({ codec }) => codec.decodeBase64url(part))
        expect(first && [...first]).toEqual(second && [...second])
      }),
      { numRuns: 5_000 },
    )
  })

  test('both engines read the same text, or none, from any bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 24 })
    const text = fc.string({ unit: 'binary', maxLength: 12 }).map((one) => Buffer.from(one))
    fc.assert(
      fc.property(fc.oneof(bytes, text), (payload) => {
        const part = (one: Uint8Array): string => Buffer.from(one).toString('base64url')
        const wrapped = Buffer.concat([Buffer.from('{"a":"'), payload, Buffer.from('"}')])
        const token = `${part(Buffer.from('{}'))}.${part(wrapped)}.AA`
        const [first, second] = [node, web].map(({ codec }) => {
          try {
            return parseJws(token, { codec }).payload
          } catch {
            return 'refused'
          }
        })
        expect(first).toEqual(second)
      }),
      { numRuns: 5_000 },
    )
  })

  test.each([node, web])(
    '$name takes no character for another with the same lower byte',
    ({ codec }) => {
      const good = 'eyJhbGciOiJFUzI1NiJ9.e30.AAAA'
      expect(parseJws(good, { codec }).payload).toEqual({})
      for (let position = 0; position < good.length; position++) {
        const twin = String.fromCharCode(good.charCodeAt(position) + 0x100)
        const text = good.slice(0, position) + twin + good.slice(position + 1)
        expect(() => parseJws(text, { codec }), text).toThrow(
          expect.objectContaining({ code: 'token-malformed' }),
        )
      }
    },
  )
})

test('a signature of any length is wrong at most, and throws nothing', async () => {
  for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
    const key = await createTestKey(algorithm)
    const check = await node.importKey(material(algorithm, key.publicJwk))
    for (const length of [0, 1, 63, 65, 128, 1_000]) {
      expect(await check(DATA, new Uint8Array(length).fill(255)), `${algorithm} ${length}`).toBe(
        false,
      )
    }
    expect(await check(DATA, await key.sign(DATA))).toBe(true)
  }
})

test.each([node, web])(
  'what $name remembers of a token does not keep the token',
  async (engine) => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc') as () => void
    const tokens = engine.createVerifiedTokens({
      cacheSize: 1_000,
      maxTokenBytes: 65_536,
      jwtClass: { judge: (payload) => payload },
    })
    const heapBytes = (): number => {
      collect()
      return process.memoryUsage().heapUsed
    }
    const before = heapBytes()
    const [key, claims] = [{} as VerificationKey, {}]
    const textOf = (number: number): string =>
      Buffer.from(`header.payload.${String(number).padStart(60_000, 'x')}`).toString('latin1')
    for (let number = 0; number < 500; number++) {
      const token = textOf(number)
      for (let time = 0; time < 2; time++) tokens.remember(token, { key, claims })
    }
    // The web digests beside.
    const isLastThere = async (): Promise<boolean> =>
      (await tokens.find(textOf(499), () => true)) !== undefined
    await vi.waitUntil(isLastThere, { interval: 1 })
    // Thirty megabytes of tokens.
    expect(heapBytes() - before).toBeLessThan(5_000_000)
  },
)
