import { isMachineId } from '../../token/ids.ts'
import { isJsonObject, type JsonObject } from '../../token/json.ts'
import { checkNames, checkNumber, invalidOption } from '../../verify/options.ts'
import { CONNECTION_OPTION_NAMES, type ConnectionOptions } from '../connection.ts'
import { checkOrigins } from './origins.ts'
import type { TokenStore } from './store.ts'

/** Which tokens a source gives, and to whom. Everything has a default. */
export interface TokenSourceParams {
  /** Default `opaque`. */
  readonly tokenFormat?: 'opaque' | 'jwt' | undefined
  /** What the tokens say besides. */
  readonly claims?: Readonly<Record<string, unknown>> | null | undefined
  /**
   * The machines that the tokens are for: some of those that this machine may call. Default: all of
   * them. A token for one receiver is of no use to another that keeps it.
   */
  readonly scopes?: readonly string[] | undefined
  /** How long each token lives. Default: as the machine says. */
  readonly secondsUntilExpiration?: number | null | undefined
  /**
   * Where `fetch` may send the token, as `scheme://host` or `scheme://host:port`. Without it there is no
   * `fetch`.
   */
  readonly origins?: readonly string[] | undefined
  /** Shares tokens between processes that have the same machine's key. Default: none. */
  readonly store?: TokenStore | undefined
}

/** What a token source is made with. */
export interface TokenSourceOptions extends ConnectionOptions, TokenSourceParams {
  /** This machine's secret key (`ak_…`). */
  readonly machineSecretKey: string | undefined
}

const PARAMS: Readonly<Record<Exclude<keyof TokenSourceOptions, keyof ConnectionOptions>, true>> = {
  claims: true,
  machineSecretKey: true,
  origins: true,
  scopes: true,
  secondsUntilExpiration: true,
  store: true,
  tokenFormat: true,
}

/** Those of a client's `tokenSource`, which has its connection. */
const PARAM_NAMES: readonly string[] = Object.keys(PARAMS)

/** Those of `createTokenSource`. */
export const OPTION_NAMES: readonly string[] = [...CONNECTION_OPTION_NAMES, ...PARAM_NAMES]

/** The tokens that are wanted, once that is checked; nobody else can change it. */
export interface Wanted {
  readonly tokenFormat: 'opaque' | 'jwt'
  readonly claims: JsonObject | null
  readonly scopes?: readonly string[]
  readonly secondsUntilExpiration: number | null
}

export interface SourceSettings {
  readonly wanted: Wanted
  readonly origins: ReadonlySet<string> | null
  readonly store: TokenStore | null
}

/** @throws {CountersignError} `configuration-invalid`, naming the option. */
export function checkParams(
  params: TokenSourceParams,
  names: readonly string[] = PARAM_NAMES,
): SourceSettings {
  checkNames('options', params, names)
  const { origins, store, secondsUntilExpiration: seconds = null } = params
  return {
    wanted: {
      tokenFormat: checkFormat(params.tokenFormat),
      claims: checkClaims(params.claims),
      ...(params.scopes !== undefined && { scopes: checkScopes(params.scopes) }),
      secondsUntilExpiration:
        seconds === null
          ? null
          : checkNumber('secondsUntilExpiration', seconds, Number.MIN_VALUE, Number.MAX_VALUE),
    },
    origins: origins === undefined ? null : checkOrigins(origins),
    store: store === undefined ? null : checkStore(store),
  }
}

function checkFormat(value: unknown): 'opaque' | 'jwt' {
  if (value === undefined || value === 'opaque') return 'opaque'
  if (value === 'jwt') return 'jwt'
  throw invalidOption('tokenFormat to be opaque or jwt')
}

/** A copy, as JSON has it. */
function checkClaims(value: unknown): JsonObject | null {
  if (value === undefined || value === null) return null
  try {
    const claims: unknown = JSON.parse(JSON.stringify(value))
    if (isJsonObject(claims)) return claims
  } catch {
    // A BigInt, or a cycle.
  }
  throw invalidOption('claims to be an object that JSON can hold')
}

/** In one order, so that sources that want the same share a token. */
function checkScopes(value: unknown): readonly string[] {
  const ids: readonly unknown[] = Array.isArray(value) ? value : []
  const isMachines = ids.every((id) => typeof id === 'string' && isMachineId(id))
  if (ids.length > 0 && isMachines) return [...new Set(ids as readonly string[])].sort()
  throw invalidOption('scopes to be ids of machines (mch_…), at least one')
}

function checkStore(value: unknown): TokenStore {
  const methods = isJsonObject(value) ? [value['get'], value['set']] : [null]
  if (methods.every((one) => typeof one === 'function')) return value as TokenStore
  throw invalidOption('store to have the methods get and set')
}
