import { AuthorityError, type ErrorCode, ERRORS } from '../domain/errors.ts'
import type { Random } from '../domain/ports.ts'
import { json } from './respond.ts'

/** The only place where a code becomes a status. */
export const STATUSES: Readonly<Record<ErrorCode, number>> = {
  bad_request: 400,
  claims_invalid: 400,
  lifetime_invalid: 400,
  scope_not_granted: 400,
  too_many_receivers: 400,
  unauthorized: 401,
  clerk_key_invalid: 401,
  machine_secret_key_invalid: 401,
  instance_key_required: 403,
  forbidden_subject: 403,
  read_back_disabled: 403,
  resource_not_found: 404,
  token_not_found: 404,
  not_acceptable: 406,
  api_key_not_found: 404,
  scope_exists: 409,
  conflict: 409,
  payload_too_large: 413,
  secret_in_use: 409,
  machine_secret_ended: 409,
  scopes_full: 422,
  webhooks_full: 422,
  machine_unknown: 422,
  rate_limited: 429,
  internal_error: 500,
  not_supported: 501,
  storage_unavailable: 503,
  too_many_streams: 503,
  signing_unavailable: 503,
}

/** Seconds after which a caller may try again what could not be done. */
const RETRY_AFTER_SECONDS = '1'

/** A refusal as the wire has it (docs/errors.md). Says nothing of its cause. */
export function problem(error: AuthorityError, requestId: string): Response {
  const status = STATUSES[error.code]
  const { message } = ERRORS[error.code]
  const body = {
    errors: [
      {
        message,
        long_message: error.explanation ?? message,
        code: error.code,
        meta: error.parameter === undefined ? {} : { param_name: error.parameter },
      },
    ],
    meta: {},
    clerk_trace_id: requestId,
  }
  const headers: Record<string, string> = { 'x-request-id': requestId }
  // RFC 6750 §3: a challenge, and no reason for it.
  if (status === 401) headers['www-authenticate'] = 'Bearer realm="countersign"'
  if (status === 503 || status === 429) headers['retry-after'] = RETRY_AFTER_SECONDS
  return json(body, status, headers)
}

/** Names one refusal, in the answer and in the log. */
export function newRequestId(random: Random): string {
  return `req_${Buffer.from(random.bytes(12)).toString('hex')}`
}

/** Anything that was thrown, as a refusal; what is not one of ours tells the caller nothing. */
export function toAuthorityError(thrown: unknown): AuthorityError {
  return thrown instanceof AuthorityError
    ? thrown
    : new AuthorityError('internal_error', { cause: thrown })
}
