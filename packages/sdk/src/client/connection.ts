import { type Fetch, PLATFORM_FETCH } from '../verify/fetch-json.ts'
import {
  checkFunction,
  checkNames,
  checkNumber,
  checkUrl,
  invalidOption,
} from '../verify/options.ts'

/** How calls reach the authority, whatever they are about. */

export interface RetryOptions {
  /** How often a call that is safe to repeat is tried again. Default 2, 0 for never. */
  readonly retries?: number
  /** The longest first wait; it doubles. Default 100. */
  readonly backoffMs?: number
}

export interface ConnectionOptions {
  /** Where the authority is reached. May have a path; a trailing slash is ignored. */
  readonly apiUrl: string
  /**
   * The name of the agent that acts with the key: 1 to 64 letters, digits and `. _ @ / -`. The audit log
   * of a Countersign authority has it beside the key. It proves nothing.
   */
  readonly agent?: string | undefined
  readonly fetch?: Fetch
  /** How long a call may take, retries and the reading of the answer included. Default 10,000. */
  readonly timeoutMs?: number
  readonly retry?: RetryOptions
  /** Epoch milliseconds; drives the judgement of tokens and the age of what is kept. */
  readonly clock?: () => number
  /** From 0 to below 1; spreads the waits before repetitions, and renewals. */
  readonly random?: () => number
  /**
   * Is given work that goes on after an answer, for platforms that end a request with its answer:
   * `waitUntil` of Cloudflare's workers.
   */
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
}

const OPTIONS: Readonly<Record<keyof ConnectionOptions, true>> = {
  agent: true,
  apiUrl: true,
  clock: true,
  fetch: true,
  random: true,
  retry: true,
  timeoutMs: true,
  waitUntil: true,
}

export const CONNECTION_OPTION_NAMES: readonly string[] = Object.keys(OPTIONS)

const RETRY_OPTIONS: Readonly<Record<keyof RetryOptions, true>> = { backoffMs: true, retries: true }

/** Options of a connection once they are checked. */
export interface Connection {
  readonly apiUrl: string
  readonly agent: string | undefined
  readonly fetch: Fetch
  readonly timeoutMs: number
  readonly retries: number
  readonly backoffMs: number
  readonly random: () => number
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly waitUntil: ((work: Promise<unknown>) => void) | undefined
}

const DEFAULTS = { timeoutMs: 10_000, retries: 2, backoffMs: 100 } as const

const MAX_TIMEOUT_MS = 600_000

/** @throws {CountersignError} `configuration-invalid`, naming the option. */
export function checkConnection(options: ConnectionOptions): Connection {
  const retry = options.retry ?? {}
  checkNames('retry', retry, Object.keys(RETRY_OPTIONS))
  const clock = checkFunction('clock', options.clock)
  return {
    apiUrl: checkUrl('apiUrl', options.apiUrl),
    agent: checkAgent(options.agent),
    fetch: checkFunction('fetch', options.fetch) ?? PLATFORM_FETCH,
    timeoutMs: integer('timeoutMs', options.timeoutMs ?? DEFAULTS.timeoutMs, 1, MAX_TIMEOUT_MS),
    retries: integer('retry.retries', retry.retries ?? DEFAULTS.retries, 0, 10),
    backoffMs: integer('retry.backoffMs', retry.backoffMs ?? DEFAULTS.backoffMs, 0, 60_000),
    random: checkFunction('random', options.random) ?? (() => Math.random()),
    now: clock ?? (() => Date.now()),
    monotonicMs: clock ?? (() => performance.now()),
    waitUntil: checkFunction('waitUntil', options.waitUntil),
  }
}

function integer(name: string, value: unknown, min: number, max: number): number {
  return Math.floor(checkNumber(name, value, min, max))
}

function checkAgent(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._@/-]{0,63}$/.test(value)) return value
  throw invalidOption('agent to be a name of 1 to 64 letters, digits and . _ @ / -')
}
