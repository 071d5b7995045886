import { describe, expect, test } from 'vitest'
import {
  createTestKey,
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
  signToken,
  type TestKey,
} from '../../../packages/sdk/src/testing/tokens.ts'
import { ALL_KEYS, ec, verdict } from './doors.ts'

const INVALID = 'token-signature-invalid'

/** The order of P-256, and Ed25519's. */
const N = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
const TOP = 2n ** 256n - 1n

const apart = (token: string): { input: string; signature: Buffer } => {
  const end = token.lastIndexOf('.')
  return { input: token.slice(0, end), signature: Buffer.from(token.slice(end + 1), 'base64url') }
}

describe.each(ALL_KEYS)('a signature of $alg', (key: TestKey) => {
  test('that is empty, cut, longer, zero, of ones, or of another length', async () => {
    const { input, signature } = apart(await signToken(key))
    const { length } = signature
    for (const bytes of [
      Buffer.alloc(0),
      signature.subarray(1),
      signature.subarray(0, -1),
      Buffer.concat([signature, Buffer.of(0)]),
      Buffer.concat([Buffer.of(0), signature]),
      Buffer.concat([signature, signature]),
      Buffer.alloc(length),
      Buffer.alloc(length, 255),
      Buffer.alloc(1),
    ]) {
      expect(await verdict(`${input}.${encodeBase64url(bytes)}`)).toBe(INVALID)
    }
  })

  test('of another token, and of another key with the same kid', async () => {
    const { input } = apart(await signToken(key))
    const other = apart(await signToken(key, { ...GOOD_PAYLOAD, jti: 'mt_other' }))
    expect(await verdict(`${input}.${encodeBase64url(other.signature)}`)).toBe(INVALID)
    const stranger = await createTestKey(key.alg, key.kid)
    expect(await verdict(await signToken(stranger))).toBe(INVALID)
  })

  test('with any one bit of it turned', async () => {
    const { input, signature } = apart(await signToken(key))
    for (let byte = 0; byte < signature.length; byte += 7) {
      const changed = Buffer.from(signature)
      changed[byte] = (changed[byte] ?? 0) ^ (1 << (byte % 8))
      expect(await verdict(`${input}.${encodeBase64url(changed)}`), String(byte)).toBe(INVALID)
    }
  })

  test('moved to a header or a payload that says more', async () => {
    const [header = '', , signature = ''] = (await signToken(key)).split('.')
    const more = encodePart({ ...GOOD_PAYLOAD, exp: 9_999_999_999 })
    expect(await verdict(`${header}.${more}.${signature}`)).toBe(INVALID)
  })
})

test('r and s of ECDSA at and beyond their bounds (CVE-2022-21449)', async () => {
  const { input } = apart(await signToken(ec))
  const half = (value: bigint): string => value.toString(16).padStart(64, '0')
  for (const r of [0n, 1n, N - 1n, N, N + 1n, TOP]) {
    for (const s of [0n, 1n, N, TOP]) {
      const signature = encodeBase64url(Buffer.from(half(r) + half(s), 'hex'))
      expect(await verdict(`${input}.${signature}`)).toBe(INVALID)
    }
  }
})
