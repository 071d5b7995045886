import { JWT_ALGORITHMS, type JwtAlgorithm } from '../token/algorithms.ts'
import { type CountersignError, refusal } from '../token/errors.ts'
import { isJsonObject, isText } from '../token/json.ts'

/** Checks of options that several doors share. Each throws `configuration-invalid`, naming the option. */

/** @throws {CountersignError} `configuration-invalid` */
export function invalidOption(expected: string): CountersignError {
  return refusal('configuration-invalid', expected)
}

/** An object, and a name that is misspelt must not leave a door open. */
export function checkNames(whose: string, options: unknown, names: readonly string[]): void {
  if (!isJsonObject(options)) throw invalidOption(`${whose} to be an object`)
  const unknown = Object.keys(options).find((name) => !names.includes(name))
  if (unknown !== undefined) throw invalidOption(`${whose} without ${unknown.slice(0, 64)}`)
}

/** How each option is checked, which gives what is to be used; each throws, naming the option. */
export type Checks<Options, Checked extends Options> = {
  readonly [Name in keyof Options]-?: (name: string, value: Options[Name]) => Checked[Name]
}

/** Checks those of the options that are named here. */
export function checkEach<Options extends object, Checked extends Options>(
  options: Options,
  checks: Checks<Options, Checked>,
): Checked {
  const names = Object.keys(checks) as (keyof Options & string)[]
  const checked = names.map((name) => [name, checks[name](name, options[name])])
  return Object.fromEntries(checked) as Checked
}

export function checkText(name: string, value: unknown): string {
  if (isText(value)) return value
  throw invalidOption(`${name} to be a text`)
}

/**
 * An http or https URL that has nothing but a place: what is compared and appended to is the text, so it
 * is the text that is looked at.
 */
export function checkUrl(name: string, value: unknown): string {
  const isPlace = typeof value === 'string' && /^https?:\/\/[^\s?#@]+$/i.test(value)
  if (isPlace && URL.canParse(value)) return value.replace(/\/+$/, '')
  throw invalidOption(`${name} to be an http(s) URL without query, fragment or user`)
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
  const texts: readonly unknown[] = [value].flat()
  if (texts.length > 0 && texts.every(isText)) return texts
  throw invalidOption(`${name} to be a text, texts, or null for any`)
}

export function checkAlgorithms(
  name: string,
  value: unknown = JWT_ALGORITHMS,
): readonly JwtAlgorithm[] {
  const algorithms = Array.isArray(value) ? [...(value as readonly JwtAlgorithm[])] : []
  if (algorithms.length > 0 && algorithms.every((one) => JWT_ALGORITHMS.includes(one))) {
    return algorithms
  }
  throw invalidOption(`${name} to be some of ${String(JWT_ALGORITHMS)}`)
}
