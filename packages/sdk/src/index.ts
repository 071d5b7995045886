/** `countersign`: obtain, present and verify machine-to-machine tokens. */
export type { ApiKeysApi } from './client/api-keys.ts'
export { type Client, createClient, type JwksApi } from './client/client.ts'
export type { M2MApi } from './client/m2m.ts'
export type { MachinesApi } from './client/machines.ts'
export type { ClientOptions, RetryOptions } from './client/options.ts'
export type {
  ApiKey,
  CreateApiKeyParams,
  CreateM2MTokenParams,
  CreateMachineParams,
  DeletedObject,
  GetApiKeyListParams,
  GetM2MTokenListParams,
  GetMachineListParams,
  JwkSet,
  Machine,
  MachineScope,
  MachineSecretKey,
  PageParams,
  PaginatedList,
  RevokeApiKeyParams,
  RevokeM2MTokenParams,
  RotateMachineSecretKeyParams,
  UpdateApiKeyParams,
  UpdateMachineParams,
  VerifyM2MTokenParams,
} from './client/types.ts'
export type { JwtAlgorithm } from './token/algorithms.ts'
export {
  CountersignError,
  type CountersignErrorCode,
  isCountersignError,
  type WireError,
} from './token/errors.ts'
export { M2MToken, type M2MTokenJSON } from './token/m2m-token.ts'
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
} from './token/token-type.ts'
export type { Fetch } from './verify/fetch-json.ts'
