import { generateKeyPairSync, type KeyObject, type KeyPairKeyObjectResult, sign } from 'node:crypto'
import {
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
} from '../../../packages/sdk/src/testing/tokens.ts'
import type { JsonObject } from '../../../packages/sdk/src/token/json.ts'
import type { Case } from '../portable/suite.ts'

/** Keys and signatures by Node’s own crypto, which is not what is tested here. */

const CATEGORY = 'cl_B7d4PD333AAA'
export const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
export const ED25519_ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

type Algorithm = 'RS256' | 'ES256' | 'EdDSA'

export interface Key {
  readonly kid: string
  readonly alg: Algorithm
  readonly jwk: JsonObject
  readonly publicKey: KeyObject
  readonly privateKey: KeyObject
}

function keyOf(kid: string, alg: Algorithm, pair: KeyPairKeyObjectResult): Key {
  const { publicKey, privateKey } = pair
  return { kid, alg, publicKey, privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), kid } }
}

export const rsaOf = (kid: string, modulusLength: number, publicExponent = 65_537): Key =>
  keyOf(kid, 'RS256', generateKeyPairSync('rsa', { modulusLength, publicExponent }))
export const ecOf = (kid: string): Key =>
  keyOf(kid, 'ES256', generateKeyPairSync('ec', { namedCurve: 'P-256' }))
export const edOf = (kid: string): Key => keyOf(kid, 'EdDSA', generateKeyPairSync('ed25519'))

/** As RFC 7518 §3 and RFC 8037 §3.1 have it: of ECDSA r and s side by side. */
export function signatureOf({ alg, privateKey }: Key, input: string): Buffer {
  const digest = alg === 'EdDSA' ? null : 'sha256'
  return sign(digest, Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' })
}

export const headerOf = ({ alg, kid }: Key, more: JsonObject = {}): JsonObject => ({
  alg,
  typ: 'JWT',
  kid,
  cat: CATEGORY,
  ...more,
})

/** Signs two parts as they are spelled. */
export function signParts(key: Key, header: string, payload: string): string {
  const input = `${header}.${payload}`
  return `${input}.${encodeBase64url(signatureOf(key, input))}`
}

/** Signs what it is given: members, or the text of a part where its very spelling matters. */
export function tokenOf(
  key: Key,
  payload: JsonObject | string = GOOD_PAYLOAD,
  header: JsonObject | string = headerOf(key),
): string {
  return signParts(key, encodePart(header), encodePart(payload))
}

/** A good token whose signature is changed. */
export function resigned(
  key: Key,
  change: (signature: Buffer, input: string) => Uint8Array,
): string {
  const input = `${encodePart(headerOf(key))}.${encodePart(GOOD_PAYLOAD)}`
  return `${input}.${encodeBase64url(change(signatureOf(key, input), input))}`
}

/** The keys of the suite; those of a case are its own. */
export const rsa: Key = rsaOf('rsa', 2048)
export const rsa3072: Key = rsaOf('rsa-3072', 3072)
export const ec: Key = ecOf('ec')
export const ed: Key = edOf('ed')
export const ALL: readonly Key[] = [rsa, rsa3072, ec, ed]

/** A row of a group: its name, the token, and what is right; then the keys or audience of its own. */
export type Row = readonly [
  name: string,
  token: string,
  verdict: string,
  options?: Pick<Case, 'keys' | 'audience'>,
]

export const big = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
export const bigEndian = (value: bigint, length: number): Buffer =>
  Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex')
export const littleEndian = (value: bigint, length: number): Buffer =>
  bigEndian(value, length).reverse()
export const reversed = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes).reverse()
