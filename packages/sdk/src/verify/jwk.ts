import { importKey } from '#signature'
import { decodeBase64url } from '../token/base64url.ts'
import { isJsonObject, type JsonObject } from '../token/json.ts'
import type { CheckSignature, PublicKeyMaterial } from './signature/signature.ts'

/** A key of a set, ready to check signatures of its one algorithm. */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: PublicKeyMaterial['algorithm']
  /** Bytes of a signature, where the algorithm fixes them. */
  readonly signatureLength: number
  readonly check: CheckSignature
}

interface KeyType {
  readonly kty: string
  readonly crv?: string
  /** Spellings of `alg` that this key may carry; it may also carry none. */
  readonly names: readonly string[]
  readonly members: readonly string[]
  /** The length of a signature, or `null` when the members do not make a key of good strength. */
  measure(members: Readonly<Record<string, Uint8Array>>): number | null
}

const KEY_TYPES: Readonly<Record<PublicKeyMaterial['algorithm'], KeyType>> = {
  RS256: { kty: 'RSA', names: ['RS256'], members: ['n', 'e'], measure: measureRsa },
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    names: ['ES256'],
    members: ['x', 'y'],
    measure: ({ x, y }) => (x?.length === 32 && y?.length === 32 ? 64 : null),
  },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    // RFC 9864 §2.2: Ed25519 is the same algorithm by its full name.
    names: ['EdDSA', 'Ed25519'],
    members: ['x'],
    measure: ({ x }) => (x?.length === 32 && !isOfLowOrder(x) ? 64 : null),
  },
}

const MAX_KEYS = 64
const MAX_KID_CHARACTERS = 128

/**
 * The usable keys of a JWK Set, by `kid` (RFC 7517 §5). A key that is not fit is skipped, not the
 * set; a `kid` that stands twice names no key. `null` when it is no key set at all.
 */
export async function importKeySet(
  set: unknown,
): Promise<ReadonlyMap<string, VerificationKey> | null> {
  if (!isJsonObject(set) || !Array.isArray(set['keys'])) return null
  const members = set['keys'].slice(0, MAX_KEYS).filter(isJsonObject)
  const kids = members.map((jwk) => jwk['kid'])
  const unique = members.filter(({ kid }) => kids.indexOf(kid) === kids.lastIndexOf(kid))
  const keys = await Promise.all(unique.map(importJwk))
  return new Map(keys.filter((key) => key !== null).map((key) => [key.kid, key]))
}

async function importJwk(jwk: JsonObject): Promise<VerificationKey | null> {
  const { kid } = jwk
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_CHARACTERS) return null
  const algorithm = algorithmOf(jwk)
  if (algorithm === null || !isForVerifying(jwk)) return null
  const type = KEY_TYPES[algorithm]
  const decoded = decodeMembers(jwk, type.members)
  const signatureLength = decoded === null ? null : type.measure(decoded)
  if (signatureLength === null) return null
  try {
    const check = await importKey({ algorithm, jwk: publicMembers(jwk, type) })
    return Object.freeze({ kid, algorithm, signatureLength, check })
  } catch {
    return null
  }
}

function algorithmOf(jwk: JsonObject): PublicKeyMaterial['algorithm'] | null {
  for (const algorithm of Object.keys(KEY_TYPES) as PublicKeyMaterial['algorithm'][]) {
    const { kty, crv, names } = KEY_TYPES[algorithm]
    if (jwk['kty'] !== kty || (crv !== undefined && jwk['crv'] !== crv)) continue
    const { alg } = jwk
    return alg === undefined || (typeof alg === 'string' && names.includes(alg)) ? algorithm : null
  }
  return null
}

/** RFC 7517 §4.2, §4.3; and a private member has no place in a published set. */
function isForVerifying(jwk: JsonObject): boolean {
  const { use, key_ops: operations } = jwk
  if (use !== undefined && use !== 'sig') return false
  if (operations !== undefined && !(Array.isArray(operations) && operations.includes('verify'))) {
    return false
  }
  return !['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'].some((name) => Object.hasOwn(jwk, name))
}

function decodeMembers(
  jwk: JsonObject,
  names: readonly string[],
): Readonly<Record<string, Uint8Array>> | null {
  const decoded: Record<string, Uint8Array> = {}
  for (const name of names) {
    const text = jwk[name]
    const bytes = typeof text === 'string' && text.length <= 1024 ? decodeBase64url(text) : null
    if (bytes === null) return null
    decoded[name] = bytes
  }
  return decoded
}

function publicMembers(jwk: JsonObject, type: KeyType): Readonly<Record<string, string>> {
  const names = ['kty', ...(type.crv === undefined ? [] : ['crv']), ...type.members]
  return Object.fromEntries(names.map((name) => [name, jwk[name] as string]))
}

/**
 * The Ed25519 points whose order divides 8, by their y in little-endian, two of them not reduced. Under
 * such a key one signature fits many messages or all, and the platforms take it (RFC 8032 §8.4 leaves it
 * to the caller).
 */
const LOW_ORDER: readonly string[] = [
  '00'.repeat(32),
  '01' + '00'.repeat(31),
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ec' + 'ff'.repeat(30) + '7f',
  'ed' + 'ff'.repeat(30) + '7f',
  'ee' + 'ff'.repeat(30) + '7f',
]

function isOfLowOrder(point: Uint8Array): boolean {
  // The highest bit is the sign of x.
  const y = point.map((byte, index) => (index === 31 ? byte & 0x7f : byte))
  return LOW_ORDER.includes(Array.from(y, (byte) => byte.toString(16).padStart(2, '0')).join(''))
}

/** RFC 7518 §3.3 and §6.3.1: 2048 to 4096 bits, an odd modulus, an odd exponent from 3 to 2^32. */
function measureRsa({ n, e }: Readonly<Record<string, Uint8Array>>): number | null {
  if (n === undefined || e === undefined) return null
  const wellFormed = n[0] !== 0 && e[0] !== 0 && e.length >= 1 && e.length <= 4
  const odd = ((n.at(-1) ?? 0) & 1) === 1 && ((e.at(-1) ?? 0) & 1) === 1
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24
  const isOne = e.length === 1 && e[0] === 1
  return wellFormed && odd && !isOne && bits >= 2048 && bits <= 4096 ? n.length : null
}
