/** `WWW-Authenticate` (RFC 9110 §11.6.1): challenges, each a scheme and its parameters. */

const MAX_CHARACTERS = 4_096

/** A parameter, before which a scheme may stand; or a scheme alone; or a text that belongs to neither. */
const PART =
  /(?:([!#$%&'*+.^_`|~\w-]+) +)?([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([!#$%&'*+.^_`|~\w-]+))|([!#$%&'*+.^_`|~\w-]+)|"(?:[^"\\]|\\.)*"/g

/**
 * Whether an answer says that the bearer token is what was wrong, so that another may be right
 * (RFC 6750 §3.1: expired, revoked, malformed).
 */
export function refusesToken(response: Response): boolean {
  if (response.status !== 401) return false
  const value = (response.headers.get('www-authenticate') ?? '').slice(0, MAX_CHARACTERS)
  let scheme = ''
  for (const [, named, name, quoted, plain, alone] of value.matchAll(PART)) {
    scheme = (named ?? alone ?? scheme).toLowerCase()
    const isError = scheme === 'bearer' && name?.toLowerCase() === 'error'
    if (isError && (quoted ?? plain) === 'invalid_token') return true
  }
  return false
}
