import { inflate } from '#inflate'
import type { JwtAlgorithm } from '../token/algorithms.ts'
import { CountersignError, refusal } from '../token/errors.ts'
import { isJsonObject } from '../token/json.ts'
import {
  judgeListUri,
  judgeStatusList,
  pathBelow,
  STATUS_LIST_HEADER,
  STATUS_LIST_MEDIA_TYPE,
  statusAt,
  type StatusListClaims,
  statusReferenceOf,
} from '../token/status-list.ts'
import type { Engine } from './engine/engine.ts'
import { type Fetch, fetchJson, fetchText } from './fetch-json.ts'
import { createJwtVerifier } from './jwt-verifier.ts'
import type { KeySet } from './key-set.ts'
import { createRefreshed, type Refreshed } from './refreshed.ts'
import type { RevocationSettings } from './revocation.ts'
import { openStatusEvents, type StatusEvents } from './status-events.ts'
import type { Awaitable } from './verified-tokens.ts'

/** Tells whether tokens of one issuer are revoked, by the lists that the issuer signs. */
export interface StatusLists {
  /**
   * Passes when the token is not revoked. At once where its list is young.
   *
   * @throws {CountersignError} `token-revoked`, `token-claim-invalid`, `status-unavailable`
   */
  check(status: unknown): Awaitable<void>
  /** Fetches every list that the issuer names. @throws {CountersignError} `status-unavailable` */
  warm(): Promise<void>
  /** Whether each list that was met is young enough to go by. */
  isReady(): boolean
  /** Ends the stream of events. */
  close(): void
}

export interface StatusListsOptions extends RevocationSettings {
  readonly engine: Engine
  readonly keys: KeySet
  readonly issuer: string
  readonly algorithms: readonly JwtAlgorithm[]
  readonly clockToleranceSeconds: number
  readonly fetch: Fetch
  /** Epoch milliseconds. */
  readonly now: () => number
  readonly monotonicMs: () => number
  readonly waitUntil?: ((work: Promise<unknown>) => void) | undefined
  /** Where what lies below the issuer is reached. */
  readonly base: string
}

/** A list, decoded once. */
interface StatusList extends Omit<StatusListClaims, 'lst'> {
  readonly bytes: Uint8Array
}

/** A list is fetched while it can still be relied on, so that nobody has to wait. */
const REFRESH_AFTER = 0.6

/** However long an issuer says that a list may be kept. */
const MAX_TTL_SECONDS = 3_600

const COOL_DOWN_MS = 5_000

/** A million tokens of this authority are in eight lists, and a day of it is in some more. */
const MAX_LISTS = 256

const MAX_TOKEN_BYTES = 262_144

const LIST_TYPE = /^application\/statuslist\+jwt\s*$/i

/** 2^20 statuses of 8 bits; a small text can be deflated from a thousand times as much. */
const MAX_INFLATED_BYTES = 1_048_576

