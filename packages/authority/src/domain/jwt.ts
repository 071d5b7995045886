import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'
import type { KeyVault } from './ports.ts'
import type { SigningKeyRecord } from './records.ts'

/** Clerk's class tag of a machine token: with it no session verifier takes the token for its own. */
export const M2M_CATEGORY = 'cl_B7d4PD333AAA'

/** The longest life of a JWT: its key must stay published as long (`domain/key-plan.ts`). */
export const MAX_JWT_SECONDS = 86_400

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
  /** Where its status is found; `null` when it has none. */
  readonly status: { readonly idx: number; readonly uri: string } | null
}

/** Signs a payload that is JSON text (RFC 7515 compact serialization); see {@link encodeHeader}. */
export type SignCompact = (
  key: SigningKeyRecord,
  header: string,
  payload: string,
) => Promise<string>

export function createCompactSigner(vault: KeyVault): SignCompact {
  return async (key, header, payload) => {
    const input = `${header}.${Buffer.from(payload).toString('base64url')}`
    const signature = await signWith(vault, key, Buffer.from(input))
    return `${input}.${Buffer.from(signature).toString('base64url')}`
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

/** Signs machine JWTs. */
export type SignJwt = (key: SigningKeyRecord, facts: JwtFacts) => Promise<string>

export function createJwtSigner(
  { issuer }: Pick<Context, 'issuer'>,
  signCompact: SignCompact,
): SignJwt {
  const headers = new Map<string, string>()
  return (key, facts) => {
    let header = headers.get(key.kid)
    if (header === undefined) {
      header = encodeHeader(key, { typ: 'JWT', cat: M2M_CATEGORY })
      headers.set(key.kid, header)
    }
    return signCompact(key, header, payloadOf(issuer, facts))
  }
}

/** The first part of what a key signs. */
export function encodeHeader(
  { algorithm, kid }: SigningKeyRecord,
  { typ, cat }: { readonly typ: string; readonly cat?: string },
): string {
  return Buffer.from(JSON.stringify({ alg: algorithm, typ, kid, cat })).toString('base64url')
}

/**
 * The caller's claims stand in the middle, as the text that was checked. What differs from one token of a
 * machine to the next stands last: a verifier that knows the machine need not read the rest again.
 */
function payloadOf(issuer: string, facts: JwtFacts): string {
  const { receiverIds, claims, status, issuedAt } = facts
  // What is `undefined` is not written.
  const same = JSON.stringify({
    iss: issuer,
    sub: facts.machineId,
    aud: receiverIds,
    scopes: receiverIds.length > 0 ? receiverIds.join(' ') : undefined,
  })
  const own = JSON.stringify({
    status: status === null ? undefined : { status_list: { uri: status.uri, idx: status.idx } },
    exp: facts.expiresAt,
    nbf: issuedAt,
    iat: issuedAt,
    jti: facts.id,
  })
  const middle = claims === null ? ',' : `,${claims.slice(1, -1)},`
  return same.slice(0, -1) + middle + own.slice(1)
}
