import { CountersignError } from '../token/errors.ts'
import type { Settings } from './options.ts'
import { idOfPresented } from './presented.ts'
import { about, done, idInPath, notFoundAsInvalid, query, required } from './request.ts'
import type { Call, Send } from './transport.ts'
import type {
  ApiKey,
  CreateApiKeyParams,
  DeletedObject,
  GetApiKeyListParams,
  PaginatedList,
  RevokeApiKeyParams,
  UpdateApiKeyParams,
} from './types.ts'
import { toApiKey, toDeleted, toList, toSecret } from './wire.ts'

/** API keys. Every call needs `secretKey` and throws `CountersignError`. */
export interface ApiKeysApi {
  /** Newest first, of one subject. */
  list(params: GetApiKeyListParams): Promise<PaginatedList<ApiKey>>
  /** The answer alone has the key's `secret`. */
  create(params: CreateApiKeyParams): Promise<ApiKey>
  get(apiKeyId: string): Promise<ApiKey>
  /** Changes what is given. */
  update(params: UpdateApiKeyParams): Promise<ApiKey>
  delete(apiKeyId: string): Promise<DeletedObject>
  revoke(params: RevokeApiKeyParams): Promise<ApiKey>
  getSecret(apiKeyId: string): Promise<{ readonly secret: string }>
  /** Asks whether a secret is that of a live key. @throws `token-invalid` */
  verify(secret: string): Promise<ApiKey>
}

export function createApiKeysApi(settings: Settings, send: Send): ApiKeysApi {
  const ask = (call: Omit<Call, 'secret' | 'success'>): ReturnType<Send> =>
    send({ ...call, success: 200, secret: required(settings.secretKey(), 'secretKey') })
  const pathOf = (apiKeyId: unknown): string => `/api_keys/${idInPath('apiKeyId', apiKeyId)}`

  return Object.freeze({
    async list({ subject, includeInvalid, query: text, limit, offset }: GetApiKeyListParams) {
      const search = query({ subject, include_invalid: includeInvalid, query: text, limit, offset })
      const path = `/api_keys${search}`
      return toList('data', toApiKey)(await ask({ method: 'GET', path, repeatable: true }))
    },

    async create(params: CreateApiKeyParams) {
      const { name, subject, description, claims, scopes } = params
      const { createdBy: created_by, secondsUntilExpiration: seconds_until_expiration } = params
      const content = { name, subject, description, claims, scopes }
      const body = { ...content, created_by, seconds_until_expiration }
      const call = { method: 'POST', path: '/api_keys', body, repeatable: false } as const
      const key = toApiKey(await ask(call))
      return done(key, key.secret !== undefined, 'the answer to have the secret')
    },

    async get(apiKeyId: string) {
      const path = pathOf(apiKeyId)
      return about(apiKeyId, toApiKey(await ask({ method: 'GET', path, repeatable: true })))
    },

    async update(params: UpdateApiKeyParams) {
      const { apiKeyId, subject, description, claims, scopes } = params
      const path = pathOf(apiKeyId)
      const { secondsUntilExpiration: seconds_until_expiration } = params
      const body = { subject, description, claims, scopes, seconds_until_expiration }
      const answer = await ask({ method: 'PATCH', path, body, repeatable: true })
      return about(apiKeyId, toApiKey(answer))
    },

    async delete(apiKeyId: string) {
      const path = pathOf(apiKeyId)
      const answer = await ask({ method: 'DELETE', path, repeatable: false })
      return about(apiKeyId, toDeleted('api_key')(answer))
    },

    async revoke({ apiKeyId, revocationReason = null }: RevokeApiKeyParams) {
      const path = `${pathOf(apiKeyId)}/revoke`
      const body = { revocation_reason: revocationReason }
      const answer = await ask({ method: 'POST', path, body, repeatable: true })
      const key = about(apiKeyId, toApiKey(answer))
      return done(key, key.revoked, 'the key to be revoked')
    },

    async getSecret(apiKeyId: string) {
      const path = `${pathOf(apiKeyId)}/secret`
      return toSecret(await ask({ method: 'GET', path, repeatable: true }))
    },

    async verify(secret: string) {
      if (typeof secret !== 'string') {
        throw new CountersignError('argument-invalid', { expected: 'secret to be a string' })
      }
      const id = idOfPresented(required(settings.secretKey(), 'secretKey'), secret, 'api-key')
      const key = toApiKey(await askAbout(ask, secret))
      if (id !== null) about(id, key)
      return done(key, !key.revoked && !key.expired, 'a key that is neither revoked nor expired')
    },
  })
}

async function askAbout(
  ask: (call: Omit<Call, 'secret' | 'success'>) => ReturnType<Send>,
  secret: string,
): ReturnType<Send> {
  const path = '/api_keys/verify'
  try {
    return await ask({ method: 'POST', path, body: { secret }, repeatable: true })
  } catch (error) {
    throw notFoundAsInvalid(error)
  }
}