export function createStatusLists(options: StatusListsOptions): StatusLists {
  const { issuer, monotonicMs, waitUntil, maxStaleSeconds } = options
  const lists = new Map<string, Refreshed<StatusList>>()
  /** The one that was used last: most tokens of a time are in one list. */
  let latest: { readonly uri: string; readonly list: Refreshed<StatusList> } | null = null
  let events: StatusEvents | null = null

  const ttlMs = ({ ttl }: StatusList): number =>
    Math.min(ttl, MAX_TTL_SECONDS, maxStaleSeconds) * 1000

  const createList = (uri: string): Refreshed<StatusList> => {
    judgeListUri(uri, issuer)
    const [oldest] = lists.keys()
    if (lists.size >= MAX_LISTS && oldest !== undefined) lists.delete(oldest)
    return createRefreshed<StatusList>({
      load: (held) => loadList(options, uri, held),
      monotonicMs,
      maxAgeMs: ({ iat, exp }) => Math.min(maxStaleSeconds, exp - iat) * 1000,
      coolDownMs: COOL_DOWN_MS,
      waitUntil,
    })
  }

  const listOf = (uri: string): Refreshed<StatusList> => {
    if (latest?.uri === uri) return latest.list
    const list = lists.get(uri) ?? createList(uri)
    // The one that was used last stands last.
    lists.delete(uri)
    lists.set(uri, list)
    latest = { uri, list }
    return list
  }

  /** The list, as it was when it had to be known; `null` when nothing that young is to be had. */
  const findLate = async (list: Refreshed<StatusList>): Promise<StatusList | null> => {
    if (list.mayTry()) {
      try {
        await list.refresh()
      } catch (error) {
        if (!(error instanceof CountersignError)) throw error
      }
    }
    return list.current()
  }

  const find = (uri: string): Awaitable<StatusList | null> => {
    const list = listOf(uri)
    const age = list.ageMs()
    const current = list.current(age)
    if (current === null) return findLate(list)
    const ttl = ttlMs(current)
    if (age < ttl * REFRESH_AFTER || !list.mayTry()) return current
    if (age >= ttl && !list.hasFailedWithin(ttl)) return findLate(list)
    list.refreshBeside()
    return current
  }

  const judge = (list: StatusList | null, idx: number): void => {
    if (list === null) {
      if (options.whenUnavailable === 'accept') return
      throw refusal('status-unavailable', `a status list of ${issuer}`)
    }
    const status = statusAt(list.bytes, list.bits, idx)
    if (status === null) throw refusal('token-claim-invalid', 'an idx within its status list')
    if (status !== 0) throw refusal('token-revoked')
  }

  const listen = (): void => {
    events ??= openStatusEvents(options, (uri) => {
      for (const [known, list] of lists) {
        if (uri === null || uri === known) list.refreshBeside()
      }
    })
  }

  return {
    check(status: unknown): Awaitable<void> {
      const { idx, uri } = statusReferenceOf(status)
      if (options.push) listen()
      const found = find(uri)
      if (!(found instanceof Promise)) {
        judge(found, idx)
        return undefined
      }
      return found.then((list) => {
        judge(list, idx)
      })
    },

    async warm() {
      if (options.push) listen()
      const uris = await loadUris(options)
      const loading = uris.slice(0, MAX_LISTS).map((uri) => findLate(listOf(uri)))
      const isAllThere = (await Promise.all(loading)).every((list) => list !== null)
      if (!isAllThere && options.whenUnavailable !== 'accept') {
        throw refusal('status-unavailable', `the status lists of ${issuer}`)
      }
    },

    isReady: () =>
      options.whenUnavailable === 'accept' ||
      [...lists.values()].every((list) => list.current() !== null),

    close() {
      events?.close()
      events = null
    },
  }
}

/** @throws {CountersignError} `status-unavailable` */
async function loadList(
  options: StatusListsOptions,
  uri: string,
  held: StatusList | null,
): Promise<readonly [StatusList, number]> {
  const { engine, keys, issuer, base, algorithms, clockToleranceSeconds, fetch, now } = options
  const verifier = createJwtVerifier(
    {
      keys,
      algorithms,
      now,
      maxTokenBytes: MAX_TOKEN_BYTES,
      cacheSize: 0,
      jwtClass: {
        header: STATUS_LIST_HEADER,
        judgeClass: () => undefined,
        judge: (payload, nowMs) =>
          judgeStatusList(payload, uri, issuer, nowMs, clockToleranceSeconds),
        judgeAgain: () => undefined,
        resultOf: (claims: StatusListClaims) => claims,
      },
    },
    engine,
  )
  try {
    const place = base + (pathBelow(issuer, uri) ?? '')
    const text = await fetchText(fetch, place, STATUS_LIST_MEDIA_TYPE, LIST_TYPE)
    const { lst, ...claims } = await verifier.verify(text).catch(async (error: unknown) => {
      if (!(error instanceof CountersignError) || error.code !== 'token-key-unknown') throw error
      // In place of a revoked key another may sign at once, and this very list may say what else is revoked.
      await keys.refresh()
      return verifier.verify(text)
    })
    const deflated = engine.codec.decodeBase64url(lst)
    if (deflated === null) throw new TypeError('not base64url')
    const list =
      held !== null && claims.iat < held.iat
        ? held
        : { ...claims, bytes: await inflate(deflated, MAX_INFLATED_BYTES) }
    return [list, Math.max(0, now() - list.iat * 1000)]
  } catch (error) {
    throw refusal('status-unavailable', `a status list at ${uri}`, undefined, error)
  }
}

/** The lists that the issuer names. @throws {CountersignError} `status-unavailable` */
async function loadUris({
  fetch,
  base,
  issuer,
  whenUnavailable,
}: StatusListsOptions): Promise<string[]> {
  try {
    const answer = await fetchJson(fetch, `${base}/status-lists`)
    const uris: unknown = isJsonObject(answer) ? answer['status_lists'] : undefined
    if (!Array.isArray(uris)) throw refusal('status-unavailable', 'status_lists')
    return uris.map((uri: unknown) => {
      const reference = statusReferenceOf({ status_list: { idx: 0, uri } })
      judgeListUri(reference.uri, issuer)
      return reference.uri
    })
  } catch (error) {
    // An issuer need not name its lists: they are fetched as tokens come.
    const isAbsent =
      error instanceof CountersignError && error.got?.startsWith('status 404') === true
    if (isAbsent || whenUnavailable === 'accept') return []
    throw refusal('status-unavailable', `the status lists of ${issuer}`, undefined, error)
  }
}
