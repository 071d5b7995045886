import { parseCredential } from '../token/credential.ts'
import { CountersignError } from '../token/errors.ts'
import type { M2MToken } from '../token/m2m-token.ts'
import { isJwtFormat, isM2MJwt } from '../token/token-type.ts'
import { createRemoteKeySet } from '../verify/key-set.ts'
import { createVerifier, type Verifier } from '../verify/verifier.ts'
import { isOurKey, machineIdOf, type Settings } from './options.ts'
import { about, idInPath, notFoundAsInvalid, query, required } from './request.ts'
import type { Send } from './transport.ts'
import type {
  CreateM2MTokenParams,
  GetM2MTokenListParams,
  PaginatedList,
  RevokeM2MTokenParams,
  VerifyM2MTokenParams,
} from './types.ts'
import { toList, toM2MToken } from './wire.ts'

/** Machine tokens. Every call throws `CountersignError`. */
export interface M2MApi {
  /** The answer alone has the `token`. Needs a machine's secret key. */
  createToken(params?: CreateM2MTokenParams): Promise<M2MToken>
  /** Opaque tokens, newest first. A machine sees its own only. */
  list(params: GetM2MTokenListParams): Promise<PaginatedList<M2MToken>>
  /** Ends an opaque token at once. */
  revokeToken(params: RevokeM2MTokenParams): Promise<M2MToken>
  /**
   * Checks a token: a JWT here, against the public key set; an opaque one by asking the authority.
   * With a machine's secret key it must be meant for that machine; with the instance key alone any
   * receiver is accepted.
   */
  verify(params: VerifyM2MTokenParams): Promise<M2MToken>
}

/** Verifiers are kept for this many machine keys of one client. */
const MAX_VERIFIERS = 64

export function createM2MApi(settings: Settings, send: Send): M2MApi {
  const secretFor = (params: { readonly machineSecretKey?: string }): string =>
    required(
      nonEmpty(params.machineSecretKey) ?? settings.machineSecretKey() ?? settings.secretKey(),
      'machineSecretKey or secretKey',
    )
  const verifierFor = createVerifiers(settings)

  return Object.freeze({
    async createToken(params: CreateM2MTokenParams = {}) {
      const body = {
        token_format: params.tokenFormat ?? 'opaque',
        seconds_until_expiration: params.secondsUntilExpiration ?? null,
        claims: params.claims ?? null,
        min_remaining_ttl_seconds: params.minRemainingTtlSeconds,
        scopes: params.scopes,
      }
      const secret = secretFor(params)
      const path = '/m2m_tokens'
      const call = { method: 'POST', path, body, secret, success: 201, repeatable: false } as const
      const token = toM2MToken(await send(call))
      if (token.token !== undefined) return token
      throw new CountersignError('answer-unexpected', { expected: 'the answer to have the token' })
    },

    async list(params: GetM2MTokenListParams) {
      const { subject, revoked, expired, limit, offset } = params
      const path = `/m2m_tokens${query({ subject, revoked, expired, limit, offset })}`
      const secret = secretFor(params)
      const call = { method: 'GET', path, secret, success: 200, repeatable: true } as const
      return toList('m2m_tokens', toM2MToken)(await send(call))
    },

    async revokeToken(params: RevokeM2MTokenParams) {
      const path = `/m2m_tokens/${idInPath('m2mTokenId', params.m2mTokenId)}/revoke`
      const body = { revocation_reason: params.revocationReason ?? null }
      const secret = secretFor(params)
      const call = { method: 'POST', path, body, secret, success: 200, repeatable: true } as const
      const token = about(params.m2mTokenId, toM2MToken(await send(call)))
      if (token.revoked) return token
      throw new CountersignError('answer-unexpected', { expected: 'the token to be revoked' })
    },

    async verify(params: VerifyM2MTokenParams) {
      const { token } = params
      if (typeof token !== 'string') {
        throw new CountersignError('argument-invalid', { expected: 'token to be a string' })
      }
      const secret = secretFor(params)
      if (isJwtFormat(token)) {
        if (isM2MJwt(token)) return verifierFor(secret).verify(token)
        throw new CountersignError('token-class-mismatch', { expected: 'a machine’s JWT' })
      }
      return verifyOpaque(send, secret, token)
    },
  })
}

/**
 * A verifier for the machine of each key: its id is in its key. With both keys given the machine's
 * rule applies, since its key is the one that says who is asking.
 */
function createVerifiers(settings: Settings): (secret: string) => Verifier {
  const { apiUrl, issuer, fetch, monotonicMs, now } = settings
  const keys = createRemoteKeySet({ url: `${apiUrl}/.well-known/jwks.json`, fetch, monotonicMs })
  const verifiers = new Map<string | null, Verifier>()
  return (secret) => {
    const audience = audienceOf(secret)
    const known = verifiers.get(audience)
    if (known !== undefined) return known
    const verifier = createVerifier({ issuer, audience, keys, now })
    if (verifiers.size < MAX_VERIFIERS) verifiers.set(audience, verifier)
    return verifier
  }
}

function audienceOf(secret: string): string | null {
  if (secret.startsWith('sk_')) return null
  const machineId = machineIdOf(secret)
  if (machineId !== null) return machineId
  throw new CountersignError('configuration-invalid', {
    expected:
      'machineSecretKey to be a key of this authority, which tells its machine’s id; without one ' +
      'the receivers of a JWT cannot be checked',
  })
}

async function verifyOpaque(send: Send, secret: string, token: string): Promise<M2MToken> {
  if (!token.startsWith('mt_')) {
    throw new CountersignError('token-class-mismatch', {
      expected: 'a machine token (mt_… or a JWT)',
    })
  }
  // Only a key of our own kind says that the authority's tokens have checksums.
  if (isOurKey(secret) && parseCredential(token)?.kind !== 'm2m-token') {
    throw new CountersignError('token-malformed', { expected: 'a right checksum' })
  }
  const verified = toM2MToken(await askAuthority(send, secret, token))
  const id = parseCredential(token)?.id
  if (id !== undefined && isOurKey(secret)) about(id, verified)
  if (!verified.revoked && !verified.expired) return verified
  throw new CountersignError('answer-unexpected', {
    expected: 'a token that is neither revoked nor expired',
  })
}

async function askAuthority(send: Send, secret: string, token: string): ReturnType<Send> {
  const path = '/m2m_tokens/verify'
  const body = { token }
  try {
    return await send({ method: 'POST', path, body, secret, success: 200, repeatable: true })
  } catch (error) {
    throw notFoundAsInvalid(error)
  }
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
