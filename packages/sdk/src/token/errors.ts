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
  | 'token-invalid'
  | 'status-unavailable'
  | 'keys-unavailable'
  | 'authority-unreachable'
  | 'answer-unexpected'
  | 'request-refused'
  | 'configuration-invalid'
  | 'argument-invalid'

/**
 * Why something was refused: a stable code, what it means and what to do about it. The table is the
 * source of docs/errors.md.
 */
export const SDK_ERRORS: Readonly<
  Record<CountersignErrorCode, { readonly message: string; readonly advice: string }>
> = {
  'token-malformed': {
    message: 'The token is not well formed.',
    advice:
      'It is not a compact JWS, or not a token with a right checksum. It was cut, altered or mistyped, or it is something else. Compare it with what was issued: `countersign tokens inspect -`.',
  },
  'token-class-mismatch': {
    message: 'The token is of another class.',
    advice:
      'A session token, an OAuth access token, an API key or another kind of JWT was presented where a machine token is expected.',
  },
  'token-algorithm-not-allowed': {
    message: 'The token names an algorithm that its key does not have.',
    advice:
      'The key decides the algorithm: RS256, ES256 or EdDSA. A token that says otherwise was not made by the authority.',
  },
  'token-key-unknown': {
    message: 'The key that the token names is not in the key set.',
    advice:
      'The token was signed by another authority, or by a key that has been removed. Check the issuer that the verifier is configured with.',
  },
  'token-signature-invalid': {
    message: 'The signature does not fit.',
    advice: 'The token was altered, or was not signed by the key that it names.',
  },
  'token-issuer-mismatch': {
    message: 'The token was issued by somebody else.',
    advice:
      'Its `iss` must be exactly the configured issuer. A client whose `apiUrl` is not the public URL of the authority (localhost for 127.0.0.1, an internal name) sets `issuer` to that URL.',
  },
  'token-audience-mismatch': {
    message: 'The token is not meant for this machine.',
    advice:
      'The sender has no scope for this machine, or narrowed the token to others. Give it one with `countersign scopes add <sender> <this machine>` and have it create a new token.',
  },
  'token-subject-invalid': {
    message: 'The token’s subject is not a machine.',
    advice: 'Its `sub` must be a machine id. It is a token of another class.',
  },
  'token-claim-invalid': {
    message: 'A claim of the token is missing or of the wrong type.',
    advice: 'The error says which. The token was not made by the authority.',
  },
  'token-expired': {
    message: 'The token has expired.',
    advice: 'Create a new one. If it should still live, compare the clocks of both machines.',
  },
  'token-not-yet-valid': {
    message: 'The token is not valid yet.',
    advice:
      'Its `nbf` or `iat` is in the future by more than the tolerance: compare the clocks of both machines.',
  },
  'token-party-mismatch': {
    message: 'The session was started by another party.',
    advice:
      'Its `azp` must be one of the `authorizedParties` of the session options: the origins of your own front ends. `null` accepts every party.',
  },
  'token-invalid': {
    message: 'The authority does not accept this token.',
    advice:
      'It is unknown, expired, revoked, or not meant for this machine; the authority tells nobody which. `countersign tokens inspect -` with the instance key says more.',
  },
  'status-unavailable': {
    message: 'The status of the token could not be checked.',
    advice:
      'The token says where its status is to be looked up, and this verifier cannot. `revocation: null` accepts it without looking, and with it a token that has been revoked.',
  },
  'keys-unavailable': {
    message: 'The key set could not be fetched.',
    advice:
      'The verifier has no key set, or only one that is too old. Check that the authority answers at its `/.well-known/jwks.json`.',
  },
  'authority-unreachable': {
    message: 'The authority could not be reached.',
    advice:
      'Nothing answered at `apiUrl`, or not within the timeout. Nothing is known of the token.',
  },
  'answer-unexpected': {
    message: 'The answer is not what was promised.',
    advice:
      'Status, media type or content of the answer are not those of an authority: `apiUrl` points to something else, or a proxy answers in its place. It is never taken for a yes.',
  },
  'request-refused': {
    message: 'The authority refused the request.',
    advice: '`status` and `errors` are the authority’s own; its codes are in docs/errors.md.',
  },
  'configuration-invalid': {
    message: 'The options are not usable.',
    advice: 'The error names the option and what it must be.',
  },
  'argument-invalid': {
    message: 'An argument is not usable.',
    advice: 'The error names the argument and what it must be. Nothing was sent.',
  },
}

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
  readonly code: CountersignErrorCode
  readonly docs: string
  readonly expected: string | undefined
  readonly got: string | undefined
  readonly status: number | undefined
  readonly retryAfter: number | undefined
  readonly requestId: string | undefined
  readonly errors: readonly WireError[]

  constructor(code: CountersignErrorCode, details: CountersignErrorDetails = {}) {
    super(describe(code, details), details.cause === undefined ? {} : { cause: details.cause })
    this.name = 'CountersignError'
    this.code = code
    this.docs = `docs/errors.md#${code}`
    this.expected = details.expected
    this.got = details.got
    this.status = details.status
    this.retryAfter = details.retryAfter
    this.requestId = details.requestId
    this.errors = details.errors ?? []
  }
}

/** Whether this is an error of ours, of whichever copy of the package. */
export function isCountersignError(error: unknown): error is CountersignError {
  return error instanceof Error && error.name === 'CountersignError' && 'code' in error
}

function describe(
  code: CountersignErrorCode,
  { expected, got, errors }: CountersignErrorDetails,
): string {
  const parts: string[] = [SDK_ERRORS[code].message]
  if (errors?.[0] !== undefined) parts.push(errors[0].longMessage)
  if (expected !== undefined)
    parts.push(`Expected ${expected}${got === undefined ? '' : `, got ${got}`}.`)
  return parts.join(' ')
}
