import type { M2MToken } from '../token/m2m-token.ts'
import { done } from './request.ts'
import type { Call, Send } from './transport.ts'
import type { CreateM2MTokenParams } from './types.ts'
import { toM2MToken } from './wire.ts'

/** A token as its creator is told of it. */
export interface CreatedM2MToken extends M2MToken {
  readonly token: string
}

/** Creates a token with a machine's key. @throws {CountersignError} */
export async function createM2MToken(
  send: Send,
  params: Omit<CreateM2MTokenParams, 'machineSecretKey'>,
  { secret, repeatable }: Pick<Call, 'secret' | 'repeatable'>,
): Promise<CreatedM2MToken> {
  const body = {
    token_format: params.tokenFormat ?? 'opaque',
    seconds_until_expiration: params.secondsUntilExpiration ?? null,
    claims: params.claims ?? null,
    min_remaining_ttl_seconds: params.minRemainingTtlSeconds,
    scopes: params.scopes,
  }
  const path = '/m2m_tokens'
  const created = toM2MToken(
    await send({ method: 'POST', path, body, secret, success: 201, repeatable }),
  )
  return done(
    created,
    created.token !== undefined,
    'the answer to have the token',
  ) as CreatedM2MToken
}
