import { CountersignError } from '../token/errors.ts'
import type { M2MToken } from '../token/m2m-token.ts'
import type { JwtVerifier } from '../verify/jwt-verifier.ts'
import { createM2MVerifier } from '../verify/verifier.ts'
import { checkMachineSecretKey, machineIdOf, type Settings } from './options.ts'
import { idOfPresented } from './presented.ts'
import { about, done, idInPath, notFoundAsInvalid, query, required } from './request.ts'
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

/** Verifiers are kept for this many machine keys of one client. */
const MAX_VERIFIERS = 64

export function createM2MApi(settings: Settings, send: Send): M2MApi {
  const callerOf = createCallers(settings)
  const secretFor = (params: WithMachineSecretKey): string => callerOf(params).secret
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
      const caller = callerOf(params)
      if (token.startsWith('mt_')) return verifyOpaque(send, caller.secret, token)
      if (token.includes('.')) return verifierFor(caller).verify(token)
      throw new CountersignError('token-class-mismatch', {
        expected: 'a machine token (mt_… or a JWT)',
      })
    },
  })
}

/** The key that a call is made with, and what it is the key of. */
interface Caller {
  readonly secret: string
  readonly of: 'machine' | 'instance'
}

/** With both keys given the machine's counts, since it is the one that says who is asking. */
function createCallers(settings: Settings): (params: WithMachineSecretKey) => Caller {
  return (params) => {
    const machine = checkMachineSecretKey(params.machineSecretKey) ?? settings.machineSecretKey()
    if (machine !== undefined) return { secret: machine, of: 'machine' }
    const secret = required(settings.secretKey(), 'machineSecretKey or secretKey')
    return { secret, of: 'instance' }
  }
}

/** A verifier for the machine of each key, all on one key set: its id is in its key. */
function createVerifiers({ jwt, keys }: Settings): (caller: Caller) => JwtVerifier<M2MToken> {
  const verifiers = new Map<string, JwtVerifier<M2MToken>>()
  return ({ secret, of }) => {
    // Never by a machine's key what was made for the instance's, though somebody gave one as the other.
    const name = of === 'instance' ? '' : secret
    const known = verifiers.get(name)
    if (known !== undefined) return known
    const audience = of === 'instance' ? null : [machineOf(secret)]
    const verifier = createM2MVerifier({ ...jwt, audience }, keys)
    if (verifiers.size < MAX_VERIFIERS) verifiers.set(name, verifier)
    return verifier
  }
}

/** @throws {CountersignError} `configuration-invalid` */
function machineOf(secret: string): string {
  const machineId = machineIdOf(secret)
  if (machineId !== null) return machineId
  throw new CountersignError('configuration-invalid', {
    expected:
      'machineSecretKey to be a key of this authority, which tells its machine’s id; without one ' +
      'the receivers of a JWT cannot be checked',
  })
}

async function verifyOpaque(send: Send, secret: string, token: string): Promise<M2MToken> {
  const id = idOfPresented(secret, token, 'm2m-token')
  const verified = toM2MToken(await askAuthority(send, secret, token))
  if (id !== null) about(id, verified)
  const isLive = !verified.revoked && !verified.expired
  return done(verified, isLive, 'a token that is neither revoked nor expired')
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
