import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'
import type { KeyVault } from './ports.ts'
import type { SigningKeyRecord } from './records.ts'

/** Clerk's class tag of a machine token: with it no session verifier takes the token for its own. */
export const M2M_CATEGORY = 'cl_B7d4PD333AAA'

/** What a machine JWT says, besides the caller's own claims. */
export interface JwtFacts {
  readonly id: string
  readonly machineId: string
  readonly receiverIds: readonly string[]
  /** Epoch seconds. */
  readonly issuedAt: number
  /** Epoch seconds. */
  readonly expiresAt: number
  /** A JSON object with members, as text, free of reserved names; `null` for none. */
  readonly claims: string | null
}

/** Signs machine JWTs (RFC 7515 compact serialization). */
export type SignJwt = (key: SigningKeyRecord, facts: JwtFacts) => Promise<string>

export function createJwtSigner(context: Pick<Context, 'issuer'>, vault: KeyVault): SignJwt {
  const headers = new Map<string, string>()
  return async (key, facts) => {
    let header = headers.get(key.kid)
    if (header === undefined) {
      header = encodeHeader(key)
      headers.set(key.kid, header)
    }
    const signingInput = `${header}.${encodePayload(context.issuer, facts)}`
    const signature = await signWith(vault, key, Buffer.from(signingInput))
    return `${signingInput}.${Buffer.from(signature).toString('base64url')}`
  }
}

/** A vault may be another machine: what it could not do is no defect of ours, and may pass. */
async function signWith(
  vault: KeyVault,
  key: SigningKeyRecord,
  data: Uint8Array,
): Promise<Uint8Array> {
  try {
    return await vault.sign(key, data)
  } catch (cause) {
    throw new AuthorityError('signing_unavailable', { cause })
  }
}

function encodeHeader(key: SigningKeyRecord): string {
  const header = { alg: key.algorithm, typ: 'JWT', kid: key.kid, cat: M2M_CATEGORY }
  return Buffer.from(JSON.stringify(header)).toString('base64url')
}

/** The authority's own claims come first; the caller's follow as the text that was checked. */
function encodePayload(issuer: string, facts: JwtFacts): string {
  const own = JSON.stringify({
    iss: issuer,
    sub: facts.machineId,
    aud: facts.receiverIds,
    exp: facts.expiresAt,
    nbf: facts.issuedAt,
    iat: facts.issuedAt,
    jti: facts.id,
    ...(facts.receiverIds.length > 0 && { scopes: facts.receiverIds.join(' ') }),
  })
  const claims = facts.claims === null ? '' : `,${facts.claims.slice(1, -1)}`
  return Buffer.from(`${own.slice(0, -1)}${claims}}`).toString('base64url')
}
