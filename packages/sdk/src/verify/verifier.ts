import { engine } from '#engine'
import { refusal } from '../token/errors.ts'
import type { JsonObject } from '../token/json.ts'
import { judgeM2MClaims, M2M_HEADER, namesMachine } from '../token/m2m-claims.ts'
import { factsOf, type M2MFacts, type M2MToken, tokenOf } from '../token/m2m-token.ts'
import { judgeTimes } from '../token/registered-claims.ts'
import type { Engine } from './engine/engine.ts'
import {
  type CheckedJwtOptions,
  JWT_CHECKS,
  type JwtOptions,
  type JwtSettings,
  keySetOf,
  withClock,
} from './jwt-settings.ts'
import { createJwtVerifier, type JwtVerifier } from './jwt-verifier.ts'
import type { KeySet } from './key-set.ts'
import { checkEach, checkNames, type Checks, checkTextsOrNull } from './options.ts'
import type { RevocationOptions } from './revocation.ts'
import { type StatusCheck, statusCheckOf } from './status-check.ts'

export interface VerifierOptions extends JwtOptions {
  /** The machine that tokens must be meant for, or several; `null` accepts every receiver. */
  readonly audience: string | readonly string[] | null
  /**
   * How the status of a token is checked, that is whether it has been revoked; `null` for not at all. A
   * token without `status` passes.
   */
  readonly revocation?: RevocationOptions | null | undefined
}

interface CheckedOptions extends CheckedJwtOptions {
  readonly audience: readonly string[] | null
  readonly revocation?: RevocationOptions | null | undefined
}

const CHECKS: Checks<VerifierOptions, CheckedOptions> = {
  ...JWT_CHECKS,
  audience: checkTextsOrNull,
  revocation: (_, value) => value,
}

/** Checks machine JWTs of one issuer, without asking anybody but its key set. */
export interface Verifier {
  /**
   * The machine token that this JWT is.
   *
   * @throws {CountersignError} with a `token-…` code when it is none that may be accepted, or
   *   `keys-unavailable` when that cannot be known.
   */
  readonly verify: (token: string) => Promise<M2MToken>
  /**
   * Fetches the key set and the status lists before the first token comes.
   *
   * @throws {CountersignError} `keys-unavailable`, `status-unavailable` when there is nothing to verify
   *   with.
   */
  readonly warm: () => Promise<void>
  /** Whether there are keys, and of each status list that was met a copy that is young enough. */
  readonly isReady: () => boolean
  /** Ends the stream of changes that `push` has opened. */
  readonly close: () => void
}

/** What decides about machine JWTs besides the keys. */
export interface M2MSettings extends JwtSettings {
  readonly audience: readonly string[] | null
  /** `null` when the status is not checked. */
  readonly status: StatusCheck | null
}

/**
 * A verifier whose options are fixed from now on.
 *
 * ```ts
 * const verifier = createVerifier({ issuer: 'https://auth.internal', audience: myMachineId })
 * const { subject } = await verifier.verify(token)
 * ```
 *
 * @throws {CountersignError} `configuration-invalid`, naming the option.
 */
export function createVerifier(options: VerifierOptions): Verifier {
  return createVerifierOn(engine, options)
}

/** The same on an engine of one's choice: both are held to the same verdicts. */
export function createVerifierOn(on: Engine, options: VerifierOptions): Verifier {
  checkNames('options', options, Object.keys(CHECKS))
  const settings = withClock(checkEach(options, CHECKS))
  const keys = keySetOf(settings, on)
  const status = statusCheckOf(settings.revocation, settings, keys, settings.issuer, on)
  const verifier = createM2MVerifier({ ...settings, status }, keys, on)
  return Object.freeze({
    verify: verifier.verify,
    async warm() {
      await verifier.warm()
      await status?.warm()
    },
    isReady: () => keys.isKnown() && status?.isReady() !== false,
    close() {
      status?.close()
    },
  })
}

/** The engine of all doors: of `createVerifier`, of the client, and of `authenticateRequest`. */
export function createM2MVerifier(
  settings: M2MSettings,
  keys: KeySet,
  on: Engine = engine,
): JwtVerifier<M2MToken> {
  const { clockToleranceSeconds } = settings
  const parts = {
    ...settings,
    keys,
    jwtClass: {
      header: M2M_HEADER,
      judgeClass(payload: JsonObject) {
        if (namesMachine(payload)) return
        throw refusal('token-class-mismatch', 'sub to be a machine id')
      },
      judge: (payload: JsonObject, nowMs: number) =>
        factsOf(judgeM2MClaims(payload, settings, nowMs)),
      checkStatus: ({ status }: M2MFacts) =>
        status === undefined ? undefined : settings.status?.check(status),
      judgeAgain(facts: M2MFacts, nowMs: number) {
        judgeTimes(facts, nowMs, clockToleranceSeconds, false)
      },
      resultOf: (facts: M2MFacts, nowMs: number) =>
        tokenOf(facts, clockToleranceSeconds * 1000, nowMs),
    },
  }
  return createJwtVerifier(parts, on)
}
