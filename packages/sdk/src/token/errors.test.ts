import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import {
  CountersignError,
  type CountersignErrorCode,
  isCountersignError,
  refusal,
} from './errors.ts'
import { explainError, SDK_ERRORS } from './error-advice.ts'

test('every code says what it means and what to do', () => {
  for (const [code, { message, advice }] of Object.entries(SDK_ERRORS)) {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)+$/)
    expect(message).toMatch(/\.$/)
    expect(advice).toMatch(/\.$/)
    const error = new CountersignError(code as CountersignErrorCode)
    expect(error.message).toBe(code)
    expect(explainError(error)).toBe(message)
    expect(error.docs).toBe(`docs/errors.md#${code}`)
  }
})

test('it keeps its cause, and says to the operator what was expected', () => {
  const cause = new Error('why')
  const error = new CountersignError('token-expired', { expected: 'a', got: 'b', cause })
  expect(error.cause).toBe(cause)
  expect(error.message).toBe('token-expired: expected a, got b')
  expect(explainError(error)).toBe('The token has expired. Expected a, got b.')
  expect(inspect(error)).toContain('token-expired')
  expect('cause' in new CountersignError('token-expired')).toBe(false)
})

test('it is told by what it says, also one of another copy of the package', () => {
  expect(isCountersignError(new CountersignError('token-expired'))).toBe(true)
  const copy = Object.assign(new Error('x'), { name: 'CountersignError', code: 'token-expired' })
  expect(isCountersignError(copy)).toBe(true)
  for (const other of [new Error('x'), { code: 'token-expired' }, null, 'CountersignError']) {
    expect(isCountersignError(other)).toBe(false)
  }
})

test('an error of the platform is none of ours, though it has a code', () => {
  const system = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' })
  expect(isCountersignError(system)).toBe(false)
  const unnamed = Object.assign(new Error('x'), { name: 'CountersignError' })
  expect(isCountersignError(unnamed)).toBe(false)
})

test('what the authority says of a refused request is said again, its first error before all else', () => {
  const said = (longMessage: string) => ({ code: 'a', message: 'b', longMessage, meta: {} })
  const errors = [said('No such machine.'), said('And more.')]
  const error = new CountersignError('request-refused', { errors, expected: 'x' })
  expect(error.message).toBe('request-refused: No such machine.: expected x')
  expect(error.errors).toEqual(errors)
  expect(explainError(error)).toBe(
    'The authority refused the request. No such machine. Expected x.',
  )
  expect(new CountersignError('request-refused').errors).toEqual([])
})

test('a refusal has its code, what was expected, what was there, and its cause', () => {
  const cause = new Error('why')
  const error = refusal('token-expired', 'a', 'b', cause)
  expect(error).toMatchObject({ code: 'token-expired', expected: 'a', got: 'b', cause })
  expect(error.message).toBe('token-expired: expected a, got b')
  expect(refusal('token-expired').message).toBe('token-expired')
})
