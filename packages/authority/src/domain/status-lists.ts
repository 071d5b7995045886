import type { Context } from './context.ts'
import { encodeHeader, MAX_JWT_SECONDS, type SignCompact } from './jwt.ts'
import type { Deflate, Random } from './ports.ts'
import type { Algorithm, StatusListRecord } from './records.ts'
import type { SigningKeys } from './key-ring.ts'

/** How long a verifier may rely on a list before it looks again: a revocation is known that soon. */
export const STATUS_TTL_SECONDS = 15

/** After this a list says nothing any more: no verifier may be told to go on longer without one. */
const EXPIRES_AFTER_SECONDS = 3_600

/** A list that is asked for is signed anew after this, so that it is young when it arrives. */
const SIGN_AGAIN_AFTER_MS = 5_000

/** 16 KiB of bits: small enough to be fetched every few seconds, and for a million tokens eight of them. */
const LIST_SIZE = 131_072

/** No list takes tokens for longer, so that each ends some time. */
const OPEN_MS = 3_600_000

/** Where a token's status is found. */
export interface StatusPlace {
  readonly statusListId: string
  readonly statusIndex: number
}

/** A list as it is served. */
export interface SignedStatusList {
  readonly token: string
  /** Epoch milliseconds. */
  readonly signedAt: number
  /** Differs for every text. */
  readonly tag: string
}

/** The statuses of JWTs, published as lists (draft-ietf-oauth-status-list). */
export interface StatusLists {
  /** A place for one token, in a list that is stored already. No place is given twice. */
  allocate(algorithm: Algorithm): Promise<StatusPlace>
  /** `null` when there is no such list. */
  signed(id: string): Promise<SignedStatusList | null>
  uriOf(id: string): string
  /** The lists that tokens may still be in. */
  uris(): Promise<readonly string[]>
}

export interface StatusListParts {
  readonly signingKeys: SigningKeys
  readonly signCompact: SignCompact
  readonly random: Random
  readonly deflate: Deflate
}

/** A list of this process, and the places that are left, in an order that tells nobody anything. */
interface OpenList {
  readonly id: string
  readonly closesAt: number
  readonly places: Uint32Array
  next: number
}

export function createStatusLists(context: Context, parts: StatusListParts): StatusLists {
  const { store, clock, issuer } = context
  const uriOf = (id: string): string => `${issuer}/status-lists/${id}`
  const sign = createPublisher(context, parts, uriOf)
  const open = new Map<Algorithm, OpenList>()
  const opening = new Map<Algorithm, Promise<OpenList>>()

  const openAnother = async (algorithm: Algorithm): Promise<OpenList> => {
    const now = clock.now()
    const list: StatusListRecord = {
      id: Buffer.from(parts.random.bytes(9)).toString('base64url'),
      algorithm,
      size: LIST_SIZE,
      openedAt: now,
      endsAt: now + OPEN_MS + MAX_JWT_SECONDS * 1000,
      version: 1,
    }
    await store.write({ type: 'open-status-list', list })
    const places = shuffled(LIST_SIZE, parts.random)
    return { id: list.id, closesAt: now + OPEN_MS, places, next: 0 }
  }

  /** Each process has lists of its own, so that a place costs no write; after a restart it has new ones. */
  const current = async (algorithm: Algorithm): Promise<OpenList> => {
    const list = open.get(algorithm)
    if (list !== undefined && list.next < LIST_SIZE && clock.now() < list.closesAt) return list
    let work = opening.get(algorithm)
    if (work === undefined) {
      work = openAnother(algorithm).finally(() => opening.delete(algorithm))
      opening.set(algorithm, work)
    }
    const opened = await work
    open.set(algorithm, opened)
    return opened
  }

  return Object.freeze({
    uriOf,
    async allocate(algorithm: Algorithm) {
      for (;;) {
        const list = await current(algorithm)
        const index = list.places[list.next]
        // Others may have taken the last places while this one waited.
        if (index === undefined) continue
        list.next++
        return { statusListId: list.id, statusIndex: index }
      }
    },
    signed: sign,
    async uris() {
      const now = clock.now()
      const lists = await store.statusLists()
      return lists.filter(({ endsAt }) => now < endsAt).map(({ id }) => uriOf(id))
    },
  })
}

