import { expect, test } from 'vitest'
import { refusesToken } from './challenge.ts'

const answer = (challenge: string | null, status = 401): Response =>
  new Response(null, {
    status,
    headers: challenge === null ? {} : { 'www-authenticate': challenge },
  })

test.each([
  'Bearer error="invalid_token"',
  'bearer error=invalid_token',
  'Bearer realm="api", error="invalid_token", error_description="it \\"expired\\""',
  'Bearer scope="a b",error = "invalid_token"',
  'Basic realm="api", Bearer error="invalid_token"',
  'Negotiate abc==, Bearer realm="x, Basic error=1", ERROR="invalid_token"',
  'Negotiate, Bearer error="invalid_token"',
])('a stale token is told by %s', (challenge) => {
  expect(refusesToken(answer(challenge))).toBe(true)
})

test.each([
  null,
  '',
  'Bearer',
  'Bearer realm="api"',
  'Bearer error="insufficient_scope"',
  'Bearer error="invalid_request"',
  'Bearer error="invalid_token_"',
  'Bearer error_description="error=invalid_token"',
  'Bearer realm="error=\\"invalid_token\\""',
  'Basic error="invalid_token"',
  'Bearer, Basic error="invalid_token"',
  'DPoP error="invalid_token"',
  'invalid_token',
  '"Bearer error=invalid_token"',
])('nothing is told of a token by %s', (challenge) => {
  expect(refusesToken(answer(challenge))).toBe(false)
})

test('only a 401 tells', () => {
  for (const status of [200, 400, 403, 407, 500]) {
    expect(refusesToken(answer('Bearer error="invalid_token"', status))).toBe(false)
  }
})

test('a header that is made to be slow is read to a bound', () => {
  for (const part of ['a ', 'a="', 'a=', 'a="\\', '! ', 'Bearer error=" ']) {
    expect(refusesToken(answer(part.repeat(200_000)))).toBe(false)
  }
})
