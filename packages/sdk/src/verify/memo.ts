import { invalidOption } from './options.ts'

/** The most values that are kept; whoever has more makes them itself, with `create…`. */
const MAX_VALUES = 64

/**
 * Makes a value for its options once, for the calls that take them every time. Equal options are those
 * that say the same, however they came about: a key set by its text, a function by its identity.
 *
 * @throws {CountersignError} what `make` throws; nothing is kept of that.
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

  const replace = (_: string, value: unknown): unknown => {
    if (typeof value === 'function') return { function: identityOf(value) }
    // JSON would call it null, which as an option says something else.
    return typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value
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

function nameOf(options: object, replace: (name: string, value: unknown) => unknown): string {
  try {
    return JSON.stringify(options, replace)
  } catch {
    throw invalidOption('options that JSON can hold, but for functions')
  }
}
