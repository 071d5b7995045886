import { describe, expect, test } from 'vitest'
import { SDK_ERRORS } from '../token/error-advice.ts'
import { CountersignError, type CountersignErrorCode } from '../token/errors.ts'
import { TokenType } from '../token/token-type.ts'
import { isVerdict, reasonOf } from './refusals.ts'

const CODES = Object.keys(SDK_ERRORS) as CountersignErrorCode[]
const MACHINES = [TokenType.M2MToken, TokenType.ApiKey, TokenType.OAuthToken]

const of = (code: CountersignErrorCode, status?: number): CountersignError =>
  new CountersignError(code, { status })

test.each(CODES)('%s has a reason for every class of token', (code) => {
  for (const type of Object.values(TokenType)) {
    expect(reasonOf(of(code), type)).toMatch(/^[a-z-]+$/)
  }
})

describe('the reason of a machine’s refusal', () => {
  test.each([
    'token-algorithm-not-allowed',
    'token-key-unknown',
    'token-signature-invalid',
    'token-issuer-mismatch',
    'token-audience-mismatch',
    'token-subject-invalid',
    'token-claim-invalid',
    'token-expired',
    'token-not-yet-valid',
    'keys-unavailable',
    'status-unavailable',
  ] as const)('is Clerk’s one word for all that is wrong with a JWT: %s', (code) => {
    for (const type of MACHINES) expect(reasonOf(of(code), type)).toBe('token-verification-failed')
  })

  test.each(['token-invalid', 'token-malformed', 'token-class-mismatch'] as const)(
    'is that it is no token of the class: %s',
    (code) => {
      for (const type of MACHINES) expect(reasonOf(of(code), type)).toBe('token-invalid')
    },
  )

  test('is our own key when the authority does not take it, and unexpected otherwise', () => {
    for (const type of MACHINES) {
      expect(reasonOf(of('request-refused', 401), type)).toBe('secret-key-invalid')
      for (const status of [400, 403, 429, 500, 503]) {
        expect(reasonOf(of('request-refused', status), type)).toBe('unexpected-error')
      }
      expect(reasonOf(of('configuration-invalid'), type)).toBe('secret-key-invalid')
      expect(reasonOf(of('authority-unreachable'), type)).toBe('unexpected-error')
      expect(reasonOf(of('answer-unexpected'), type)).toBe('unexpected-error')
      expect(reasonOf(of('answer-unexpected', 401), type)).toBe('unexpected-error')
    }
  })
})

test.each([
  ['token-malformed', 'token-invalid'],
  ['token-class-mismatch', 'token-invalid'],
  ['token-algorithm-not-allowed', 'token-invalid-algorithm'],
  ['token-key-unknown', 'jwk-kid-mismatch'],
  ['token-signature-invalid', 'token-invalid-signature'],
  ['token-issuer-mismatch', 'token-invalid-issuer'],
  ['token-audience-mismatch', 'token-verification-failed'],
  ['token-subject-invalid', 'token-verification-failed'],
  ['token-claim-invalid', 'token-verification-failed'],
  ['token-expired', 'token-expired'],
  ['token-not-yet-valid', 'token-not-active-yet'],
  ['token-party-mismatch', 'token-invalid-authorized-parties'],
  ['keys-unavailable', 'jwk-remote-failed-to-load'],
] as const)('a session that is refused for %s has the reason %s', (code, reason) => {
  expect(reasonOf(of(code), TokenType.SessionToken)).toBe(reason)
})

test('only what was said about the token is a verdict: nobody is sent away for our own failure', () => {
  expect(CODES.filter((code) => !isVerdict(of(code)))).toEqual([
    'status-unavailable',
    'keys-unavailable',
    'authority-unreachable',
    'answer-unexpected',
    'request-refused',
    'origin-not-allowed',
    'configuration-invalid',
  ])
})
