import { engine } from '#engine'
import type { JwtAlgorithm } from '../token/algorithms.ts'
import { copyJson, type JsonObject } from '../token/json.ts'
import { MAX_TOKEN_CHARACTERS } from '../token/jws.ts'
import type { Engine } from './engine/engine.ts'
import { type Fetch, fetchJson, PLATFORM_FETCH } from './fetch-json.ts'
import { isJwkSet } from './jwk.ts'
import { createKeySet, type KeySet } from './key-set.ts'
import {
  checkAlgorithms,
  checkEach,
  checkFunction,
  checkNumber,
  type Checks,
  checkText,
  checkUrl,
  invalidOption,
} from './options.ts'

/** What is to be said of every issuer whose JWTs are verified. */
export interface JwtOptions {
  /** The exact `iss` of its tokens. */
  readonly issuer: string
  /** A key set that never changes. Nothing is fetched. */
  readonly jwks?: { readonly keys: readonly JsonObject[] } | undefined
  /** Where the key set is, unless `jwks` is given. Default `<issuer>/.well-known/jwks.json`. */
  readonly jwksUri?: string | undefined
  /** How old the fetched key set may become while its source is silent. Default 86,400, at most 604,800. */
  readonly jwksMaxStaleSeconds?: number | undefined
  /** How far clocks may be apart. Default 5, at most 60. */
  readonly clockToleranceSeconds?: number | undefined
  /** The algorithms to accept at all; the key decides among them. Default RS256, ES256 and EdDSA. */
  readonly algorithms?: readonly JwtAlgorithm[] | undefined
  /** The longest token to look at. Default 16,384, at most 65,536. */
  readonly maxTokenBytes?: number | undefined
  /**
   * How many verified tokens are remembered by their SHA-256. Default 1,000, 0 for none. What the tokens of a
   * machine have in common is known besides.
   */
  readonly cacheSize?: number | undefined
  /** How the key set is fetched. Default the platform's `fetch`. */
  readonly fetch?: Fetch | undefined
  /** Epoch milliseconds; drives the judgement of tokens and the age of the key set. */
  readonly clock?: (() => number) | undefined
  /**
   * Is given work that goes on after an answer, for platforms that end a request with its answer:
   * `waitUntil` of Cloudflare's workers.
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

/** The options once each is checked. */
export interface CheckedJwtOptions extends JwtOptions {
  readonly clockToleranceSeconds: number
  readonly algorithms: readonly JwtAlgorithm[]
  readonly maxTokenBytes: number
  readonly cacheSize: number
  readonly jwksMaxStaleSeconds: number
  readonly fetch: Fetch
}

/** The clock of the options, or the platform's two. */
interface Clocks {
  /** Epoch milliseconds. */
  readonly now: () => number
  /** Milliseconds that should only go forward. */
  readonly monotonicMs: () => number
}

/** What decides about the JWTs of an issuer. */
export interface JwtSettings extends Omit<CheckedJwtOptions, 'clock'>, Clocks {}

export const JWT_CHECKS: Checks<JwtOptions, CheckedJwtOptions> = {
  algorithms: checkAlgorithms,
  cacheSize: (name, value = 1_000) => checkNumber(name, value, 0, 1_000_000),
  clock: checkFunction,
  clockToleranceSeconds: (name, value = 5) => checkNumber(name, value, 0, 60),
  fetch: (name, value = PLATFORM_FETCH) => checkFunction(name, value),
  issuer: checkText,
  jwks: checkJwks,
  jwksMaxStaleSeconds: (name, value = 86_400) => checkNumber(name, value, 1, 604_800),
  jwksUri: (name, value) => (value === undefined ? value : checkUrl(name, value)),
  maxTokenBytes: (name, value = MAX_TOKEN_CHARACTERS) => checkNumber(name, value, 1, 65_536),
  waitUntil: checkFunction,
}

export const JWT_OPTION_NAMES: readonly string[] = Object.keys(JWT_CHECKS)

/** @throws {CountersignError} `configuration-invalid`, naming the option. */
export function checkJwtOptions(options: JwtOptions): JwtSettings {
  return withClock(checkEach(options, JWT_CHECKS))
}

export function withClock<Options extends Pick<JwtOptions, 'clock'>>({
  clock,
  ...options
}: Options): Omit<Options, 'clock'> & Clocks {
  return {
    ...options,
    now: clock ?? (() => Date.now()),
    monotonicMs: clock ?? (() => performance.now()),
  }
}

/** As it is now. */
function checkJwks(name: string, value: JwtOptions['jwks']): JwtOptions['jwks'] {
  if (value === undefined || isJwkSet(value)) return copyJson(value) as JwtOptions['jwks']
  throw invalidOption(`${name} to be a JWK Set`)
}

/** The key set of the options: a verifier's own. @throws {CountersignError} `configuration-invalid` */
export function keySetOf(settings: JwtSettings, on: Engine = engine): KeySet {
  const { issuer, jwks, jwksUri, fetch } = settings
  if (jwks === undefined) {
    const url = jwksUri ?? `${checkUrl('issuer', issuer)}/.well-known/jwks.json`
    const load = (): Promise<unknown> => fetchJson(fetch, url)
    return createKeySet({ ...settings, engine: on, load, source: `a JWK Set at ${url}` })
  }
  if (jwksUri !== undefined) throw invalidOption('jwks without jwksUri')
  // It never grows old.
  const given = { load: () => Promise.resolve(jwks), source: 'jwks', monotonicMs: () => 0 }
  return createKeySet({ ...settings, engine: on, ...given })
}
