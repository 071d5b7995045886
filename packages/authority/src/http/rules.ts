import * as v from 'valibot'
import { AuthorityError } from '../domain/errors.ts'

/** The rules that several endpoints share. A message says what a value must be. */

const MAX_SECONDS = 315_360_000

const MACHINE_ID = /^mch_\w{27}$/

/** A JSON object with these members and no others. */
export function body<Entries extends v.ObjectEntries>(
  entries: Entries,
): v.StrictObjectSchema<Entries, string> {
  return v.strictObject(entries, 'must be a JSON object with the required members')
}

export function text(minLength: number, maxLength: number): v.GenericSchema<unknown, string> {
  const message =
    minLength === 0
      ? `must be a string of at most ${maxLength} characters`
      : `must be a string of ${minLength} to ${maxLength} characters`
  return v.pipe(
    v.unknown(),
    v.check((value) => {
      return (
        typeof value === 'string' &&
        value.length >= minLength &&
        value.length <= maxLength &&
        // A lone surrogate or a NUL has no place in a name and breaks whoever prints it.
        value.isWellFormed() &&
        !value.includes('\0')
      )
    }, message),
    v.transform((value) => value as string),
  )
}

export function pattern(form: RegExp, message: string): v.GenericSchema<unknown, string> {
  return v.pipe(v.string(message), v.regex(form, message))
}

export const machineId: v.GenericSchema<unknown, string> = pattern(
  MACHINE_ID,
  'must be a machine id (mch_ and 27 characters)',
)

export function machineIds(maxCount: number): v.GenericSchema<unknown, string[]> {
  const message = `must be an array of at most ${maxCount} machine ids`
  return v.pipe(v.array(machineId, message), v.maxLength(maxCount, message))
}

/** Whole seconds. */
export function wholeSeconds(min: number, max: number): v.GenericSchema<unknown, number> {
  const message = `must be a whole number of seconds from ${min} to ${max}`
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

export function wholeNumber(min: number, max: number): v.GenericSchema<unknown, number> {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(
    v.number(message),
    v.integer(message),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

/** Epoch milliseconds. */
export const instant: v.GenericSchema<unknown, number> = wholeNumber(0, 8_640_000_000_000_000)

export const signingKeyId: v.GenericSchema<unknown, string> = pattern(
  /^key_\w{27}$/,
  'must be the id of a signing key (key_ and 27 characters)',
)

/** The lifetime of a machine's tokens. */
export const defaultTokenTtl: v.GenericSchema<unknown, number> = wholeSeconds(1, MAX_SECONDS)

const LIFETIME = `must be a number of seconds greater than 0 and at most ${MAX_SECONDS}, or null`

/** Seconds, also a fraction; `null` for none. */
export const lifetime: v.GenericSchema<unknown, number | null> = v.nullable(
  v.pipe(v.number(LIFETIME), v.gtValue(0, LIFETIME), v.maxValue(MAX_SECONDS, LIFETIME)),
)

export const jwtAlgorithm: v.GenericSchema<unknown, 'RS256' | 'ES256' | 'EdDSA' | null> =
  v.nullable(v.picklist(['RS256', 'ES256', 'EdDSA'], 'must be RS256, ES256, EdDSA or null'))

export const revocation: v.GenericSchema<
  unknown,
  { revocation_reason?: string | null | undefined }
> = body({ revocation_reason: v.optional(v.nullable(text(0, 255))) })

/** A count in a query. */
export function count(min: number, max: number): v.GenericSchema<unknown, number> {
  const message = `must be a whole number from ${min} to ${max}`
  return v.pipe(
    v.string(message),
    v.regex(/^\d{1,16}$/, message),
    v.transform(Number),
    v.minValue(min, message),
    v.maxValue(max, message),
  )
}

/** Epoch milliseconds in a query. */
export const instantInQuery: v.GenericSchema<unknown, number> = count(0, 8_640_000_000_000_000)

/** How far into a list a page may begin. */
export const offset: v.GenericSchema<unknown, number> = count(0, 1_000_000)

/** Of these parameters at least one. @throws {AuthorityError} `bad_request` */
export function requireOne(input: object, names: readonly string[]): void {
  const given = new Map(Object.entries(input))
  if (names.some((name) => given.get(name) !== undefined)) return
  throw new AuthorityError('bad_request', {
    explanation: `At least one of ${names.join(', ')} is required.`,
  })
}

/** A parameter that goes with others only. @throws {AuthorityError} `bad_request` */
export function requireFit(fits: boolean, parameter: string, needed: string): void {
  if (fits) return
  throw new AuthorityError('bad_request', {
    explanation: `${parameter} needs ${needed}.`,
    parameter,
  })
}

/** `true` or `false` in a query. */
export const flag: v.GenericSchema<unknown, boolean> = v.pipe(
  v.picklist(['true', 'false'], 'must be true or false'),
  v.transform((value) => value === 'true'),
)
