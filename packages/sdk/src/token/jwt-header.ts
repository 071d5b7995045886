import { algorithmNamed, type JwtAlgorithm } from './algorithms.ts'
import { malformed, refusal } from './errors.ts'
import { isText, type JsonObject } from './json.ts'

/** What a header must say for its token to be of a class. */
export interface HeaderRules {
  /** Media types of `typ` without `application/`, in lower case (RFC 7515 §4.1.9). */
  readonly typ: string
  /** Whether `typ` may be absent. */
  readonly isTypOptional: boolean
  /** Values of `cat`; `undefined` where it may be absent. */
  readonly cat: readonly (string | undefined)[]
}

/** What a header that was judged says: nothing of it is authenticated. */
export interface JudgedHeader {
  readonly kid: string
  readonly algorithm: JwtAlgorithm
}

/**
 * Members of a header that refuse a token: those that bring a key along or say where one is to be
 * fetched (RFC 7515 §4.1.2–4.1.6), and those that change how the rest is to be read (`crit` RFC 7515
 * §4.1.11, of whose extensions none is understood here; `b64` RFC 7797 §7; `zip`, `enc` RFC 7516 §4.1).
 * Others that are not known are ignored, as RFC 7515 §4 demands.
 */
const REFUSED_MEMBERS = ['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'] as const

const MAX_KID_CHARACTERS = 128

/** What a key may be called, in a header and in a set. */
export function isKid(value: unknown): value is string {
  return isText(value) && value.length <= MAX_KID_CHARACTERS
}

/**
 * Judges a header: class first, then form, then algorithm.
 *
 * @param algorithms Those that this verifier accepts at all; the key decides among them.
 * @throws {CountersignError} `token-class-mismatch`, `token-malformed`, `token-algorithm-not-allowed`
 */
export function judgeHeader(
  header: JsonObject,
  rules: HeaderRules,
  algorithms: readonly JwtAlgorithm[],
): JudgedHeader {
  const { alg, kid } = header
  if (!isTypeOf(header, rules)) {
    throw refusal('token-class-mismatch', `typ ${rules.typ}`)
  }
  const { cat } = header
  if (!rules.cat.includes(cat as string | undefined)) {
    throw refusal('token-class-mismatch', `cat ${String(rules.cat)}`)
  }
  for (const name of REFUSED_MEMBERS) {
    if (Object.hasOwn(header, name)) throw malformed(`no ${name}`)
  }
  if (typeof alg !== 'string') throw malformed('alg to be a text')
  if (!isKid(kid)) throw malformed('kid to be a text')
  const algorithm = algorithmNamed(alg)
  if (algorithm === null || !algorithms.includes(algorithm)) {
    throw refusal('token-algorithm-not-allowed', `alg to be ${algorithms.join(' or ')}`)
  }
  return { kid, algorithm }
}

/** Media types are compared without case, and `application/` may be left out (RFC 7515 §4.1.9). */
function isTypeOf({ typ }: JsonObject, rules: HeaderRules): boolean {
  if (typ === undefined) return rules.isTypOptional
  return typeof typ === 'string' && typ.toLowerCase().replace(/^application\//, '') === rules.typ
}
