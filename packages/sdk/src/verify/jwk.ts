import { algorithmNamed, JWT_ALGORITHMS, type JwtAlgorithm } from '../token/algorithms.ts'
import { decodeBase64url } from '../token/base64url.ts'
import { isJsonObject, isText, type JsonObject } from '../token/json.ts'
import { isKid } from '../token/jwt-header.ts'
import type { CheckSignature, Engine } from './engine/engine.ts'
import { isOfLowOrder, isRoca } from './weak-keys.ts'

/** A key of a set, ready to check signatures of its one algorithm. */
export interface VerificationKey {
  readonly kid: string
  readonly algorithm: JwtAlgorithm
  /** The public members as JSON, by which the same key is known when it is met again. */
  readonly jwk: string
  /** Bytes of a signature, which the algorithm and the key fix. */
  readonly signatureLength: number
  readonly check: CheckSignature
}

/** Keys by `kid`: whatever it is called, it is an entry and no property. */
export type Keys = ReadonlyMap<string, VerificationKey>

interface KeyType {
  readonly kty: string
  readonly crv?: string
  readonly members: readonly string[]
  /** The length of a signature; 0 when the members do not make a key of good strength. */
  measure(jwk: JsonObject): number
}

const KEY_TYPES: Readonly<Record<JwtAlgorithm, KeyType>> = {
  RS256: { kty: 'RSA', members: ['n', 'e'], measure: measureRsa },
  ES256: {
    kty: 'EC',
    crv: 'P-256',
    members: ['x', 'y'],
    measure: ({ x, y }) => (decode(x).length === 32 && decode(y).length === 32 ? 64 : 0),
  },
  EdDSA: {
    kty: 'OKP',
    crv: 'Ed25519',
    members: ['x'],
    measure({ x }) {
      const point = decode(x)
      return point.length === 32 && !isOfLowOrder(point) ? 64 : 0
    },
  },
}

/** Looked at; a set that is larger is not an issuer's. */
const MAX_KEYS = 256

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
  const jwks = set.keys.slice(0, MAX_KEYS).filter(isJsonObject)
  const kids = jwks.map(({ kid }) => kid)
  const unique = jwks.filter(({ kid }) => kids.filter((one) => one === kid).length === 1)
  const keys = await Promise.all(unique.map((jwk) => importJwk(importKey, jwk, known)))
  return new Map(keys.filter((key) => key !== null).map((key) => [key.kid, key]))
}

async function importJwk(
  importKey: Engine['importKey'],
  jwk: JsonObject,
  known: Keys,
): Promise<VerificationKey | null> {
  const { kid } = jwk
  if (!isKid(kid)) return null
  const algorithm = algorithmOf(jwk)
  if (algorithm === null || !isForVerifying(jwk)) return null
  const type = KEY_TYPES[algorithm]
  const signatureLength = type.measure(jwk)
  if (signatureLength === 0) return null
  const members = publicMembers(jwk, type)
  const text = JSON.stringify(members)
  const before = known.get(kid)
  if (before?.jwk === text) return before
  try {
    const check = await importKey({ algorithm, jwk: members })
    return { kid, algorithm, jwk: text, signatureLength, check }
  } catch {
    return null
  }
}

function algorithmOf({ kty, crv, alg }: JsonObject): JwtAlgorithm | null {
  const algorithm = JWT_ALGORITHMS.find((name) => {
    const type = KEY_TYPES[name]
    return type.kty === kty && type.crv === crv
  })
  const isFit = algorithm !== undefined && (alg === undefined || algorithmNamed(alg) === algorithm)
  return isFit ? algorithm : null
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

/** Of what is no member of a key, and of what is too long for one, there are no bytes. */
function decode(value: unknown): Uint8Array {
  const isPossible = isText(value) && value.length <= 1024
  return (isPossible ? decodeBase64url(value) : null) ?? new Uint8Array()
}

function publicMembers(jwk: JsonObject, type: KeyType): Readonly<Record<string, string>> {
  const names = ['kty', 'crv', ...type.members]
  return Object.fromEntries(names.map((name) => [name, jwk[name] as string]))
}

/** 3, 17 and 65,537: those that are in use. workerd takes no other, and a key has one verdict everywhere. */
const RSA_EXPONENTS: readonly unknown[] = ['Aw', 'EQ', 'AQAB']

/** RFC 7518 §3.3 and §6.3.1: 2048 to 4096 bits, an odd modulus. */
function measureRsa({ n, e }: JsonObject): number {
  const modulus = decode(n)
  const { length } = modulus
  const [first = 0] = modulus
  const last = modulus.at(-1) ?? 0
  const bits = length * 8 - Math.clz32(first) + 24
  const isFit = first > 0 && last % 2 === 1 && bits >= 2048 && bits <= 4096
  return isFit && RSA_EXPONENTS.includes(e) && !isRoca(modulus) ? length : 0
}
