import type { CountersignError, CountersignErrorCode } from '../token/errors.ts'
import type { TokenType } from '../token/token-type.ts'

/** Why nobody is authenticated, in the words of `@clerk/backend`. */
export type AuthReason =
  | 'No token in header'
  | 'session-token-and-uat-missing'
  | 'token-type-mismatch'
  | 'token-invalid'
  | 'token-verification-failed'
  | 'secret-key-invalid'
  | 'unexpected-error'
  | 'token-expired'
  | 'token-not-active-yet'
  | 'token-invalid-signature'
  | 'token-invalid-algorithm'
  | 'token-invalid-issuer'
  | 'token-invalid-authorized-parties'
  | 'jwk-kid-mismatch'
  | 'jwk-remote-failed-to-load'

interface Refusal {
  /** For machines, where Clerk has one word for all that can be wrong with a JWT. */
  readonly machine: AuthReason
  readonly session: AuthReason
  /** Whether it is a verdict about the token. What is none must not send anybody to sign in. */
  readonly isVerdict: boolean
}

const failed = (session: AuthReason): Refusal => ({
  machine: 'token-verification-failed',
  session,
  isVerdict: true,
})
const invalid: Refusal = {
  machine: 'token-invalid',
  session: 'token-invalid',
  isVerdict: true,
}
const silent = (machine: AuthReason, session: AuthReason): Refusal => ({
  machine,
  session,
  isVerdict: false,
})

const REFUSALS: Readonly<Record<CountersignErrorCode, Refusal>> = {
  'token-malformed': invalid,
  'token-class-mismatch': invalid,
  'token-invalid': invalid,
  'token-algorithm-not-allowed': failed('token-invalid-algorithm'),
  'token-key-unknown': failed('jwk-kid-mismatch'),
  'token-signature-invalid': failed('token-invalid-signature'),
  'token-issuer-mismatch': failed('token-invalid-issuer'),
  'token-audience-mismatch': failed('token-verification-failed'),
  'token-subject-invalid': failed('token-verification-failed'),
  'token-claim-invalid': failed('token-verification-failed'),
  'token-expired': failed('token-expired'),
  'token-not-yet-valid': failed('token-not-active-yet'),
  'token-party-mismatch': failed('token-invalid-authorized-parties'),
  'token-revoked': failed('token-verification-failed'),
  'status-unavailable': silent('token-verification-failed', 'token-verification-failed'),
  'keys-unavailable': silent('token-verification-failed', 'jwk-remote-failed-to-load'),
  'authority-unreachable': silent('unexpected-error', 'unexpected-error'),
  'answer-unexpected': silent('unexpected-error', 'unexpected-error'),
  'request-refused': silent('unexpected-error', 'unexpected-error'),
  'origin-not-allowed': silent('unexpected-error', 'unexpected-error'),
  'configuration-invalid': silent('secret-key-invalid', 'unexpected-error'),
  'argument-invalid': invalid,
}

/** What a refusal by the verification of a token of this class is called. */
export function reasonOf({ code, status }: CountersignError, tokenType: TokenType): AuthReason {
  // Whoever asked was not let in: it is our key that is wrong.
  if (code === 'request-refused' && status === 401) return 'secret-key-invalid'
  return REFUSALS[code][tokenType === 'session_token' ? 'session' : 'machine']
}

/** Whether the token was judged; otherwise nothing is known of it, and it may be good. */
export function isVerdict({ code }: CountersignError): boolean {
  return REFUSALS[code].isVerdict
}
