import { CountersignError } from '../token/errors.ts'
import type { MachineScope } from './types.ts'

/** Puts arguments into paths and queries. */

const SAFE_ID = /^\w{1,64}$/

/** An id as a part of a path: nothing that could lead elsewhere. @throws `argument-invalid` */
export function idInPath(name: string, id: unknown): string {
  if (typeof id === 'string' && SAFE_ID.test(id)) return id
  throw new CountersignError('argument-invalid', {
    expected: `${name} to be an id of letters, digits and underscores`,
  })
}

/** A query; what is absent is left out. */
export function query(
  params: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined) search.set(name, String(value))
  }
  return search.size === 0 ? '' : `?${search.toString()}`
}

/** The answer to a question about one thing must be about that thing. @throws `answer-unexpected` */
export function about<Item extends { readonly id: string | null }>(id: string, item: Item): Item {
  if (item.id !== null && canonical(item.id) === canonical(id)) return item
  throw new CountersignError('answer-unexpected', { expected: `the object ${id}` })
}

/** Hexadecimal ids may be written in capitals, and API keys' with an older prefix; others in one way. */
function canonical(id: string): string {
  const isHex = /^(?:mt|ak|api_key)_[0-9a-f]{32}$/i.test(id)
  return isHex ? id.toLowerCase().replace(/^api_key_/, 'ak_') : id
}

/** The scope in an answer must be the one asked for. @throws `answer-unexpected` */
export function between(from: string, to: string, scope: MachineScope): MachineScope {
  if (scope.fromMachineId === from && scope.toMachineId === to) return scope
  throw new CountersignError('answer-unexpected', { expected: `the scope of ${from} to ${to}` })
}

/** What was asked for must be what the answer says was done. @throws `answer-unexpected` */
export function done<Item>(item: Item, isDone: boolean, expected: string): Item {
  if (isDone) return item
  throw new CountersignError('answer-unexpected', { expected })
}

/** @throws `configuration-invalid` when no key was given for this call. */
export function required(secret: string | undefined, name: string): string {
  if (secret !== undefined && secret !== '') return secret
  throw new CountersignError('configuration-invalid', {
    expected: `${name} to be set for this call`,
  })
}

/** To a question whether a credential is valid, "not found" is the answer no. */
export function notFoundAsInvalid(error: unknown): unknown {
  if (!(error instanceof CountersignError) || error.status !== 404) return error
  const { status, errors, requestId } = error
  return new CountersignError('token-invalid', { status, errors, requestId })
}