/** The bits of a list, packed. They change with its version only. */
interface PackedList {
  readonly version: number
  readonly lst: Promise<string>
}

interface Published extends SignedStatusList {
  readonly version: number
  readonly kid: string
}

/** Builds a list once for each change, and signs it once for each change or period. */
function createPublisher(
  { store, clock, issuer }: Context,
  { signingKeys, signCompact, deflate }: StatusListParts,
  uriOf: (id: string) => string,
): StatusLists['signed'] {
  const packed = new Map<string, PackedList>()
  const published = new Map<string, Published>()
  const inFlight = new Map<string, Promise<Published>>()

  const publish = async (list: StatusListRecord): Promise<Published> => {
    const { id, version, algorithm } = list
    let bits = packed.get(id)
    if (bits?.version !== version) {
      bits = {
        version,
        lst: store.revokedIndexes(id).then((revoked) => pack(list.size, revoked, deflate)),
      }
      packed.set(id, bits)
    }
    const lst = await bits.lst.catch((error: unknown) => {
      packed.delete(id)
      throw error
    })
    const signedAt = clock.now()
    const key = signingKeys.signer(algorithm, signedAt)
    const iat = Math.floor(signedAt / 1000)
    const token = await signCompact(
      key,
      encodeHeader(key, { typ: 'statuslist+jwt' }),
      JSON.stringify({
        iss: issuer,
        sub: uriOf(id),
        iat,
        exp: iat + EXPIRES_AFTER_SECONDS,
        ttl: STATUS_TTL_SECONDS,
        status_list: { bits: 1, lst },
      }),
    )
    const made = { token, signedAt, tag: `${version}-${iat}`, version, kid: key.kid }
    published.set(id, made)
    return made
  }

  return async (id) => {
    const list = await store.statusList(id)
    const now = clock.now()
    if (list === null || now >= list.endsAt) {
      for (const known of [packed, published]) known.delete(id)
      return null
    }
    const last = published.get(id)
    const isCurrent =
      last?.version === list.version &&
      Math.abs(now - last.signedAt) < SIGN_AGAIN_AFTER_MS &&
      last.kid === signingKeys.signer(list.algorithm, now).kid
    if (isCurrent) return last
    const name = `${id}/${list.version}`
    let work = inFlight.get(name)
    if (work === undefined) {
      work = publish(list).finally(() => inFlight.delete(name))
      inFlight.set(name, work)
    }
    return work
  }
}

/** One bit for each token, the first in the lowest bit of the first byte; 1 for revoked. */
async function pack(size: number, revoked: readonly number[], deflate: Deflate): Promise<string> {
  const bytes = new Uint8Array(size / 8)
  for (const index of revoked) {
    const byte = index >>> 3
    bytes[byte] = (bytes[byte] ?? 0) | (1 << (index & 7))
  }
  return Buffer.from(await deflate(bytes)).toString('base64url')
}

/** All numbers below `count` in random order (Fisher and Yates). */
function shuffled(count: number, random: Random): Uint32Array {
  const numbers = Uint32Array.from({ length: count }, (_, index) => index)
  const bytes = random.bytes(count * 4)
  const draws = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (let last = count - 1; last > 0; last--) {
    // Of 2^32 values for at most 2^17: the least likely place is so by one part in 32,768.
    const other = draws.getUint32(last * 4) % (last + 1)
    const moved = numbers[last] as number
    numbers[last] = numbers[other] as number
    numbers[other] = moved
  }
  return numbers
}
