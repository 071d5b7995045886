import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { CountersignError, type CountersignErrorCode, isCountersignError } from './errors.ts'
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
