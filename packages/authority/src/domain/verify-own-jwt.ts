import { createPublicKey, type KeyObject, verify } from 'node:crypto'
import {
  CountersignError,
  type JsonObject,
  judgeHeader,
  judgeM2MClaims,
  JWT_ALGORITHMS,
  M2M_HEADER,
  parseJws,
  RESERVED_CLAIMS,
} from 'countersign/token'
import type { Context } from './context.ts'
import type { JwtFacts } from './jwt.ts'
import { type M2MToken, m2mTokenFromJwt } from './m2m-token.ts'
import type { SigningKeyRecord } from './records.ts'
import type { SigningKeys } from './key-ring.ts'

/** Checks a JWT that this authority may have signed; `null` when it is not valid now. */
export type VerifyOwnJwt = (text: string, now: number) => Promise<M2MToken | null>

/** By the same rules as the SDK, with no tolerance: it is the authority's own clock. */
export function createOwnJwtVerifier(
  { issuer, store }: Pick<Context, 'issuer' | 'store'>,
  signingKeys: SigningKeys,
): VerifyOwnJwt {
  const publicKeys = new Map<string, KeyObject>()

  const publicKeyOf = ({ kid, publicJwk }: SigningKeyRecord): KeyObject => {
    const known = publicKeys.get(kid)
    if (known !== undefined) return known
    const imported = createPublicKey({ key: publicJwk, format: 'jwk' })
    publicKeys.set(kid, imported)
    return imported
  }

  const read = async (text: string, now: number): Promise<JwtFacts | null> => {
    const { header, payload, signingInput, signature } = parseJws(text)
    const { kid, algorithm } = judgeHeader(header, M2M_HEADER, JWT_ALGORITHMS)
    const record = await signingKeys.find(kid)
    if (record?.algorithm !== algorithm) return null
    const input = { key: publicKeyOf(record), dsaEncoding: 'ieee-p1363' as const }
    const digest = algorithm === 'EdDSA' ? null : 'sha256'
    if (!verify(digest, signingInput, input, signature)) return null
    const expected = { issuer, audience: null, clockToleranceSeconds: 0 }
    const { sub, aud, exp, iat, jti } = judgeM2MClaims(payload, expected, now)
    const claims = Object.entries(payload).filter(([name]) => !RESERVED_CLAIMS.includes(name))
    return {
      id: jti,
      machineId: sub,
      receiverIds: aud,
      issuedAt: iat,
      expiresAt: exp,
      claims: claims.length === 0 ? null : JSON.stringify(Object.fromEntries(claims)),
      status: statusOf(payload),
    }
  }

  return async (text, now) => {
    try {
      const facts = await read(text, now)
      if (facts === null) return null
      // The key still fits, but the machine may be gone.
      if ((await store.machine(facts.machineId)) === null) return null
      if (facts.status === null) return m2mTokenFromJwt(facts)
      const row = await store.m2mToken(facts.id)
      return row?.format === 'jwt' && row.revokedAt === null ? m2mTokenFromJwt(facts, row) : null
    } catch (error) {
      if (error instanceof CountersignError) return null
      throw error
    }
  }
}

/** Whatever is there counts as one: only its row can say that such a token is good. */
function statusOf({ status }: JsonObject): JwtFacts['status'] {
  return status === undefined ? null : (status as { status_list: JwtFacts['status'] }).status_list
}
