import { CountersignError } from '../token/errors.ts'
import type { M2MToken } from '../token/m2m-token.ts'
import { createM2MToken } from './m2m-creation.ts'
import { createCallers, createM2MVerification } from './m2m-verification.ts'
import type { Settings } from './options.ts'
import { about, done, idInPath, query } from './request.ts'
import type { Send } from './transport.ts'
import type {
  CreateM2MTokenParams,
  GetM2MTokenListParams,
  PaginatedList,
  M2MRevocation,
  RevokeM2MTokenParams,
  RevokeM2MTokensParams,
  VerifyM2MTokenParams,
  WithMachineSecretKey,
} from './types.ts'
import { toList, toM2MRevocation, toM2MToken } from './wire.ts'

/** Machine tokens. Every call throws `CountersignError`. */
export interface M2MApi {
  /** The answer alone has the `token`. Needs a machine's secret key. */
  createToken(params?: CreateM2MTokenParams): Promise<M2MToken>
  /** Newest first. A machine sees its own only. */
  list(params: GetM2MTokenListParams): Promise<PaginatedList<M2MToken>>
  /** Ends a token: an opaque one at once, a JWT once verifiers have seen its status list. */
  revokeToken(params: RevokeM2MTokenParams): Promise<M2MToken>
  /** Beyond Clerk: ends all that fit, or counts them. A machine ends its own only. */
  revokeTokens(params: RevokeM2MTokensParams): Promise<M2MRevocation>
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
    createToken: async (params: CreateM2MTokenParams = {}) =>
      // Nobody knows what became of a call without an answer, and a second token would be one too many.
      createM2MToken(send, params, { secret: secretFor(params), repeatable: false }),

    async list(params: GetM2MTokenListParams) {
      const { subject, tokenFormat, revoked, expired, limit, offset } = params
      const search = query({ subject, token_format: tokenFormat, revoked, expired, limit, offset })
      const path = `/m2m_tokens${search}`
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

    async revokeTokens(params: RevokeM2MTokensParams) {
      const body = {
        machine_id: params.machineId,
        secret_version: params.secretVersion,
        issued_before: params.issuedBefore,
        kid: params.kid,
        receiver_id: params.receiverId,
        entire_instance: params.entireInstance,
        dry_run: params.dryRun,
        revocation_reason: params.revocationReason,
      }
      const secret = secretFor(params)
      const path = '/m2m_tokens/revoke'
      const call = { method: 'POST', path, body, secret, success: 200, repeatable: true } as const
      const revocation = toM2MRevocation(await send(call))
      const asked = params.dryRun === true
      return done(revocation, revocation.dryRun === asked, 'what was asked for to be done')
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
