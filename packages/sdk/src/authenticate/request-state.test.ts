import { describe, expect, test } from 'vitest'
import { CountersignError } from '../token/errors.ts'
import { M2MToken } from '../token/m2m-token.ts'
import { m2mAuth } from './auth-object.ts'
import { signedIn, signedOut } from './request-state.ts'

const TOKEN = 'mt_the-token-itself'
const machine = new M2MToken(
  'mt_1',
  'mch_1',
  [],
  { note: 'a claim' },
  false,
  null,
  false,
  null,
  1,
  1,
)
const auth = m2mAuth(machine, TOKEN)

/** Everything that a refusal knows and a caller must not learn. */
const ERROR = new CountersignError('token-audience-mismatch', {
  expected: 'aud to name mch_secretplan',
  got: '2 other receivers',
  requestId: 'req_1',
})
const refused = signedOut('m2m_token', {
  reason: 'token-verification-failed',
  error: ERROR,
  isPresented: true,
})

const silent = (retryAfter?: number) =>
  signedOut('m2m_token', {
    reason: 'unexpected-error',
    error: new CountersignError('authority-unreachable', { retryAfter }),
    isPresented: true,
  })

describe('a state that is signed in', () => {
  const state = signedIn('m2m_token', TOKEN, auth)

  test('has the members of Clerk’s', () => {
    expect(state).toMatchObject({
      status: 'signed-in',
      isAuthenticated: true,
      isSignedIn: true,
      tokenType: 'm2m_token',
      token: TOKEN,
      reason: null,
      message: null,
      error: null,
    })
    expect(state.toAuth()).toBe(auth)
    expect([...state.headers]).toEqual([])
  })

  test('shows a log neither the token nor a claim', () => {
    expect(state.debug()).toEqual({ tokenType: 'm2m_token', isAuthenticated: true })
  })
})

describe('a state that is signed out', () => {
  test('tells the operator why', () => {
    expect(refused).toMatchObject({
      status: 'signed-out',
      isAuthenticated: false,
      isSignedIn: false,
      token: null,
      reason: 'token-verification-failed',
      error: ERROR,
      httpStatus: 401,
    })
    expect(refused.message).toContain('2 other receivers')
    expect(refused.debug()).toEqual({
      tokenType: 'm2m_token',
      isAuthenticated: false,
      reason: 'token-verification-failed',
      code: 'token-audience-mismatch',
    })
  })

  test('tells the caller that the token is bad, and nothing more (RFC 6750 §3.1)', async () => {
    const response = refused.toResponse()
    expect(response.status).toBe(401)
    expect([...response.headers]).toEqual([['www-authenticate', 'Bearer error="invalid_token"']])
    expect(await response.text()).toBe('')
    expect([...refused.headers]).toEqual([...response.headers])
  })

  test('calls no token bad where none was presented', () => {
    const state = signedOut('m2m_token', { reason: 'No token in header', isPresented: false })
    expect(state).toMatchObject({ error: null, message: '', httpStatus: 401 })
    expect([...state.toResponse().headers]).toEqual([['www-authenticate', 'Bearer']])
    expect(state.debug()).toMatchObject({ code: null })
  })

  test.each([
    [undefined, '1'],
    [0, '0'],
    [30, '30'],
  ])(
    'is 503 where nothing was learned of the token, and says when to try again: %j',
    (seconds, header) => {
      const state = silent(seconds)
      const response = state.toResponse()
      expect([state.httpStatus, response.status]).toEqual([503, 503])
      expect([...response.headers]).toEqual([['retry-after', header]])
      expect([...state.headers]).toEqual([['retry-after', header]])
    },
  )

  test('gives each its own answer: what is done to one is not seen by another', () => {
    const response = refused.toResponse()
    response.headers.set('x', 'y')
    refused.headers.set('x', 'y')
    expect(refused.toResponse().headers.has('x')).toBe(false)
    refused.headers.delete('x')
  })

  test('has the object of nobody, and cannot be made somebody', () => {
    expect(refused.toAuth()).toMatchObject({ isAuthenticated: false, machineId: null })
    expect(() => Object.assign(refused, { isAuthenticated: true })).toThrow(TypeError)
  })
})
