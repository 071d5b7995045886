import { expect, test } from 'vitest'
import { RESERVED_CLAIMS } from './reserved-claims.ts'

test.each([
  ['the claims of RFC 7519 §4.1', ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']],
  ['where a token may go, as Clerk has it', ['scopes']],
  ['where its status is found', ['status']],
  ['the key that it is bound to (RFC 7800 §3.1)', ['cnf']],
  ['what tells its class in the header, and might be looked for in the payload', ['cat', 'typ']],
  ['who acts for whom (RFC 8693 §4.1, §4.4)', ['act', 'may_act']],
])('a caller cannot say %s', (_, names) => {
  expect(RESERVED_CLAIMS).toEqual(expect.arrayContaining(names))
})

test('nobody can make a name free again', () => {
  expect(Object.isFrozen(RESERVED_CLAIMS)).toBe(true)
})
