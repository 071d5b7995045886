import { type CredentialKind, parseCredential } from '../token/credential.ts'
import { CountersignError } from '../token/errors.ts'
import { MAX_TOKEN_CHARACTERS } from '../token/jws.ts'

/**
 * Looks at a credential before the authority is asked about it, and gives the id in it: what the answer
 * must be about. `null` where the key of the call is not of our kind, and so tells nothing of the form
 * of the authority's credentials.
 *
 * @throws {CountersignError} `token-malformed`: garbage costs no call.
 */
export function idOfPresented(key: string, text: string, kind: CredentialKind): string | null {
  if (isOurKey(key)) {
    const credential = parseCredential(text)
    if (credential?.kind === kind) return credential.id
    throw malformed('a right checksum')
  }
  checkLength(text)
  return null
}

/** What may be sent to be asked about. @throws {CountersignError} `token-malformed` */
export function checkLength(text: string): void {
  if (text === '') throw malformed('one')
  if (text.length > MAX_TOKEN_CHARACTERS) throw malformed('a shorter one')
}

/** Whether a key was made by an authority of this kind, and so also the credentials that go with it. */
function isOurKey(key: string): boolean {
  return parseCredential(key) !== null
}

function malformed(expected: string): CountersignError {
  return new CountersignError('token-malformed', { expected })
}
