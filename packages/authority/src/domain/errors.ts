/**
 * Every refusal, by a stable code. The table is the source of docs/errors.md; `http/problem.ts`
 * alone turns a code into a status and a body.
 */

interface ErrorEntry {
  /** What the caller is told. */
  readonly message: string
  /** What it means and what to do, for the documentation. */
  readonly advice: string
}

/** Code -> what it says. */
export const ERRORS = {
  bad_request: {
    message: 'The request is not well formed.',
    advice:
      'The answer names the parameter and the rule it broke. A field that the endpoint does not know is refused too, so that a misspelt option is not silently ignored.',
  },
  claims_invalid: {
    message: 'These claims cannot be put into a token.',
    advice:
      'Claims are one JSON object (anything, for an opaque token) of at most 4096 bytes as JSON, 16 levels and 200 named members. In a JWT the names iss, sub, aud, exp, nbf, iat, jti, scopes, status, cnf, cat, typ, act and may_act belong to the authority.',
  },
  lifetime_invalid: {
    message: 'The lifetime that was asked for is not possible.',
    advice:
      'A JWT lives at most 24 hours, because its signing key must stay published as long as it lives. `min_remaining_ttl_seconds` must be smaller than the lifetime of the token.',
  },
  scope_not_granted: {
    message: 'A token cannot reach a machine that its own machine may not call.',
    advice:
      '`scopes` narrows the receivers of one token to some of the machines in its machine’s scopes. Add the scope to the machine first: `countersign scopes add <from> <to>`.',
  },
  too_many_receivers: {
    message: 'A JWT names at most 64 receivers.',
    advice:
      'The machine may call more than 64 machines. Name those that this token is for in `scopes`, or create an opaque token.',
  },
  unauthorized: {
    message: 'A valid secret key is required.',
    advice:
      'Send `Authorization: Bearer <key>` with an instance key (`sk_…`) or, where the endpoint allows it, a machine secret key (`ak_…`). The key may have been revoked, rotated out, or belong to another authority.',
  },
  clerk_key_invalid: {
    message: 'The provided secret key is invalid.',
    advice:
      'The key set was asked for with a key that this authority did not issue or has revoked. (The name is the one existing clients branch on.) The public set at /.well-known/jwks.json needs no key.',
  },
  machine_secret_key_invalid: {
    message:
      'The provided Machine Secret Key is invalid. Make sure that your Machine Secret Key is correct.',
    advice:
      'A token is created by a machine: send its secret key (`ak_…`), not the instance key. After a rotation the old key works only for the grace that was given.',
  },
  instance_key_required: {
    message: 'This endpoint needs an instance secret key.',
    advice: 'A machine secret key was sent. Machines cannot administer the instance.',
  },
  forbidden_subject: {
    message: 'A machine can list its own tokens only.',
    advice: 'Use the instance key to list the tokens of another machine.',
  },
  read_back_disabled: {
    message: 'This authority does not keep secrets that can be read back.',
    advice:
      'COUNTERSIGN_READ_BACK is off, or was off when the secret was made. Rotate the secret to get a new one.',
  },
  resource_not_found: {
    message: 'Nothing was found here.',
    advice: 'No such resource in this instance, or no such route. Check the id and the method.',
  },
  token_not_found: {
    message: 'Machine token not found.',
    advice:
      'The one answer for every token that is not valid here: unknown, expired, revoked, malformed, or not meant for the machine that asked. `countersign tokens why` tells what can be told of it; `countersign tokens list MACHINE --revoked --expired` what became of a machine’s tokens.',
  },
  api_key_not_found: {
    message: 'API key not found.',
    advice: 'The one answer for every API key that is not valid: unknown, expired or revoked.',
  },
  not_acceptable: {
    message: 'There is no such form of this resource.',
    advice:
      'A status list is there as a JWT only: accept `application/statuslist+jwt`, or anything.',
  },
  not_supported: {
    message: 'This authority does not do that.',
    advice:
      'A status list was asked for as it was at another `time`. Only the current one is kept.',
  },
  scope_exists: {
    message: 'This machine already has that scope.',
    advice: 'Nothing to do: the caller may already make tokens for that machine.',
  },
  scopes_full: {
    message: 'A machine can have at most 150 scopes.',
    advice: 'Remove a scope first, or split the machine.',
  },
  webhooks_full: {
    message: 'An instance can have at most 20 webhooks.',
    advice: 'Delete one that is not needed any more: `countersign webhooks list`.',
  },
  machine_unknown: {
    message: 'A machine that was named does not exist.',
    advice: 'Create the machines that are to be called before the one that calls them.',
  },
  conflict: {
    message: 'The resource changed at the same time. Try again.',
    advice: 'Another request changed the same resource. The request had no effect; repeat it.',
  },
  secret_in_use: {
    message: 'An older secret key of this machine is still in use.',
    advice:
      'The answer says which version, when it was last used, and from where. Give the new key to whoever that is and try again, or end the old one regardless: `countersign machines rotate-secret <machine> --finish --force`.',
  },
  machine_secret_ended: {
    message: 'The machine has no secret key that works.',
    advice:
      'Its newest was ended, for one because it was reported as leaked. Make another: `countersign machines rotate-secret <machine>`.',
  },
  payload_too_large: {
    message: 'The request is too large.',
    advice: 'Bodies are limited to 64 KiB and targets to 4 KiB.',
  },
  storage_unavailable: {
    message: 'The authority cannot reach its storage. Try again shortly.',
    advice:
      'The database is locked, full, read-only or gone; the log says which. The request had no effect that was acknowledged.',
  },
  rate_limited: {
    message: 'Too many requests. Try again shortly.',
    advice:
      'Nobody has to say who they are to report leaked credentials, so each address may do so 30 times a minute, and all together 300 times.',
  },
  too_many_streams: {
    message: 'As many streams of events are open as may be.',
    advice:
      'A verifier goes on by fetching the status lists now and then, so nothing is lost. One process of the authority has 1,024 streams at most.',
  },
  signing_unavailable: {
    message: 'The authority cannot sign at the moment. Try again shortly.',
    advice:
      'The vault of the signing keys refused or did not answer in time: a KMS that is away, throttles or denies, a key file that is gone or was altered. The log says which. No token was issued; opaque tokens need no signature and go on.',
  },
  internal_error: {
    message: 'The authority failed to answer.',
    advice: 'A defect. The log has the details under the request id of the answer.',
  },
} as const satisfies Record<string, ErrorEntry>

/** The stable codes. */
export type ErrorCode = keyof typeof ERRORS

/** What a refusal may say besides its code. */
export interface ErrorDetails {
  /** Told to the caller: what was wrong with this request. Never a secret, a token or a claim value. */
  readonly explanation?: string
  /** The parameter at fault. */
  readonly parameter?: string
  /** For the log only. */
  readonly cause?: unknown
}

/** A refusal. Branch on `code`. */
export class AuthorityError extends Error {
  readonly code: ErrorCode
  readonly explanation: string | undefined
  readonly parameter: string | undefined

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(ERRORS[code].message, { cause: details.cause })
    this.name = 'AuthorityError'
    this.code = code
    this.explanation = details.explanation
    this.parameter = details.parameter
  }
}
