import { copyJson, type JsonObject } from './json.ts'

/** A machine token on the wire (Clerk's Backend API, `machine_to_machine_token`). */
export interface M2MTokenJSON {
  readonly object: 'machine_to_machine_token'
  readonly id: string
  readonly subject: string
  readonly scopes?: readonly string[]
  readonly claims?: unknown
  readonly revoked: boolean
  readonly revocation_reason: string | null
  readonly expired: boolean
  readonly expiration: number | null
  readonly created_at: number
  readonly updated_at: number
  readonly token?: string
}

/** A machine token in either format. Times are epoch milliseconds. */
export class M2MToken {
  declare readonly id: string
  /** The machine that it was issued to. */
  declare readonly subject: string
  /** The machines that it may reach. */
  declare readonly scopes: string[]
  /** The creator's own claims; of a JWT also `aud` and `scopes`. `null` for none. */
  declare readonly claims: Readonly<Record<string, unknown>> | null
  declare readonly revoked: boolean
  declare readonly revocationReason: string | null
  declare readonly expired: boolean
  declare readonly expiration: number | null
  declare readonly createdAt: number
  declare readonly updatedAt: number
  /** The token itself, in the answer to its creator only. */
  declare readonly token?: string | undefined

  constructor(
    id: string,
    subject: string,
    scopes: string[],
    claims: Readonly<Record<string, unknown>> | null,
    revoked: boolean,
    revocationReason: string | null,
    expired: boolean,
    expiration: number | null,
    createdAt: number,
    updatedAt: number,
    token?: string,
  ) {
    this.id = id
    this.subject = subject
    this.scopes = scopes
    this.claims = claims
    this.revoked = revoked
    this.revocationReason = revocationReason
    this.expired = expired
    this.expiration = expiration
    this.createdAt = createdAt
    this.updatedAt = updatedAt
    this.token = token
  }

  /** From the wire. */
  static fromJSON(data: M2MTokenJSON): M2MToken {
    return new M2MToken(
      data.id,
      data.subject,
      texts(data.scopes),
      (data.claims ?? null) as Record<string, unknown> | null,
      data.revoked,
      data.revocation_reason,
      data.expired,
      data.expiration,
      data.created_at,
      data.updated_at,
      data.token,
    )
  }

  /**
   * From the payload of a JWT that has been verified. Members of an odd type are read as absent, so
   * that nothing a machine puts into its claims can throw here.
   *
   * @param clockSkewInMs How long past its `exp` it is not yet called expired.
   * @param nowMs Epoch milliseconds. The default is the one clock that is read here: Clerk's function
   *   of this name takes none.
   */
  static fromJwtPayload(
    payload: JsonObject,
    clockSkewInMs = 5_000,
    // eslint-disable-next-line no-restricted-syntax -- only where the caller gives no clock
    nowMs: number = Date.now(),
  ): M2MToken {
    return tokenOf(factsOf(payload), clockSkewInMs, nowMs)
  }
}

/** The claims of a machine JWT, sorted once for all the tokens that are made of them. */
export interface M2MFacts extends JsonObject {
  readonly scopes: readonly string[]
  /** The creator's own claims; `null` for none. */
  readonly own: JsonObject | null
  /** Which of them are more than a text, a number, a truth value or `null`. */
  readonly nested: readonly string[]
}

export function factsOf(payload: JsonObject): M2MFacts {
  // Taken out by name: what is left is copied in a tenth of the time that member by member takes. One
  // called `__proto__` would change the prototype of whoever copies it.
  const {
    iss: _iss,
    sub,
    exp,
    nbf,
    iat,
    jti,
    status,
    ['__proto__']: _proto,
    ...own
  } = { ...payload }
  const names = Object.keys(own)
  return {
    sub,
    exp,
    nbf,
    iat,
    jti,
    status,
    scopes: scopesOf(payload),
    own: names.length === 0 ? null : own,
    nested: names.filter((name) => typeof own[name] === 'object'),
  }
}

/** A token of its own for whoever asks, who may change all of it. */
export function tokenOf(facts: M2MFacts, clockSkewInMs: number, nowMs: number): M2MToken {
  const { jti, sub, scopes, exp, iat } = facts
  const expiration = milliseconds(exp)
  const issuedAt = milliseconds(iat) ?? 0
  return new M2MToken(
    text(jti),
    text(sub),
    scopes.slice(),
    ownClaims(facts),
    false,
    null,
    expiration !== null && expiration <= nowMs - clockSkewInMs,
    expiration,
    issuedAt,
    issuedAt,
  )
}

function ownClaims({ own, nested }: M2MFacts): Readonly<Record<string, unknown>> | null {
  if (own === null) return null
  const claims: Record<string, unknown> = { ...own }
  for (const name of nested) claims[name] = copyJson(own[name])
  return claims
}

/** A space-separated string, else the audience. */
function scopesOf({ scopes, aud }: JsonObject): string[] {
  if (typeof scopes === 'string') return scopes.split(' ').filter((one) => one !== '')
  return texts(typeof aud === 'string' ? [aud] : aud)
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function milliseconds(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value * 1000) ? value * 1000 : null
}
