import { invalidOption } from './options.ts'

/** The most values that are kept; whoever has more makes them itself, with `create…`. */
const MAX_VALUES = 64

/**
 * Makes a value for its options once, for the calls that take them every time. Equal options are those
 * that say the same, however they came about: a key set by its text, a function by its identity.
 *
 * @throws {CountersignError} what `make` throws, of which nothing is kept; or `configuration-invalid`
 *   for options that are not plain objects.
 */
export function createMemo<Options extends object, Value>(
  make: (options: Options) => Value,
): (options: Options) => Value {
  const identities = new WeakMap<object, number>()
  const values = new Map<string, Value>()
  let lastIdentity = 0

  const identityOf = (value: object): number => {
    const known = identities.get(value)
    if (known !== undefined) return known
    lastIdentity++
    identities.set(value, lastIdentity)
    return lastIdentity
  }

  /** One text for each value, also for those that JSON would leave out or call null. */
  function replace(this: unknown, name: string, value: unknown): unknown {
    // What JSON shows of an object that shows itself otherwise, or inherits, may not be what is read.
    if (!isPlain((this as Readonly<Record<string, unknown>>)[name])) throw notPlain()
    if (typeof value === 'string') return `text ${value}`
    if (typeof value === 'number') return `number ${value}`
    return typeof value === 'function' ? `function ${identityOf(value)}` : value
  }

  return (options) => {
    const name = nameOf(options, replace)
    const known = values.get(name)
    if (known !== undefined) return known
    const made = make(options)
    const [oldest] = values.keys()
    if (values.size >= MAX_VALUES && oldest !== undefined) values.delete(oldest)
    values.set(name, made)
    return made
  }
}

function isPlain(value: unknown): boolean {
  if (typeof value === 'symbol') return false
  if (typeof value !== 'object' || value === null) return true
  if ('toJSON' in value) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value)) return true
  // Every member counts, so none may be hidden: neither inherited nor left out of a listing.
  const names = Object.getOwnPropertyNames(value)
  if (names.length !== Object.keys(value).length) return false
  // By form, not by identity: another realm has prototypes of its own.
  if (prototype === null) return true
  return Object.getPrototypeOf(prototype) === null && Object.keys(prototype as object).length === 0
}

function nameOf(
  options: object,
  replace: (this: unknown, name: string, value: unknown) => unknown,
): string {
  try {
    return JSON.stringify(options, replace)
  } catch {
    throw notPlain()
  }
}

function notPlain(): Error {
  return invalidOption('options of plain objects that JSON can hold, but for functions')
}
