/** The stable codes of {@link CountersignError}. */
export type CountersignErrorCode =
  | 'token-malformed'
  | 'token-class-mismatch'
  | 'token-algorithm-not-allowed'
  | 'token-key-unknown'
  | 'token-signature-invalid'
  | 'token-issuer-mismatch'
  | 'token-audience-mismatch'
  | 'token-subject-invalid'
  | 'token-claim-invalid'
  | 'token-expired'
  | 'token-not-yet-valid'
  | 'token-party-mismatch'
  | 'token-revoked'
  | 'token-invalid'
  | 'status-unavailable'
  | 'keys-unavailable'
  | 'authority-unreachable'
  | 'answer-unexpected'
  | 'request-refused'
  | 'origin-not-allowed'
  | 'configuration-invalid'
  | 'argument-invalid'

/** One entry of the authority's own list of errors. */
export interface WireError {
  readonly code: string
  readonly message: string
  readonly longMessage: string
  readonly meta: Readonly<Record<string, unknown>>
}

/** What is known besides the code. Nothing of it is a secret, a token or a claim's value. */
export interface CountersignErrorDetails {
  /** For the operator: what should have been there. */
  readonly expected?: string | undefined
  /** For the operator: what was there, where that is no secret. */
  readonly got?: string | undefined
  /** The HTTP status of the authority's answer. */
  readonly status?: number | undefined
  /** Seconds, where the authority said when to try again. */
  readonly retryAfter?: number | undefined
  /** Names the answer in the authority's log. */
  readonly requestId?: string | undefined
  readonly errors?: readonly WireError[] | undefined
  readonly cause?: unknown
}

/** The only error that this package throws. Branch on `code`; `docs` is where it is explained. */
export class CountersignError extends Error {
  declare readonly code: CountersignErrorCode
  declare readonly docs: string
  declare readonly expected: string | undefined
  declare readonly got: string | undefined
  declare readonly status: number | undefined
  declare readonly retryAfter: number | undefined
  declare readonly requestId: string | undefined
  declare readonly errors: readonly WireError[]

  constructor(code: CountersignErrorCode, details: CountersignErrorDetails = {}) {
    const { cause, ...rest } = details
    super(describe(code, details), cause === undefined ? undefined : { cause })
    const own = { name: 'CountersignError', code, docs: `docs/errors.md#${code}` }
    Object.assign(this, { errors: [], ...rest, ...own })
  }
}

/** A refusal: its code, what should have been there, and what was, where that is no secret. */
export function refusal(
  code: CountersignErrorCode,
  expected?: string,
  got?: string,
  cause?: unknown,
): CountersignError {
  return new CountersignError(code, { expected, got, cause })
}

/** What is no token at all, by the first of its rules that it breaks. */
export function malformed(expected: string): CountersignError {
  return refusal('token-malformed', expected)
}

/** Whether this is an error of ours, of whichever copy of the package. */
export function isCountersignError(error: unknown): error is CountersignError {
  return error instanceof Error && error.name === 'CountersignError' && 'code' in error
}

/** For a log: the code, which finds the rest in the documentation, and what is particular to this case. */
function describe(
  code: CountersignErrorCode,
  { expected, got, errors = [] }: CountersignErrorDetails,
): string {
  const said = errors[0] ? `: ${errors[0].longMessage}` : ''
  const wanted = expected ? `: expected ${expected}` : ''
  return code + said + wanted + (got ? `, got ${got}` : '')
}
