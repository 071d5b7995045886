import { engine } from '#engine'
import type { JwtAlgorithm } from '../token/algorithms.ts'
import type { JsonObject } from '../token/json.ts'
import { MAX_TOKEN_CHARACTERS } from '../token/jws.ts'
import type { Engine } from './engine/engine.ts'
import type { Fetch } from './fetch-json.ts'
import {
  createRemoteKeySet,
  createStaticKeySet,
  DEFAULT_MAX_STALE_SECONDS,
  type KeySet,
} from './key-set.ts'
import {
  checkAlgorithms,
  checkFunction,
  checkNumber,
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
  /** How many verified tokens are remembered by their SHA-256. Default 1,000, 0 for none. */
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

/** The names of {@link JwtOptions}. */
export const JWT_OPTIONS: readonly (keyof JwtOptions)[] = [
  'issuer',
  'jwks',
  'jwksUri',
  'jwksMaxStaleSeconds',
  'clockToleranceSeconds',
  'algorithms',
  'maxTokenBytes',
  'cacheSize',
  'fetch',
  'clock',
  'waitUntil',
]

/** The options once they are checked. */
export interface JwtSettings {
  readonly issuer: string
  readonly clockToleranceSeconds: number
  readonly algorithms: readonly JwtAlgorithm[]
  readonly maxTokenBytes: number
  readonly cacheSize: number
  readonly now: () => number
}

const DEFAULTS = { clockToleranceSeconds: 5, cacheSize: 1_000 } as const

const MAX = {
  clockToleranceSeconds: 60,
  tokenBytes: 65_536,
  cacheSize: 1_000_000,
  staleSeconds: 604_800,
} as const

/** @throws {CountersignError} `configuration-invalid`, naming the option. */
export function checkJwtOptions(options: JwtOptions): JwtSettings {
  const {
    clockToleranceSeconds = DEFAULTS.clockToleranceSeconds,
    maxTokenBytes = MAX_TOKEN_CHARACTERS,
    cacheSize = DEFAULTS.cacheSize,
  } = options
  return Object.freeze({
    issuer: checkText('issuer', options.issuer),
    clockToleranceSeconds: checkNumber(
      'clockToleranceSeconds',
      clockToleranceSeconds,
      0,
      MAX.clockToleranceSeconds,
    ),
    algorithms: checkAlgorithms(options.algorithms),
    maxTokenBytes: checkNumber('maxTokenBytes', maxTokenBytes, 1, MAX.tokenBytes),
    cacheSize: Math.floor(checkNumber('cacheSize', cacheSize, 0, MAX.cacheSize)),
    now: checkFunction('clock', options.clock) ?? (() => Date.now()),
  })
}

/** The key set of the options: a verifier's own. @throws {CountersignError} `configuration-invalid` */
export function keySetOf(options: JwtOptions, on: Engine = engine): KeySet {
  const { issuer, jwks, jwksUri, jwksMaxStaleSeconds = DEFAULT_MAX_STALE_SECONDS } = options
  if (jwks !== undefined) {
    if (jwksUri !== undefined) throw invalidOption('jwks or jwksUri, and not both')
    return createStaticKeySet(on, jwks)
  }
  const fetch = checkFunction('fetch', options.fetch)
  return createRemoteKeySet({
    engine: on,
    url:
      jwksUri === undefined
        ? `${checkUrl('issuer (or jwksUri)', issuer)}/.well-known/jwks.json`
        : checkUrl('jwksUri', jwksUri),
    fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)),
    monotonicMs: checkFunction('clock', options.clock) ?? (() => performance.now()),
    maxStaleSeconds: checkNumber('jwksMaxStaleSeconds', jwksMaxStaleSeconds, 1, MAX.staleSeconds),
    waitUntil: checkFunction('waitUntil', options.waitUntil),
  })
}
