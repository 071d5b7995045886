/** `countersign/token`: the forms of ids, credentials and tokens. Pure: no I/O, no clock. */
export { JWT_ALGORITHMS, type JwtAlgorithm } from './algorithms.ts'
export { checksum } from './checksum.ts'
export {
  CREDENTIAL_PATTERNS,
  type Credential,
  CREDENTIAL_SECRET_BYTES,
  type CredentialKind,
  type CredentialPattern,
  type CredentialParts,
  formatCredential,
  parseCredential,
} from './credential.ts'
export { explainError, SDK_ERRORS } from './error-advice.ts'
export {
  CountersignError,
  type CountersignErrorCode,
  type CountersignErrorDetails,
  isCountersignError,
  type WireError,
} from './errors.ts'
export { createId, formatId, idBytes, type IdKind, isId, parseId } from './ids.ts'
export type { JsonObject } from './json.ts'
export { type HeaderRules, judgeHeader, type JudgedHeader } from './jwt-header.ts'
export { type Jws, MAX_TOKEN_CHARACTERS, parseJws } from './jws.ts'
export {
  judgeM2MClaims,
  M2M_CATEGORY,
  M2M_HEADER,
  type M2MClaims,
  type M2MExpectations,
} from './m2m-claims.ts'
export { M2MToken, type M2MTokenJSON } from './m2m-token.ts'
export { judgeAudience, judgeIssuer, judgeTimes } from './registered-claims.ts'
export { RESERVED_CLAIMS } from './reserved-claims.ts'
export {
  getMachineTokenType,
  isJwtFormat,
  isM2MJwt,
  isMachineJwt,
  isMachineToken,
  isMachineTokenByPrefix,
  isOAuthJwt,
  isTokenTypeAccepted,
  type MachineTokenType,
  TokenType,
} from './token-type.ts'
