import type { JwtAlgorithm } from '../token/algorithms.ts'
import { decodeBase64url } from '../token/base64url.ts'
import { isJsonObject, type JsonObject } from '../token/json.ts'
import type { CheckSignature, Engine } from './engine/engine.ts'
import { isOfLowOrder, isRoca } from './weak-keys.ts'

/** A key of a set, ready to check signatures of its one algorithm. */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: JwtAlgorithm
  /** The public members, by which the same key is known when it is met again. */
  readonly jwk: Readonly<Record<string, string>>
  /** Bytes of a signature, which the algorithm and the key fix. */
  readonly signatureLength: number
  readonly check: CheckSignature
}

/** Keys by `kid`: whatever it is called, it is an entry and no property. */
export type Keys = ReadonlyMap<string, VerificationKey>

interface KeyType {
  readonly kty: string
  readonly crv?: string
  /** Spellings of `alg` that this key may carry; it may also carry none. */
  readonly names: readonly string[]
  readonly members: readonly string[]
  /** The length of a signature, or `null` when the members do not make a key of good strength. */
  measure(members: Readonly<Record<string, Uint8Array>>): number | null
}

const KEY_TYPES: Readonly<Record<JwtAlgorithm, KeyType>> = {
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

/** A JWK Set (RFC 7517 §5), of whose keys nothing is known. */
export interface JwkSet {
  readonly keys: readonly unknown[]
}

export function isJwkSet(value: unknown): value is JwkSet {
  return isJsonObject(value) && Array.isArray(value['keys'])
}

/**
 * The usable keys of a JWK Set (RFC 7517 §5). A key that is not fit is skipped, not the set; a `kid`
 * that stands twice names no key.
 *
 * @param known Keys from an earlier look: one that has not changed is not imported again.
 */
export async function importKeySet(
  { importKey }: Pick<Engine, 'importKey'>,
  set: JwkSet,
  known: Keys = new Map(),
): Promise<Keys> {
  const jwks = set.keys.filter(isJsonObject)
  const counts = new Map<unknown, number>()
  for (const { kid } of jwks) counts.set(kid, (counts.get(kid) ?? 0) + 1)
  const unique = jwks.filter(({ kid }) => counts.get(kid) === 1).slice(0, MAX_KEYS)
  const keys = await Promise.all(unique.map((jwk) => importJwk(importKey, jwk, known)))
  return new Map(keys.filter((key) => key !== null).map((key) => [key.kid, key]))
}

async function importJwk(
  importKey: Engine['importKey'],
  jwk: JsonObject,
  known: Keys,
): Promise<VerificationKey | null> {
  const { kid } = jwk
  if (typeof kid !== 'string' || kid === '' || kid.length > MAX_KID_CHARACTERS) return null
  const algorithm = algorithmOf(jwk)
  if (algorithm === null || !isForVerifying(jwk)) return null
  const type = KEY_TYPES[algorithm]
  const decoded = decodeMembers(jwk, type.members)
  const signatureLength = decoded === null ? null : type.measure(decoded)
  if (signatureLength === null) return null
  const members = publicMembers(jwk, type)
  const before = known.get(kid)
  if (before !== undefined && hasMembers(before.jwk, members)) return before
  try {
    const check = await importKey({ algorithm, jwk: members })
    return Object.freeze({ kid, algorithm, jwk: members, signatureLength, check })
  } catch {
    return null
  }
}

function algorithmOf(jwk: JsonObject): JwtAlgorithm | null {
  for (const algorithm of Object.keys(KEY_TYPES) as JwtAlgorithm[]) {
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

/** `kty` is among them, and with it the algorithm. */
function hasMembers(
  jwk: Readonly<Record<string, string>>,
  members: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(members).every(([name, value]) => jwk[name] === value)
}

/** Those that are in use; workerd takes no other, and a key has one verdict everywhere. */
const RSA_EXPONENTS = [3, 17, 65_537]

/** RFC 7518 §3.3 and §6.3.1: 2048 to 4096 bits, an odd modulus. */
function measureRsa({ n, e }: Readonly<Record<string, Uint8Array>>): number | null {
  if (n === undefined || e === undefined) return null
  if (n[0] === 0 || e[0] === 0 || e.length > 4) return null
  const exponent = e.reduce((value, byte) => value * 256 + byte, 0)
  const isOdd = ((n.at(-1) ?? 0) & 1) === 1
  const bits = n.length * 8 - Math.clz32(n[0] ?? 0) + 24
  const isFit = isOdd && RSA_EXPONENTS.includes(exponent) && bits >= 2048 && bits <= 4096
  return isFit && !isRoca(n) ? n.length : null
}
