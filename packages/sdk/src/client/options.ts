import { parseCredential } from '../token/credential.ts'
import { isJsonObject } from '../token/json.ts'
import type { Fetch } from '../verify/fetch-json.ts'
import { checkJwtOptions, type JwtOptions, keySetOf } from '../verify/jwt-settings.ts'
import type { KeySet } from '../verify/key-set.ts'
import {
  checkFunction,
  checkNumber,
  checkTextsOrNull,
  checkUrl,
  invalidOption,
} from '../verify/options.ts'
import type { RevocationOptions } from '../verify/revocation.ts'
import { statusCheckOf } from '../verify/status-check.ts'
import type { M2MSettings } from '../verify/verifier.ts'

export interface RetryOptions {
  /** How often a call that is safe to repeat is tried again. Default 2, 0 for never. */
  readonly retries?: number
  /** The longest first wait; it doubles. Default 100. */
  readonly backoffMs?: number
}

/** What a client is made with. */
export interface ClientOptions extends Partial<Omit<JwtOptions, 'clock' | 'fetch' | 'issuer'>> {
  /** Where the authority is reached. May have a path; a trailing slash is ignored. */
  readonly apiUrl: string
  /** The instance key (`sk_…`), for administering. */
  readonly secretKey?: string | undefined
  /** This machine's secret key (`ak_…`), for creating and verifying tokens. */
  readonly machineSecretKey?: string | undefined
  /** The `iss` of its JWTs, where that is not `apiUrl`. */
  readonly issuer?: string | undefined
  /**
   * The name of the agent that acts with the key: 1 to 64 letters, digits and `. _ @ / -`. The audit log
   * of a Countersign authority has it beside the key. It proves nothing.
   */
  readonly agent?: string | undefined
  readonly fetch?: Fetch
  /** How long a call may take, retries and the reading of the answer included. Default 10,000. */
  readonly timeoutMs?: number
  readonly retry?: RetryOptions
  /**
   * The machines of which a JWT must be meant for one; `null` accepts every receiver. Default: the
   * machine of `machineSecretKey`; with `secretKey` alone, every receiver.
   */
  readonly audience?: string | readonly string[] | null | undefined
  /** How the status of a JWT is checked, that is whether it has been revoked; `null` for not at all. */
  readonly revocation?: RevocationOptions | null | undefined
  /** Epoch milliseconds; drives the judgement of tokens and the age of the key set. */
  readonly clock?: () => number
  /** From 0 to below 1; spreads the waits before repetitions. */
  readonly random?: () => number
}

/** Options once they are checked. Secrets stay behind functions, so that nothing prints them. */
export interface Settings {
  readonly apiUrl: string
  readonly fetch: Fetch
  readonly timeoutMs: number
  readonly retries: number
  readonly backoffMs: number
  readonly random: () => number
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly secretKey: () => string | undefined
  readonly machineSecretKey: () => string | undefined
  readonly agent: string | undefined
  /** How JWTs are verified, but for whom they must be meant. */
  readonly jwt: Omit<M2MSettings, 'audience'>
  readonly keys: KeySet
  /** `undefined` when the key of the call decides. */
  readonly audience: readonly string[] | null | undefined
}

const DEFAULTS = { timeoutMs: 10_000, retries: 2, backoffMs: 100 } as const

const MAX_TIMEOUT_MS = 600_000

/** @throws {CountersignError} `configuration-invalid`, naming the option. */
export function checkOptions(options: ClientOptions): Settings {
  if (!isJsonObject(options)) throw invalidOption('options to be an object with apiUrl')
  const retry = options.retry ?? {}
  const clock = checkFunction('clock', options.clock)
  const apiUrl = checkUrl('apiUrl', options.apiUrl)
  const issuer = options.issuer === undefined ? apiUrl : checkUrl('issuer', options.issuer)
  const fetch =
    checkFunction('fetch', options.fetch) ?? ((url, init) => globalThis.fetch(url, init))
  const jwtOptions = jwtOptionsOf(options, apiUrl, { issuer, fetch, clock })
  const jwt = checkJwtOptions(jwtOptions)
  const keys = keySetOf(jwtOptions)
  const status = statusCheckOf({ ...jwtOptions, revocation: options.revocation }, jwt, keys, apiUrl)
  const secretKey = checkSecretKey(options.secretKey)
  const machineSecretKey = checkMachineSecretKey(options.machineSecretKey)
  return Object.freeze({
    apiUrl,
    fetch,
    timeoutMs: integer('timeoutMs', options.timeoutMs ?? DEFAULTS.timeoutMs, 1, MAX_TIMEOUT_MS),
    retries: integer('retry.retries', retry.retries ?? DEFAULTS.retries, 0, 10),
    backoffMs: integer('retry.backoffMs', retry.backoffMs ?? DEFAULTS.backoffMs, 0, 60_000),
    random: checkFunction('random', options.random) ?? (() => Math.random()),
    now: clock ?? (() => Date.now()),
    monotonicMs: clock ?? (() => performance.now()),
    secretKey: () => secretKey,
    machineSecretKey: () => machineSecretKey,
    agent: checkAgent(options.agent),
    jwt: { ...jwt, status },
    keys,
    audience:
      options.audience === undefined ? undefined : checkTextsOrNull('audience', options.audience),
  })
}

/** Its key set is fetched where the authority is reached, which may be by another name than its own. */
function jwtOptionsOf(
  { jwks, jwksUri, ...options }: ClientOptions,
  apiUrl: string,
  own: Pick<JwtOptions, 'issuer' | 'fetch' | 'clock'>,
): JwtOptions {
  const place = jwks === undefined ? `${apiUrl}/.well-known/jwks.json` : undefined
  return { ...options, ...own, jwks, jwksUri: jwksUri ?? place }
}

function integer(name: string, value: unknown, min: number, max: number): number {
  return Math.floor(checkNumber(name, value, min, max))
}

/** The id of the machine that a secret key belongs to, which the key itself tells. */
export function machineIdOf(machineSecretKey: string): string | null {
  const credential = parseCredential(machineSecretKey)
  return credential?.kind === 'machine-secret' ? credential.id : null
}

function checkSecretKey(value: unknown): string | undefined {
  const secret = checkSecret('secretKey', value)
  // With the instance's key every receiver is accepted: a machine's key in its place must not do that.
  if (secret?.startsWith('ak_') !== true) return secret
  throw invalidOption(
    'secretKey to be the key of the instance; a machine’s belongs in machineSecretKey',
  )
}

/** @throws {CountersignError} `configuration-invalid` */
export function checkMachineSecretKey(value: unknown): string | undefined {
  const secret = checkSecret('machineSecretKey', value)
  if (secret?.startsWith('sk_') !== true) return secret
  throw invalidOption(
    'machineSecretKey to be the key of a machine; the instance’s belongs in secretKey',
  )
}

function checkAgent(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._@/-]{0,63}$/.test(value)) return value
  throw invalidOption('agent to be a name of 1 to 64 letters, digits and . _ @ / -')
}

/** An empty secret counts as none, as at Clerk: that is what an unset variable often becomes. */
function checkSecret(name: string, value: unknown): string | undefined {
  if (value === undefined || value === '') return undefined
  if (typeof value === 'string' && /^[\x21-\x7e]{1,256}$/.test(value)) return value
  throw invalidOption(`${name} to be a secret key without white space`)
}
