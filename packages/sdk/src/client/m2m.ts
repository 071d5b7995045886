import { CountersignError } from '../token/errors.ts'
import type { M2MToken } from '../token/m2m-token.ts'
import { createCallers, createM2MVerification } from './m2m-verification.ts'
import type { Settings } from './options.ts'
import { about, done, idInPath, query } from './request.ts'
import type { Send } from './transport.ts'
import type {
  CreateM2MTokenParams,
  GetM2MTokenListParams,
  PaginatedList,
  RevokeM2MTokenParams,
  VerifyM2MTokenParams,
  WithMachineSecretKey,
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

export function createM2MApi(settings: Settings, send: Send): M2MApi {
  const callerOf = createCallers(settings)
  const secretFor = (params: WithMachineSecretKey): string => callerOf(params).secret
  const verification = createM2MVerification(settings, send)

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
      return done(token, token.token !== undefined, 'the answer to have the token')
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
      return done(token, token.revoked, 'the token to be revoked')
    },

    async verify(params: VerifyM2MTokenParams) {
      const { token } = params
      if (typeof token !== 'string') {
        throw new CountersignError('argument-invalid', { expected: 'token to be a string' })
      }
      if (token.startsWith('mt_')) return verification.opaque(params, token)
      if (token.includes('.')) return verification.local(params).verify(token)
      throw new CountersignError('token-class-mismatch', {
        expected: 'a machine token (mt_… or a JWT)',
      })
    },
  })
}
