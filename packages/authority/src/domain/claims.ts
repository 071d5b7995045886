import { RESERVED_CLAIMS } from 'countersign/token'
import { AuthorityError } from './errors.ts'

/** The most that a token's own claims may measure, as JSON in UTF-8. */
export const MAX_CLAIMS_BYTES = 4096

/** The most levels of objects and arrays in them. */
export const MAX_CLAIMS_DEPTH = 16

/** The most named members in them, at all levels: a verifier takes 256 in a whole token. */
export const MAX_CLAIMS_MEMBERS = 200

const RESERVED: ReadonlySet<string> = new Set(RESERVED_CLAIMS)

/**
 * Checks what a caller wants to put into a token and gives it as JSON text; `null` for nothing.
 *
 * @throws {AuthorityError} `claims_invalid`, naming the claim or the bound.
 */
export function encodeClaims(claims: unknown, format: 'opaque' | 'jwt'): string | null {
  if (claims === undefined || claims === null) return null
  if (depthExceeds(claims, MAX_CLAIMS_DEPTH)) {
    throw invalid(`claims may be nested at most ${MAX_CLAIMS_DEPTH} levels deep.`)
  }
  if (countMembers(claims) > MAX_CLAIMS_MEMBERS) {
    throw invalid(`claims may have at most ${MAX_CLAIMS_MEMBERS} named members.`)
  }
  refuseUnfit(claims)
  if (format === 'jwt') checkJwtClaims(claims)
  const text = JSON.stringify(claims)
  if (Buffer.byteLength(text) > MAX_CLAIMS_BYTES) {
    throw invalid(`claims may have at most ${MAX_CLAIMS_BYTES} bytes as JSON.`)
  }
  // A JWT has its members among others.
  return format === 'jwt' && text === '{}' ? null : text
}

/** The same text for equal claims, whatever the order of their members. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) =>
    isObject(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
}

function checkJwtClaims(claims: unknown): void {
  if (!isObject(claims)) throw invalid('the claims of a JWT must be a JSON object.')
  for (const name of Object.keys(claims)) {
    if (!RESERVED.has(name)) continue
    throw invalid(`the claim "${name}" is set by the authority and cannot be given.`)
  }
}

/**
 * A number that no double holds would become null on its way. Consumers merge claims into objects: a
 * member called `__proto__` would set their prototype.
 */
function refuseUnfit(value: unknown): void {
  if (typeof value === 'number' && !Number.isFinite(value)) {
    throw invalid('a number in claims is too large for JSON to carry.')
  }
  if (typeof value !== 'object' || value === null) return
  if (Object.hasOwn(value, '__proto__')) throw invalid('the claim "__proto__" cannot be given.')
  for (const member of Object.values(value)) refuseUnfit(member)
}

function countMembers(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0
  const own = Array.isArray(value) ? 0 : Object.keys(value).length
  return Object.values(value).reduce<number>((sum, member) => sum + countMembers(member), own)
}

function depthExceeds(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  if (levels === 0) return true
  return Object.values(value).some((member) => depthExceeds(member, levels - 1))
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function invalid(explanation: string): AuthorityError {
  return new AuthorityError('claims_invalid', { explanation, parameter: 'claims' })
}
