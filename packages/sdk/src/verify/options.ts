import { JWT_ALGORITHMS, type JwtAlgorithm } from '../token/algorithms.ts'
import { CountersignError } from '../token/errors.ts'
import { isJsonObject } from '../token/json.ts'

/** Checks of options that several doors share. Each throws `configuration-invalid`, naming the option. */

/** @throws {CountersignError} `configuration-invalid` */
export function invalidOption(expected: string): CountersignError {
  return new CountersignError('configuration-invalid', { expected })
}

/** An object with no other members than these: one that is misspelt would guard nothing. */
export function checkMembers(of: string, options: unknown, names: readonly string[]): void {
  if (!isJsonObject(options)) throw invalidOption(`${of} to be an object`)
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown === undefined) return
  throw invalidOption(`${of} to have only ${names.join(', ')}; ${unknown} is none of them`)
}

export function checkText(name: string, value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw invalidOption(`${name} to be a text that is not empty`)
}

/** An http or https URL that has nothing but a place: what is compared and appended to is the text. */
export function checkUrl(name: string, value: unknown): string {
  const expected = `${name} to be an http or https URL without query, fragment or password`
  let url: URL
  try {
    // The parser forgives white space and sees no empty query or fragment.
    if (typeof value !== 'string' || /[\s?#]/.test(value)) throw new TypeError('Not a URL.')
    url = new URL(value)
  } catch {
    throw invalidOption(expected)
  }
  const isPlain = url.username === '' && url.password === ''
  if (!isPlain || !['http:', 'https:'].includes(url.protocol)) throw invalidOption(expected)
  return value.replace(/\/+$/, '')
}

export function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return value
  throw invalidOption(`${name} to be a number from ${min} to ${max}`)
}

export function checkFunction<Value>(name: string, value: Value): Value {
  if (value === undefined || typeof value === 'function') return value
  throw invalidOption(`${name} to be a function`)
}

/** One text or several; `null` is said, not left out. */
export function checkTextsOrNull(name: string, value: unknown): readonly string[] | null {
  if (value === null) return null
  const texts: readonly unknown[] = Array.isArray(value) ? value : [value]
  if (texts.length > 0 && texts.every((one) => typeof one === 'string' && one !== '')) {
    return Object.freeze([...(texts as readonly string[])])
  }
  throw invalidOption(`${name} to be given: a text, several, or null to accept any`)
}

export function checkAlgorithms(value: unknown): readonly JwtAlgorithm[] {
  if (value === undefined) return JWT_ALGORITHMS
  const isSome = Array.isArray(value) && value.length > 0
  if (isSome && value.every((one) => JWT_ALGORITHMS.includes(one as JwtAlgorithm))) {
    return Object.freeze([...(value as readonly JwtAlgorithm[])])
  }
  throw invalidOption(`algorithms to be some of ${JWT_ALGORITHMS.join(', ')}`)
}

/** Whether a token's status is to be checked: unless it was said that it is not. */
export function isStatusChecked(revocation: unknown): boolean {
  if (revocation === undefined || revocation === null) return revocation === undefined
  throw invalidOption('revocation to be absent, or null to turn the checking of a status off')
}
