import { describe, expect, test } from 'vitest'
import { isCountersignError } from './errors.ts'
import type { JsonObject } from './json.ts'
import { judgeAudience, judgeIssuer, judgeTimes, refuseBound } from './registered-claims.ts'

const ISSUER = 'https://authority.test'
const NOW = 1_000

const outcome = (judge: () => unknown): unknown => {
  try {
    return judge()
  } catch (error) {
    return isCountersignError(error) ? error.message : String(error)
  }
}

test('a refusal says what should have been there, and of another’s claim nothing', () => {
  expect(outcome(() => judgeIssuer({ iss: 'https://evil.test' }, ISSUER))).toBe(
    `token-issuer-mismatch: expected iss ${ISSUER}`,
  )
  expect(outcome(() => refuseBound({ cnf: { jkt: 'x' } }))).toBe(
    'token-claim-invalid: expected cnf to be absent',
  )
})

describe('the receivers', () => {
  const of = (aud: unknown, audience: readonly string[] | null): unknown =>
    outcome(() => judgeAudience({ aud }, audience))

  test('are those that the token names, of whom one is enough', () => {
    expect(of(['a', 'b'], ['b', 'c'])).toEqual(['a', 'b'])
    expect(of(['a', 'b'], ['c', 'a'])).toEqual(['a', 'b'])
    expect(of('a', ['b', 'a'])).toEqual(['a'])
    expect(of(['a'], null)).toEqual(['a'])
  })

  test('are none where none are named and none is demanded', () => {
    expect(of(undefined, null)).toEqual([])
    expect(of([], null)).toEqual([])
  })

  test('that are others are counted, and not named', () => {
    expect(of(['secret', 'other'], ['a', 'b'])).toBe(
      'token-audience-mismatch: expected aud to name a or b, got 2 other receivers',
    )
    expect(of([], ['a'])).toBe(
      'token-audience-mismatch: expected aud to name a, got 0 other receivers',
    )
  })

  test('that are no texts are refused, where any are accepted too', () => {
    for (const aud of [null, 1, {}, ['a', 1], [null]]) {
      for (const audience of [['a'], null]) {
        expect(of(aud, audience)).toBe('token-claim-invalid: expected aud to be a text or texts')
      }
    }
    expect(of(undefined, ['a'])).toBe('token-claim-invalid: expected aud to be a text or texts')
  })
})

describe('the times', () => {
  const of = (times: JsonObject, isNbfOptional = false): unknown =>
    outcome(() => {
      judgeTimes({ exp: NOW + 10, iat: NOW, nbf: NOW, ...times }, NOW * 1000, 5, isNbfOptional)
      return 'accepted'
    })

  test('that have passed or are to come say by how many seconds', () => {
    expect(of({ exp: NOW - 30.4 })).toBe('token-expired: expected exp ahead, got 30 s ago')
    expect(of({ nbf: NOW + 40 })).toBe(
      'token-not-yet-valid: expected nbf and iat past, got 40 s ahead',
    )
    expect(of({ iat: NOW + 50, nbf: NOW + 40 })).toBe(
      'token-not-yet-valid: expected nbf and iat past, got 50 s ahead',
    )
  })

  test('must all be there, but for nbf where that is said', () => {
    for (const name of ['exp', 'iat', 'nbf']) {
      const refused = `token-claim-invalid: expected ${name} to be a number`
      expect(of({ [name]: undefined })).toBe(refused)
      expect(of({ [name]: undefined }, true)).toBe(name === 'nbf' ? 'accepted' : refused)
    }
  })

  test('count where they need not be there but are', () => {
    expect(of({ nbf: NOW + 5.001 }, true)).toBe(
      'token-not-yet-valid: expected nbf and iat past, got 5 s ahead',
    )
    expect(of({ nbf: 'soon' }, true)).toBe('token-claim-invalid: expected nbf to be a number')
  })

  test('are numbers that a double holds exactly, from 0 on', () => {
    expect(of({ exp: Number.MAX_SAFE_INTEGER, iat: 0, nbf: 0 })).toBe('accepted')
    for (const iat of [-1, 2 ** 53, Number.NaN, Infinity, '1', null]) {
      expect(of({ iat })).toBe('token-claim-invalid: expected iat to be a number')
    }
  })
})
