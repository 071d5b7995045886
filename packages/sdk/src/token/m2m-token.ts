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
    const expiration = milliseconds(payload['exp'])
    const issuedAt = milliseconds(payload['iat']) ?? 0
    return new M2MToken(
      text(payload['jti']),
      text(payload['sub']),
      scopesOf(payload),
      ownClaims(payload),
      false,
      null,
      expiration !== null && expiration <= nowMs - clockSkewInMs,
      expiration,
      issuedAt,
      issuedAt,
    )
  }
}

/** A space-separated string, else the audience. */
function scopesOf({ scopes, aud }: JsonObject): string[] {
  if (typeof scopes === 'string') return scopes.match(/[^ ]+/g) ?? []
  return texts(typeof aud === 'string' ? [aud] : aud)
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}

/** Those that have a place of their own, and the one that would change the prototype of a copy. */
const NOT_OWN: ReadonlySet<string> = new Set([
  'iss',
  'sub',
  'exp',
  'nbf',
  'iat',
  'jti',
  '__proto__',
])

/** Of their own: whoever changes them changes nobody else's. */
function ownClaims(payload: JsonObject): Readonly<Record<string, unknown>> | null {
  let own: Record<string, unknown> | null = null
  for (const name of Object.keys(payload)) {
    if (!NOT_OWN.has(name)) (own ??= {})[name] = copyJson(payload[name])
  }
  return own
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : ''
}

function milliseconds(value: unknown): number | null {
  return typeof value === 'number' && Number.isFinite(value * 1000) ? value * 1000 : null
}
