import { CountersignError } from '../../token/errors.ts'
import { MAX_TOKEN_CHARACTERS } from '../../token/jws.ts'
import { isM2MJwt } from '../../token/token-type.ts'
import { createM2MToken } from '../m2m-creation.ts'
import { done } from '../request.ts'
import type { Send } from '../transport.ts'
import type { Wanted } from './options.ts'
import type { SharedToken } from './store.ts'

/** A token that may be handed out, and for how long. */
export interface Grant {
  readonly token: string
  /** How long it lives from its creation; infinite where it has no end. */
  readonly lifetimeMs: number
  /** Epoch milliseconds, by the authority's clock. */
  readonly expiresAtMs: number
  /** At this age it is renewed, beside the call that notices. */
  readonly renewAtMs: number
  /** At this age it could expire on its way. */
  readonly lateAtMs: number
}

/**
 * Not all processes renew at the same moment, though all were started at the same moment. And by then
 * there is still time for several tries.
 */
const RENEW = { from: 0.7, to: 0.85 } as const

/** The time that a call may be on its way: the last tenth of a life, at most so long. */
const MAX_JOURNEY_MS = 5_000

/**
 * Has the authority create a token. Asking twice does no harm: a token whose answer was lost is one that
 * nobody has.
 *
 * @throws {CountersignError}
 */
export async function mintGrant(
  send: Send,
  secret: string,
  wanted: Wanted,
  random: () => number,
): Promise<Grant> {
  const created = await createM2MToken(send, wanted, { secret, repeatable: true })
  const { token, revoked, expired, expiration, createdAt, scopes } = created
  done(created, isTokenOf(wanted.tokenFormat, token), `a token of format ${wanted.tokenFormat}`)
  done(created, !revoked && !expired, 'a token that is neither revoked nor expired')
  // An authority that does not know how to narrow a token would give one that reaches further.
  const isNarrow = wanted.scopes === undefined || isSame(wanted.scopes, scopes)
  done(created, isNarrow, 'a token for the scopes that were asked for, and no others')
  const lifetimeMs = expiration === null ? Infinity : expiration - createdAt
  return plan(token, lifetimeMs, expiration ?? Infinity, random)
}

/** A shared token, and its age by this process's clock; `null` for what is of no use. */
export function grantOfShared(
  { token, lifetimeMs, expiresAtMs }: SharedToken,
  { tokenFormat }: Wanted,
  nowMs: number,
  random: () => number,
): readonly [grant: Grant, ageMs: number] | null {
  if (!isTokenOf(tokenFormat, token)) return null
  const grant = plan(token, lifetimeMs ?? Infinity, expiresAtMs ?? Infinity, random)
  // A clock that is behind the authority's must not make a life longer.
  const ageMs = expiresAtMs === null ? 0 : Math.max(0, grant.lifetimeMs - (expiresAtMs - nowMs))
  return ageMs < grant.renewAtMs ? [grant, ageMs] : null
}

export function toShared({ token, lifetimeMs, expiresAtMs }: Grant): SharedToken {
  return Number.isFinite(lifetimeMs)
    ? { token, lifetimeMs, expiresAtMs }
    : { token, lifetimeMs: null, expiresAtMs: null }
}

function plan(token: string, lifetimeMs: number, expiresAtMs: number, random: () => number): Grant {
  const renewAtMs = lifetimeMs * (RENEW.from + (RENEW.to - RENEW.from) * random())
  const lateAtMs = lifetimeMs - Math.min(MAX_JOURNEY_MS, lifetimeMs / 10)
  return { token, lifetimeMs, expiresAtMs, renewAtMs, lateAtMs }
}

/** Nothing else goes into an `Authorization` header, whatever an authority or a store says. */
function isTokenOf(format: Wanted['tokenFormat'], token: string): boolean {
  if (format === 'jwt') return isM2MJwt(token)
  return token.length <= MAX_TOKEN_CHARACTERS && /^mt_[\w.~+/-]+=*$/.test(token)
}

function isSame(wanted: readonly string[], given: readonly string[]): boolean {
  return wanted.length === new Set(given).size && given.every((id) => wanted.includes(id))
}

/** When what came is of no use any more. */
export function tooLate(): CountersignError {
  return new CountersignError('answer-unexpected', {
    expected: 'a token that still lives when it arrives',
  })
}
