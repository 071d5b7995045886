import type { CountersignErrorCode } from '../../token/errors.ts'

/** What can be wrong with an opaque credential of an authority. */
type OpaqueDefect =
  | 'expired'
  /** Issued by another authority. */
  | 'wrongIssuer'
  | 'revoked'
  /** Well formed, and never issued. */
  | 'badSignature'
  /** The same, by a key version that the authority does not have. */
  | 'unknownKey'
  | 'wrongClass'
  /** A character is mistyped. */
  | 'malformed'

/** What can be wrong with a JWT of any class. */
type JwtDefect =
  | 'expired'
  | 'notYetActive'
  | 'wrongAudience'
  | 'wrongIssuer'
  | 'badSignature'
  | 'unknownKey'
  /** Its header names another algorithm than its key has. */
  | 'wrongAlgorithm'
  /** It does not say when it ends. */
  | 'missingClaim'
  | 'wrongClass'
  /** A part is missing. */
  | 'malformed'

/** What can be wrong, by the class of the token. */
export interface TokenDefects {
  readonly m2m: OpaqueDefect | 'wrongAudience'
  readonly m2mJwt: JwtDefect | 'revoked'
  readonly apiKey: OpaqueDefect
  readonly oauth: 'expired' | 'wrongIssuer' | 'revoked' | 'wrongClass'
  readonly oauthJwt: JwtDefect
  /** `wrongParty`: the session was started by somebody else. */
  readonly session: JwtDefect | 'wrongParty'
}

/** Everything that can be wrong. */
export type TokenDefect = TokenDefects[keyof TokenDefects]

/** Of an opaque credential the authority tells nobody what is wrong with it. */
const OPAQUE = {
  expired: 'token-invalid',
  wrongIssuer: 'token-invalid',
  revoked: 'token-invalid',
  badSignature: 'token-invalid',
  unknownKey: 'token-invalid',
  wrongClass: 'token-class-mismatch',
  malformed: 'token-malformed',
} as const

const JWT = {
  expired: 'token-expired',
  notYetActive: 'token-not-yet-valid',
  wrongAudience: 'token-audience-mismatch',
  wrongIssuer: 'token-issuer-mismatch',
  badSignature: 'token-signature-invalid',
  unknownKey: 'token-key-unknown',
  wrongAlgorithm: 'token-algorithm-not-allowed',
  missingClaim: 'token-claim-invalid',
  wrongClass: 'token-class-mismatch',
  malformed: 'token-malformed',
} as const

/** Every defect of every class, with the code by which it is refused. */
export const TOKEN_DEFECTS: {
  readonly [Class in keyof TokenDefects]: Readonly<
    Record<TokenDefects[Class], CountersignErrorCode>
  >
} = Object.freeze({
  m2m: Object.freeze({ ...OPAQUE, wrongAudience: 'token-invalid' }),
  m2mJwt: Object.freeze({ ...JWT, revoked: 'token-revoked' }),
  apiKey: Object.freeze(OPAQUE),
  oauth: Object.freeze({
    expired: 'token-invalid',
    wrongIssuer: 'token-invalid',
    revoked: 'token-invalid',
    wrongClass: 'token-class-mismatch',
  }),
  oauthJwt: Object.freeze(JWT),
  session: Object.freeze({ ...JWT, wrongParty: 'token-party-mismatch' }),
})

/** A mistyped defect must not be taken for none. @throws {TypeError} */
export function checkDefect<Class extends keyof TokenDefects>(
  of: Class,
  defect: TokenDefects[Class] | undefined,
): TokenDefects[Class] | undefined {
  const known = Object.keys(TOKEN_DEFECTS[of])
  if (defect === undefined || known.includes(defect)) return defect
  throw new TypeError(`A token of the class ${of} has one of these defects: ${known.join(', ')}.`)
}
