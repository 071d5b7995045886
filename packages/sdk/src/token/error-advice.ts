import type { CountersignError, CountersignErrorCode } from './errors.ts'

/** What each code means. A service need not carry it: its errors say their code. */
const MESSAGES: Readonly<Record<CountersignErrorCode, string>> = {
  'token-malformed': 'The token is not well formed.',
  'token-class-mismatch': 'The token is of another class.',
  'token-algorithm-not-allowed': 'The token names an algorithm that its key does not have.',
  'token-key-unknown': 'The key that the token names is not in the key set.',
  'token-signature-invalid': 'The signature does not fit.',
  'token-issuer-mismatch': 'The token was issued by somebody else.',
  'token-audience-mismatch': 'The token is not meant for this machine.',
  'token-subject-invalid': 'The token’s subject is not a machine.',
  'token-claim-invalid': 'A claim of the token is missing or of the wrong type.',
  'token-expired': 'The token has expired.',
  'token-not-yet-valid': 'The token is not valid yet.',
  'token-party-mismatch': 'The session was started by another party.',
  'token-revoked': 'The token was revoked.',
  'token-invalid': 'The authority does not accept this token.',
  'status-unavailable': 'The status of the token could not be checked.',
  'keys-unavailable': 'The key set could not be fetched.',
  'authority-unreachable': 'The authority could not be reached.',
  'answer-unexpected': 'The answer is not what was promised.',
  'request-refused': 'The authority refused the request.',
  'origin-not-allowed': 'The token must not go to this origin.',
  'configuration-invalid': 'The options are not usable.',
  'argument-invalid': 'An argument is not usable.',
}

/** What to do about each code. */
const ADVICE: Readonly<Record<CountersignErrorCode, string>> = {
  'token-malformed':
    'It is not a compact JWS, or not a token with a right checksum. It was cut, altered or mistyped, or it is something else. Compare it with what was issued: `countersign tokens inspect -`.',
  'token-class-mismatch':
    'A session token, an OAuth access token, an API key or another kind of JWT was presented where a machine token is expected.',
  'token-algorithm-not-allowed':
    'The key decides the algorithm: RS256, ES256 or EdDSA. A token that says otherwise was not made by the authority.',
  'token-key-unknown':
    'The token was signed by another authority, or by a key that has been removed. Check the issuer that the verifier is configured with.',
  'token-signature-invalid': 'The token was altered, or was not signed by the key that it names.',
  'token-issuer-mismatch':
    'Its `iss` must be exactly the configured issuer. A client whose `apiUrl` is not the public URL of the authority (localhost for 127.0.0.1, an internal name) sets `issuer` to that URL.',
  'token-audience-mismatch':
    'The sender has no scope for this machine, or narrowed the token to others. Give it one with `countersign scopes add <sender> <this machine>` and have it create a new token.',
  'token-subject-invalid': 'Its `sub` must be a machine id. It is a token of another class.',
  'token-claim-invalid': 'The error says which. The token was not made by the authority.',
  'token-expired':
    'Create a new one. If it should still live, compare the clocks of both machines: a verifier forgives 5 s unless told otherwise.',
  'token-not-yet-valid':
    'Its `nbf` or `iat` is in the future by more than the tolerance: compare the clocks of both machines.',
  'token-party-mismatch':
    'Its `azp` must be one of the `authorizedParties` of the session options: the origins of your own front ends. `null` accepts every party.',
  'token-revoked':
    'Its status list says so. `countersign tokens list MACHINE --revoked` tells when it was and why; the machine creates a new one.',
  'token-invalid':
    'It is unknown, expired, revoked, or not meant for this machine; the authority tells nobody which. `countersign tokens why -` tells what can be told of it, and `countersign tokens list MACHINE --revoked --expired` what became of a machine’s tokens.',
  'status-unavailable':
    "The token says where its status is to be looked up, and no list that is young enough is to be had there. Check that the verifier reaches the authority at `<issuer>/status-lists`. With `revocation: { whenUnavailable: 'accept' }` a token passes while that is so, also one that has been revoked.",
  'keys-unavailable':
    'The verifier has no key set, or only one that is too old. Check that the authority answers at its `/.well-known/jwks.json`.',
  'authority-unreachable':
    'Nothing answered at `apiUrl`, or not within the timeout. Nothing is known of the token.',
  'answer-unexpected':
    'Status, media type or content of the answer are not those of an authority: `apiUrl` points to something else, or a proxy answers in its place. It is never taken for a yes.',
  'request-refused':
    '`status` and `errors` are the authority’s own; its codes are in docs/errors.md.',
  'origin-not-allowed':
    'A token source sends its token only to its `origins`, written as `scheme://host` or `scheme://host:port`, and follows no redirect that leaves them or that goes from https to http. If the service there may have the token, add its origin.',
  'configuration-invalid':
    'The error names the option and what it must be. An option that is not known is refused too, so that a misspelt one is not silently ignored.',
  'argument-invalid': 'The error names the argument and what it must be. Nothing was sent.',
}

/**
 * Why something was refused: a stable code, what it means and what to do about it. The table is the
 * source of docs/errors.md.
 */
export const SDK_ERRORS: Readonly<
  Record<CountersignErrorCode, { readonly message: string; readonly advice: string }>
> = Object.freeze(
  Object.fromEntries(
    (Object.keys(ADVICE) as CountersignErrorCode[]).map((code) => [
      code,
      { message: MESSAGES[code], advice: ADVICE[code] },
    ]),
  ) as Record<CountersignErrorCode, { readonly message: string; readonly advice: string }>,
)

/** An error in words: what its code means, and what is particular to this case. */
export function explainError({
  code,
  expected,
  got,
  errors,
}: Pick<CountersignError, 'code' | 'expected' | 'got' | 'errors'>): string {
  const parts = [MESSAGES[code]]
  if (errors[0] !== undefined) parts.push(errors[0].longMessage)
  if (expected !== undefined) {
    parts.push(`Expected ${expected}${got === undefined ? '' : `, got ${got}`}.`)
  }
  return parts.join(' ')
}
