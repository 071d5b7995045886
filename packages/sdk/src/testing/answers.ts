import type { JsonObject } from '../token/json.ts'
import { type Answer, json } from './scripted-fetch.ts'
import { RECEIVER, SENDER, testId } from './tokens.ts'

/** What an authority answers when it is asked about a credential that is live. */

export const TOKEN_ID: string = testId('m2mToken', 5)
export const API_KEY_ID: string = testId('apiKey', 4)
export const OAUTH_TOKEN_ID: string = `oat_${'0'.repeat(32)}`

const LIVE = {
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: null,
  created_at: 1,
  updated_at: 2,
}

export const M2M_TOKEN: JsonObject = {
  ...LIVE,
  object: 'machine_to_machine_token',
  id: TOKEN_ID,
  subject: SENDER,
  scopes: [RECEIVER],
  claims: { region: 'eu' },
}

export const API_KEY: JsonObject = {
  ...LIVE,
  object: 'api_key',
  id: API_KEY_ID,
  type: 'api_key',
  subject: `user_${'1'.repeat(27)}`,
  name: 'deploy',
  description: null,
  claims: null,
  scopes: ['read'],
  created_by: null,
  last_used_at: null,
}

export const OAUTH_TOKEN: JsonObject = {
  ...LIVE,
  object: 'clerk_idp_oauth_access_token',
  id: OAUTH_TOKEN_ID,
  client_id: 'client_1',
  subject: `user_${'2'.repeat(27)}`,
  scopes: ['email'],
}

/** Answers every question with the object that it is about. */
export const live: Answer = (request) => {
  if (request.url.endsWith('/m2m_tokens/verify')) return json(M2M_TOKEN)(request)
  return json(request.url.endsWith('/api_keys/verify') ? API_KEY : OAUTH_TOKEN)(request)
}
