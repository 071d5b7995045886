/** Names in the payload of a machine JWT that belong to the authority: a caller cannot set them. */
export const RESERVED_CLAIMS: readonly string[] = Object.freeze([
  'iss',
  'sub',
  'aud',
  'exp',
  'nbf',
  'iat',
  'jti',
  'scopes',
  'status',
  'cnf',
  'cat',
  'typ',
  'act',
  'may_act',
])
