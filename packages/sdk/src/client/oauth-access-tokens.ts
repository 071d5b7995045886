import { CountersignError } from '../token/errors.ts'
import type { Settings } from './options.ts'
import { checkLength } from './presented.ts'
import { done, notFoundAsInvalid, required } from './request.ts'
import type { Send } from './transport.ts'
import type { IdPOAuthAccessToken } from './types.ts'
import { toOAuthAccessToken } from './wire.ts'

/** Access tokens that an authority issued to OAuth applications. */
export interface IdPOAuthAccessTokenApi {
  /** Asks whether an access token is live. Needs `secretKey`. @throws `token-invalid` */
  verify(accessToken: string): Promise<IdPOAuthAccessToken>
}

export function createIdPOAuthAccessTokenApi(
  settings: Settings,
  send: Send,
): IdPOAuthAccessTokenApi {
  return Object.freeze({
    async verify(accessToken: string) {
      if (typeof accessToken !== 'string') {
        throw new CountersignError('argument-invalid', { expected: 'accessToken to be a string' })
      }
      const secret = required(settings.secretKey(), 'secretKey')
      checkLength(accessToken)
      const token = toOAuthAccessToken(await ask(send, secret, accessToken))
      const isLive = !token.revoked && !token.expired
      return done(token, isLive, 'a token that is neither revoked nor expired')
    },
  })
}

async function ask(send: Send, secret: string, accessToken: string): ReturnType<Send> {
  const path = '/oauth_applications/access_tokens/verify'
  const body = { access_token: accessToken }
  try {
    return await send({ method: 'POST', path, body, secret, success: 200, repeatable: true })
  } catch (error) {
    throw notFoundAsInvalid(error)
  }
}
