import { CountersignError } from '../token/errors.ts'
import type { JsonObject } from '../token/json.ts'
import { type Jws, parseJws } from '../token/jws.ts'
import { judgeClaims, judgeHeader, namesMachine } from '../token/m2m-claims.ts'
import { M2MToken } from '../token/m2m-token.ts'
import type { Fetch } from './fetch-json.ts'
import type { VerificationKey } from './jwk.ts'
import { createRemoteKeySet, createStaticKeySet, type KeySet } from './key-set.ts'

export interface VerifierOptions {
  /** The exact `iss` of its tokens. */
  readonly issuer: string
  /** The machine that tokens must be meant for; `null` accepts every receiver. */
  readonly audience: string | null
  /** A key set that never changes. */
  readonly jwks?: { readonly keys: readonly JsonObject[] }
  /** Where the key set is, unless `jwks` or `keys` is given. Default `<issuer>/.well-known/jwks.json`. */
  readonly jwksUri?: string
  /** A key set of this issuer that several verifiers share. */
  readonly keys?: KeySet
  /** How far clocks may be apart. Default 5, at most 60. */
  readonly clockToleranceSeconds?: number
  readonly fetch?: Fetch
  /** Epoch milliseconds; drives the judgement of tokens and the age of the key set. */
  readonly clock?: () => number
}

/** Checks machine JWTs of one issuer, without asking anybody but its key set. */
export interface Verifier {
  /** @throws {CountersignError} with a `token-…` code, or `keys-unavailable`. */
  verify(token: string): Promise<M2MToken>
}

const DEFAULT_TOLERANCE_SECONDS = 5
const MAX_TOLERANCE_SECONDS = 60

/** Headers that are remembered; a key set has one or two that are in use. */
const MAX_HEADERS = 8

/**
 * A verifier whose options are fixed from now on.
 *
 * @throws {CountersignError} `configuration-invalid`, naming the option.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  const { issuer, audience, clock = () => Date.now() } = options
  const { clockToleranceSeconds = DEFAULT_TOLERANCE_SECONDS } = options
  checkOptions(options, clockToleranceSeconds)
  const keys = keySetOf(options)
  const headers = new Map<string, JsonObject>()
  return Object.freeze({
    async verify(token: string): Promise<M2MToken> {
      const jws = parseJws(token, headers)
      const { kid, alg } = judgeHeader(jws.header)
      // Before the key, for which there may have to be a call.
      if (!namesMachine(jws.payload)) {
        throw new CountersignError('token-class-mismatch', { expected: 'sub to name a machine' })
      }
      const found = keys.find(kid)
      const key = found instanceof Promise ? await found : found
      const checked = checkSignature(jws, alg, key)
      if (!(typeof checked === 'boolean' ? checked : await checked)) {
        throw new CountersignError('token-signature-invalid')
      }
      // Only what was signed is remembered, so that nobody else can fill it.
      if (headers.size < MAX_HEADERS) headers.set(jws.headerText, jws.header)
      const nowMs = clock()
      const claims = judgeClaims(jws.payload, { issuer, audience, nowMs, clockToleranceSeconds })
      return M2MToken.fromJwtPayload(claims, clockToleranceSeconds * 1000, nowMs)
    },
  })
}

function checkSignature(
  { signingInput, signature }: Jws,
  alg: string,
  key: VerificationKey,
): boolean | Promise<boolean> {
  // The key decides, and the header may only agree.
  if (alg !== key.algorithm && !(alg === 'Ed25519' && key.algorithm === 'EdDSA')) {
    throw new CountersignError('token-algorithm-not-allowed', { expected: `alg ${key.algorithm}` })
  }
  return signature.length === key.signatureLength && key.check(signingInput, signature)
}

function keySetOf({ issuer, jwks, jwksUri, keys, fetch, clock }: VerifierOptions): KeySet {
  if (keys !== undefined) return keys
  if (jwks !== undefined) return createStaticKeySet(jwks)
  return createRemoteKeySet({
    url: jwksUri ?? `${issuer}/.well-known/jwks.json`,
    fetch: fetch ?? ((url, init) => globalThis.fetch(url, init)),
    monotonicMs: clock ?? (() => performance.now()),
  })
}

function checkOptions({ issuer, audience }: VerifierOptions, tolerance: unknown): void {
  if (typeof issuer !== 'string' || issuer === '')
    throw invalid('issuer to be the iss of the tokens')
  if (audience !== null && (typeof audience !== 'string' || audience === '')) {
    throw invalid('audience to be a machine id, or null to accept every receiver')
  }
  if (typeof tolerance === 'number' && tolerance >= 0 && tolerance <= MAX_TOLERANCE_SECONDS) return
  throw invalid(`clockToleranceSeconds to be a number from 0 to ${MAX_TOLERANCE_SECONDS}`)
}

function invalid(expected: string): CountersignError {
  return new CountersignError('configuration-invalid', { expected })
}
