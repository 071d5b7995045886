/** `countersign`: obtain, present and verify machine-to-machine tokens. */
export type {
  ApiKeyAuth,
  Auth,
  M2MAuth,
  OAuthAuth,
  SessionAuth,
  SignedInAuth,
  SignedOutAuth,
} from './authenticate/auth-object.ts'
export {
  authenticateRequest,
  type AuthenticateOptions,
  type AuthenticateRequestOptions,
  type Authenticator,
  createAuthenticator,
} from './authenticate/authenticator.ts'
export type { Environment, MiddlewareOptions } from './authenticate/environment.ts'
export type { RequireAuthOptions, RequireMachineOptions } from './authenticate/guards.ts'
export type {
  AcceptedNone,
  AcceptedType,
  AcceptsToken,
  AuthenticatorOptions,
  OAuthOptions,
  SessionOptions,
} from './authenticate/options.ts'
export type { AuthReason } from './authenticate/refusals.ts'
export type { GetAuth, RequestAuth } from './authenticate/request-auth.ts'
export type { RequestState, SignedInState, SignedOutState } from './authenticate/request-state.ts'
export type { ApiKeysApi } from './client/api-keys.ts'
export type { AuditLogApi } from './client/audit-log.ts'
export { type Client, createClient, type JwksApi } from './client/client.ts'
export type { M2MApi } from './client/m2m.ts'
export type { MachinesApi } from './client/machines.ts'
export type { IdPOAuthAccessTokenApi } from './client/oauth-access-tokens.ts'
export type { SigningKeysApi } from './client/signing-keys.ts'
export type { ConnectionOptions, RetryOptions } from './client/connection.ts'
export type { ClientOptions } from './client/options.ts'
export type { TokenSourceOptions, TokenSourceParams } from './client/token-source/options.ts'
export type { TokenStore } from './client/token-source/store.ts'
export { createTokenSource, type TokenSource } from './client/token-source/token-source.ts'
export type { WebhooksApi } from './client/webhooks.ts'
export type {
  ApiKey,
  AuditActor,
  AuditCheckpoint,
  AuditCheckpointList,
  AuditEntry,
  AuditEntryList,
  CreateApiKeyParams,
  CreateM2MTokenParams,
  CreateMachineParams,
  CreateWebhookParams,
  DeletedObject,
  FinishSecretKeyRotationParams,
  DeleteScopeOptions,
  GetApiKeyListParams,
  GetAuditCheckpointListParams,
  GetAuditLogParams,
  GetM2MTokenListParams,
  GetMachineListParams,
  IdPOAuthAccessToken,
  M2MRevocation,
  JwkSet,
  Machine,
  MachineScope,
  MachineSecretCaller,
  MachineSecretKey,
  MachineSecretVersion,
  PageParams,
  PaginatedList,
  RecordAgentCallParams,
  ReplayWebhookParams,
  RevokeApiKeyParams,
  RevokeM2MTokenParams,
  RevokeM2MTokensParams,
  RevokeSigningKeyParams,
  RotateMachineSecretKeyParams,
  RotateSigningKeysParams,
  SigningKey,
  SigningKeyRevocation,
  UpdateApiKeyParams,
  UpdateMachineParams,
  VerifyM2MTokenParams,
  Webhook,
} from './client/types.ts'
export type { JwtAlgorithm } from './token/algorithms.ts'
export { verifyM2MToken } from './client/verify-m2m-token.ts'
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
export type { JwtOptions } from './verify/jwt-settings.ts'
export { createVerifier, type Verifier, type VerifierOptions } from './verify/verifier.ts'
export { verifyM2MJwt } from './verify/verify-m2m-jwt.ts'
