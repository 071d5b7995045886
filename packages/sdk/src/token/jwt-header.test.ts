import { describe, expect, test } from 'vitest'
import { JWT_ALGORITHMS } from './algorithms.ts'
import { isCountersignError } from './errors.ts'
import type { JsonObject } from './json.ts'
import { type HeaderRules, judgeHeader } from './jwt-header.ts'

const RULES: HeaderRules = { typ: 'jwt', isTypOptional: false, cat: ['a', 'b'] }
const HEADER = { alg: 'ES256', typ: 'JWT', kid: 'key_1', cat: 'a' }

const judged = (
  members: JsonObject,
  rules: Partial<HeaderRules> = {},
  algorithms = JWT_ALGORITHMS,
): string => {
  try {
    judgeHeader({ ...HEADER, ...members }, { ...RULES, ...rules }, algorithms)
    return 'accepted'
  } catch (error) {
    return isCountersignError(error) ? error.message : String(error)
  }
}

test('any of several class tags will do, and none only where that is among them', () => {
  for (const cat of ['a', 'b']) expect(judged({ cat })).toBe('accepted')
  expect(judged({ cat: undefined })).toBe('token-class-mismatch: expected cat a,b')
  expect(judged({ cat: undefined }, { cat: ['a', undefined] })).toBe('accepted')
})

test('the type may be left out only where the class allows it', () => {
  expect(judged({ typ: undefined })).toBe('token-class-mismatch: expected typ jwt')
  expect(judged({ typ: undefined }, { isTypOptional: true })).toBe('accepted')
})

test('only in front of a media type application/ means nothing', () => {
  expect(judged({ typ: 'application/jwt' })).toBe('accepted')
  for (const typ of ['application/application/jwt', 'xapplication/jwt', 'jwtapplication/']) {
    expect(judged({ typ })).toBe('token-class-mismatch: expected typ jwt')
  }
})

test('a kid of 128 characters is taken, and none that is longer', () => {
  expect(judged({ kid: 'k'.repeat(128) })).toBe('accepted')
  expect(judged({ kid: 'k'.repeat(129) })).toBe('token-malformed: expected kid to be a text')
})

describe('an algorithm', () => {
  const REFUSED = 'token-algorithm-not-allowed: expected alg to be RS256 or ES256 or EdDSA'

  test.each(['none', 'HS256', 'RS512', 'es256', ''])(
    'that is none of ours is refused: %j',
    (alg) => {
      expect(judged({ alg })).toBe(REFUSED)
    },
  )

  test('that this verifier does not accept is refused, whatever it is called', () => {
    expect(judged({}, {}, ['RS256', 'EdDSA'])).toBe(
      'token-algorithm-not-allowed: expected alg to be RS256 or EdDSA',
    )
    expect(judged({ alg: 'Ed25519' }, {}, ['EdDSA'])).toBe('accepted')
    expect(judged({ alg: 'Ed25519' }, {}, ['ES256'])).toBe(
      'token-algorithm-not-allowed: expected alg to be ES256',
    )
  })
})

test.each(['jku', 'jwk', 'x5u', 'x5c', 'crit', 'b64', 'zip', 'enc'])(
  'the member %s is refused by its name, whatever it says',
  (name) => {
    for (const value of [undefined, null, false, '', []]) {
      expect(judged({ [name]: value })).toBe(`token-malformed: expected no ${name}`)
    }
  },
)

test('a refusal says what should have been there', () => {
  expect(judged({ alg: 1 })).toBe('token-malformed: expected alg to be a text')
  expect(judged({ kid: '' })).toBe('token-malformed: expected kid to be a text')
})
