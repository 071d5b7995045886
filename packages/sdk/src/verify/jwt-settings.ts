import { engine } from '#engine'
import type { JwtAlgorithm } from '../token/algorithms.ts'
import { copyJson, type JsonObject } from '../token/json.ts'
import { MAX_TOKEN_CHARACTERS } from '../token/jws.ts'
import type { Engine } from './engine/engine.ts'
import { type Fetch, fetchJson } from './fetch-json.ts'
import { isJwkSet } from './jwk.ts'
import { createKeySet, type KeySet } from './key-set.ts'
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

/** The options once they are checked. */
export interface JwtSettings {
  readonly issuer: string
  readonly clockToleranceSeconds: number
  readonly algorithms: readonly JwtAlgorithm[]
  readonly maxTokenBytes: number
  readonly cacheSize: number
  readonly now: () => number
}

/** The default, the least and the most of each number. */
const NUMBERS = {
  clockToleranceSeconds: [5, 0, 60],
  maxTokenBytes: [MAX_TOKEN_CHARACTERS, 1, 65_536],
  cacheSize: [1_000, 0, 1_000_000],
  jwksMaxStaleSeconds: [86_400, 1, 604_800],
} as const

const OTHERS: Readonly<Record<Exclude<keyof JwtOptions, keyof typeof NUMBERS>, true>> = {
  algorithms: true,
  clock: true,
  fetch: true,
  issuer: true,
  jwks: true,
  jwksUri: true,
  waitUntil: true,
}

export const JWT_OPTION_NAMES: readonly string[] = Object.keys({ ...NUMBERS, ...OTHERS })

function numberOf(options: JwtOptions, name: keyof typeof NUMBERS): number {
  const [fallback, min, max] = NUMBERS[name]
  return checkNumber(name, options[name] ?? fallback, min, max)
}

/** @throws {CountersignError} `configuration-invalid`, naming the option. */
export function checkJwtOptions(options: JwtOptions): JwtSettings {
  return {
    issuer: checkText('issuer', options.issuer),
    clockToleranceSeconds: numberOf(options, 'clockToleranceSeconds'),
    algorithms: checkAlgorithms(options.algorithms),
    maxTokenBytes: numberOf(options, 'maxTokenBytes'),
    cacheSize: Math.floor(numberOf(options, 'cacheSize')),
    now: checkFunction('clock', options.clock) ?? (() => Date.now()),
  }
}

/** The key set of the options: a verifier's own. @throws {CountersignError} `configuration-invalid` */
export function keySetOf(options: JwtOptions, on: Engine = engine): KeySet {
  const { issuer, jwks, jwksUri } = options
  const parts = {
    engine: on,
    monotonicMs: monotonicOf(options),
    maxStaleSeconds: numberOf(options, 'jwksMaxStaleSeconds'),
    waitUntil: checkFunction('waitUntil', options.waitUntil),
  }
  if (jwks !== undefined) {
    if (jwksUri !== undefined || !isJwkSet(jwks)) {
      throw invalidOption('jwks to be a JWK Set, without jwksUri')
    }
    // As it is now, and it never grows old.
    const set = copyJson(jwks)
    return createKeySet({ ...parts, load: async () => set, source: 'jwks', monotonicMs: () => 0 })
  }
  const fetch = fetchOf(options)
  const url =
    jwksUri === undefined
      ? `${checkUrl('issuer', issuer)}/.well-known/jwks.json`
      : checkUrl('jwksUri', jwksUri)
  return createKeySet({
    ...parts,
    load: () => fetchJson(fetch, url),
    source: `a JWK Set at ${url}`,
  })
}

/** @throws {CountersignError} `configuration-invalid` */
export function fetchOf({ fetch }: Pick<JwtOptions, 'fetch'>): Fetch {
  return checkFunction('fetch', fetch) ?? ((url, init) => globalThis.fetch(url, init))
}

/** @throws {CountersignError} `configuration-invalid` */
export function monotonicOf({ clock }: Pick<JwtOptions, 'clock'>): () => number {
  return checkFunction('clock', clock) ?? (() => performance.now())
}
