import { type CredentialKind, formatCredential } from '../token/credential.ts'
import { createId, type IdKind, parseId } from '../token/ids.ts'
import type { JsonObject } from '../token/json.ts'

/** Keys, tokens and credentials as an authority makes them, and as nobody should. */

/** A signing key, with the public half that a key set publishes. */
export interface TestKey {
  readonly kid: string
  readonly alg: 'RS256' | 'ES256' | 'EdDSA'
  readonly publicJwk: JsonObject
  sign(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array>
}

const SCHEMES = {
  RS256: {
    name: 'RSASSA-PKCS1-v1_5',
    hash: 'SHA-256',
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
  },
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  EdDSA: { name: 'Ed25519' },
} as const

/** Makes a key pair. */
export async function createTestKey(
  alg: TestKey['alg'] = 'ES256',
  kid: string = 'key_1',
): Promise<TestKey> {
  const scheme = SCHEMES[alg]
  const { subtle } = globalThis.crypto
  const pair = (await subtle.generateKey(scheme, true, ['sign', 'verify'])) as CryptoKeyPair
  const { kty, n, e, crv, x, y } = await subtle.exportKey('jwk', pair.publicKey)
  const members = { kty, n, e, crv, x, y, kid, alg, use: 'sig' }
  return {
    kid,
    alg,
    publicJwk: JSON.parse(JSON.stringify(members)) as JsonObject,
    sign: async (data) => new Uint8Array(await subtle.sign(scheme, pair.privateKey, data)),
  }
}

/** Where test tokens come from, whom they name, and when. */
export const TEST_ISSUER = 'https://authority.test'
export const TEST_NOW_MS = 1_800_000_000_000
export const SENDER: string = testId('machine', 1)
export const RECEIVER: string = testId('machine', 2)

/** An id that is always the same for the same number. */
export function testId(kind: IdKind, number: number): string {
  return createId(kind, TEST_NOW_MS, new Uint8Array(16).fill(number))
}

/** The header of a good machine JWT. */
export function headerOf({ alg, kid }: TestKey): JsonObject {
  return { alg, typ: 'JWT', kid, cat: 'cl_B7d4PD333AAA' }
}

/** The payload of a machine JWT that is good at `TEST_NOW_MS`. */
export const GOOD_PAYLOAD: JsonObject = {
  iss: TEST_ISSUER,
  sub: SENDER,
  aud: [RECEIVER],
  exp: TEST_NOW_MS / 1000 + 60,
  nbf: TEST_NOW_MS / 1000,
  iat: TEST_NOW_MS / 1000,
  jti: testId('m2mToken', 3),
  scopes: RECEIVER,
}

/** Signs what it is given: members, or the text of a part where its very spelling matters. */
export async function signToken(
  key: TestKey,
  payload: JsonObject | string = GOOD_PAYLOAD,
  header: JsonObject | string = headerOf(key),
): Promise<string> {
  const input = `${encodePart(header)}.${encodePart(payload)}`
  return `${input}.${encodeBase64url(await key.sign(new TextEncoder().encode(input)))}`
}

/** One part of a JWT. */
export function encodePart(part: JsonObject | string): string {
  const text = typeof part === 'string' ? part : JSON.stringify(part)
  return encodeBase64url(new TextEncoder().encode(text))
}

export function encodeBase64url(bytes: Uint8Array): string {
  const text = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
  return text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
}

/** The secret key of a machine, in form; no authority knows it. */
export function machineSecretOf(machineId: string): string {
  return credential('machine-secret', 'ak_', parseId('machine', machineId))
}

/** The secret of an instance, in form. */
export function instanceSecret(): string {
  return credential('instance-secret', 'sk_test_', new Uint8Array(20).fill(9))
}

/** An opaque token, in form. */
export function opaqueToken(tokenId: string): string {
  return credential('m2m-token', 'mt_', parseId('m2mToken', tokenId))
}

/** The secret of an API key, in form. */
export function apiKeySecret(apiKeyId: string): string {
  return credential('api-key', 'ak_', parseId('apiKey', apiKeyId))
}

function credential(kind: CredentialKind, prefix: string, idBytes: Uint8Array): string {
  const secret = new Uint8Array(24).fill(7)
  return formatCredential({ kind, prefix, keyVersion: 1, idBytes, secret }, () =>
    new Uint8Array(8).fill(5),
  )
}
