/** `countersign/verify`: checks machine JWTs locally, against the public key set of their issuer. */
export type { JwtAlgorithm } from '../token/algorithms.ts'
export { CountersignError, type CountersignErrorCode, isCountersignError } from '../token/errors.ts'
export { M2MToken } from '../token/m2m-token.ts'
export type { Fetch } from './fetch-json.ts'
export type { JwtOptions } from './jwt-settings.ts'
export { verifyM2MJwt } from './verify-m2m-jwt.ts'
export { createVerifier, type Verifier, type VerifierOptions } from './verifier.ts'
