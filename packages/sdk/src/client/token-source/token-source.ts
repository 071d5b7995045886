import { isJsonObject } from '../../token/json.ts'
import { invalidOption } from '../../verify/options.ts'
import { checkConnection, type Connection } from '../connection.ts'
import { required } from '../request.ts'
import { checkMachineSecretKey } from '../secrets.ts'
import { createSend } from '../transport.ts'
import { createTokenFetch, type TokenFetch } from './fetch.ts'
import { grantOfShared, mintGrant, toShared } from './grant.ts'
import { createLiveToken } from './live-token.ts'
import {
  checkParams,
  OPTION_NAMES,
  type TokenSourceOptions,
  type TokenSourceParams,
} from './options.ts'
import { createSharedTokens } from './store.ts'

/** Gives live tokens of one kind, and presents them. Its functions may be taken apart from it. */
export interface TokenSource {
  /**
   * A token that is neither expired nor known to be revoked. From memory as a rule; one call to the
   * authority however many ask.
   *
   * @throws {CountersignError} when there is none and none can be had
   */
  readonly getToken: (options?: { readonly signal?: AbortSignal | undefined }) => Promise<string>
  /** Says that a token was refused or revoked. It is not handed out again. */
  readonly invalidate: (token: string) => void
  /**
   * The platform's `fetch` with the token in `Authorization`, to `origins` alone. Where the answer says
   * that the token is not valid any more, it is sent once more with a new one, if its body can be.
   * Redirects are followed while they stay there.
   *
   * @throws {CountersignError} `origin-not-allowed`, before anything is sent there; whatever `getToken`
   *   and the platform's `fetch` throw
   */
  readonly fetch: TokenFetch
}

/**
 * Makes a source of tokens for one receiver, or for several that may have the same token.
 *
 * ```ts
 * const orders = createTokenSource({ apiUrl, machineSecretKey, origins: ['https://orders.internal'] })
 * const response = await orders.fetch('https://orders.internal/orders/7')
 * ```
 *
 * @throws {CountersignError} `configuration-invalid`, naming the option.
 */
export function createTokenSource(options: TokenSourceOptions): TokenSource {
  if (!isJsonObject(options)) throw invalidOption('options to be an object with apiUrl')
  const secret = checkMachineSecretKey(options.machineSecretKey)
  return openTokenSource(checkConnection(options), secret, options, OPTION_NAMES)
}

/**
 * The same over a connection that there is.
 *
 * @param names Those of options that are known.
 * @throws {CountersignError} `configuration-invalid`
 */
export function openTokenSource(
  connection: Connection,
  machineSecretKey: string | undefined,
  params: TokenSourceParams,
  names?: readonly string[],
): TokenSource {
  const secret = required(machineSecretKey, 'machineSecretKey')
  const { wanted, origins, store } = checkParams(params, names)
  const { apiUrl, now, random, waitUntil } = connection
  const send = createSend(connection)
  const kind = JSON.stringify([apiUrl, wanted])
  const shared = store === null ? null : createSharedTokens(store, secret, kind)

  const share = (work: Promise<void> | undefined): void => {
    if (work === undefined) return
    try {
      waitUntil?.(work)
    } catch {
      // It belonged to a request that has ended: the work goes on as it can.
    }
  }

  const live = createLiveToken({
    connection,
    async load(held, isRefused) {
      const found = (await shared?.read()) ?? null
      const usable = found && grantOfShared(found, wanted, now(), random)
      if (usable !== null && usable[0].token !== held?.token && !isRefused(usable[0].token)) {
        return usable
      }
      const minted = await mintGrant(send, secret, wanted, random)
      share(shared?.write(toShared(minted), ttlSecondsOf(minted.lifetimeMs)))
      return [minted, 0]
    },
  })

  const getToken: TokenSource['getToken'] = async ({ signal } = {}) => live.get(signal)
  const invalidate: TokenSource['invalidate'] = (token) => {
    live.refuse(token)
  }
  const fetch = createTokenFetch({ fetch: connection.fetch, origins, live })
  return Object.freeze({ getToken, invalidate, fetch })
}

/** A store need not keep for ever what has no end. */
const MAX_TTL_SECONDS = 86_400

function ttlSecondsOf(lifetimeMs: number): number {
  return Math.max(1, Math.ceil(Math.min(lifetimeMs / 1_000, MAX_TTL_SECONDS)))
}
