import { parseCredential } from '../token/credential.ts'
import { CountersignError } from '../token/errors.ts'
import { isJsonObject } from '../token/json.ts'
import type { Fetch } from '../verify/fetch-json.ts'

export interface RetryOptions {
  /** How often a call that is safe to repeat is tried again. Default 2, 0 for never. */
  readonly retries?: number
  /** The longest first wait; it doubles. Default 100. */
  readonly backoffMs?: number
}

/** What a client is made with. */
export interface ClientOptions {
  /** Where the authority is reached. May have a path; a trailing slash is ignored. */
  readonly apiUrl: string
  /** The instance key (`sk_…`), for administering. */
  readonly secretKey?: string | undefined
  /** This machine's secret key (`ak_…`), for creating and verifying tokens. */
  readonly machineSecretKey?: string | undefined
  /** The `iss` of its JWTs, where that is not `apiUrl`. */
  readonly issuer?: string | undefined
  readonly fetch?: Fetch
  /** How long a call may take, retries and the reading of the answer included. Default 10,000. */
  readonly timeoutMs?: number
  readonly retry?: RetryOptions
  /** Epoch milliseconds; drives the judgement of tokens and the age of the key set. */
  readonly clock?: () => number
  /** From 0 to below 1; spreads the waits before repetitions. */
  readonly random?: () => number
}

/** Options once they are checked. Secrets stay behind functions, so that nothing prints them. */
export interface Settings {
  readonly apiUrl: string
  readonly issuer: string
  readonly fetch: Fetch
  readonly timeoutMs: number
  readonly retries: number
  readonly backoffMs: number
  readonly random: () => number
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly secretKey: () => string | undefined
  readonly machineSecretKey: () => string | undefined
}

const DEFAULTS = { timeoutMs: 10_000, retries: 2, backoffMs: 100 } as const

const MAX_TIMEOUT_MS = 600_000

/** @throws {CountersignError} `configuration-invalid`, naming the option. */
export function checkOptions(options: ClientOptions): Settings {
  if (!isJsonObject(options)) throw invalid('options to be an object with apiUrl')
  const retry = options.retry ?? {}
  const clock = checkFunction('clock', options.clock)
  const apiUrl = checkUrl('apiUrl', options.apiUrl)
  const secretKey = checkSecretKey(options.secretKey)
  const machineSecretKey = checkMachineSecretKey(options.machineSecretKey)
  return Object.freeze({
    apiUrl,
    issuer: options.issuer === undefined ? apiUrl : checkUrl('issuer', options.issuer),
    fetch: checkFunction('fetch', options.fetch) ?? ((url, init) => fetch(url, init)),
    timeoutMs: checkNumber('timeoutMs', options.timeoutMs ?? DEFAULTS.timeoutMs, 1, MAX_TIMEOUT_MS),
    retries: checkNumber('retry.retries', retry.retries ?? DEFAULTS.retries, 0, 10),
    backoffMs: checkNumber('retry.backoffMs', retry.backoffMs ?? DEFAULTS.backoffMs, 0, 60_000),
    random: checkFunction('random', options.random) ?? (() => Math.random()),
    now: clock ?? (() => Date.now()),
    monotonicMs: clock ?? (() => performance.now()),
    secretKey: () => secretKey,
    machineSecretKey: () => machineSecretKey,
  })
}

/** The id of the machine that a secret key belongs to, which the key itself tells. */
export function machineIdOf(machineSecretKey: string): string | null {
  const credential = parseCredential(machineSecretKey)
  return credential?.kind === 'machine-secret' ? credential.id : null
}

function checkUrl(name: string, value: unknown): string {
  const expected = `${name} to be an http or https URL without query, fragment or password`
  let url: URL
  try {
    // The parser forgives white space and sees no empty query or fragment, but it is the text that is
    // compared and appended to.
    if (typeof value !== 'string' || /[\s?#]/.test(value)) throw new TypeError('Not a URL.')
    url = new URL(value)
  } catch {
    throw invalid(expected)
  }
  const isPlain = url.username === '' && url.password === ''
  if (!isPlain || !['http:', 'https:'].includes(url.protocol)) throw invalid(expected)
  return value.replace(/\/+$/, '')
}

function checkSecretKey(value: unknown): string | undefined {
  const secret = checkSecret('secretKey', value)
  // With the instance's key every receiver is accepted: a machine's key in its place must not do that.
  if (secret?.startsWith('ak_') !== true) return secret
  throw invalid('secretKey to be the key of the instance; a machine’s belongs in machineSecretKey')
}

/** @throws {CountersignError} `configuration-invalid` */
export function checkMachineSecretKey(value: unknown): string | undefined {
  const secret = checkSecret('machineSecretKey', value)
  if (secret?.startsWith('sk_') !== true) return secret
  throw invalid('machineSecretKey to be the key of a machine; the instance’s belongs in secretKey')
}

/** An empty secret counts as none, as at Clerk: that is what an unset variable often becomes. */
function checkSecret(name: string, value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string' && /^[\x21-\x7e]{1,256}$/.test(value)) return value
  throw invalid(`${name} to be a secret key without white space`)
}

function checkNumber(name: string, value: unknown, min: number, max: number): number {
  if (typeof value === 'number' && value >= min && value <= max) return Math.floor(value)
  throw invalid(`${name} to be a number from ${min} to ${max}`)
}

function checkFunction<Value>(name: string, value: Value): Value {
  if (value === undefined || typeof value === 'function') return value
  throw invalid(`${name} to be a function`)
}

function invalid(expected: string): CountersignError {
  return new CountersignError('configuration-invalid', { expected })
}
