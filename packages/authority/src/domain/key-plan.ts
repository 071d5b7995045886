import { MAX_JWT_SECONDS } from './jwt.ts'
import { ALGORITHMS, type Algorithm } from './records.ts'

/**
 * When a signing key is made, signs, rests and is forgotten: pure functions of the clock and the rows, so
 * that every process comes to the same answer without hearing of the others. docs/key-rotation.md has the
 * picture.
 */

/** How long a verifier may keep the key set before it looks again: `max-age` of its answer. */
export const KEY_SET_MAX_AGE_SECONDS = 300

/** For how long after that a verifier may go on with what it has while it looks: the SDK's bound. */
const VERIFIER_STALE_SECONDS = 300

/** How far two clocks, of processes or of verifiers, may be apart. The most that the SDK can be told. */
const CLOCK_SKEW_SECONDS = 60

/** A key is in the key set for longer than this before it signs, so that every verifier has it by then. */
export const PUBLICATION_WINDOW_MS: number =
  (KEY_SET_MAX_AGE_SECONDS + VERIFIER_STALE_SECONDS + CLOCK_SKEW_SECONDS) * 1000

/**
 * How long a key stays in the key set after its last signature: the longest life of a token, the tolerance
 * of its verifier, and the clock of a process that went on signing because it is late.
 */
export const KEEP_RETIRED_MS: number = (MAX_JWT_SECONDS + 2 * CLOCK_SKEW_SECONDS) * 1000

/** A switch is written this long before it happens: processes look at the store each second. */
export const NOTICE_MS = 10_000

/** Together no more than a verifier looks at in one key set (the SDK: 256). */
export const MAX_KEYS_PER_ALGORITHM = 64

/** What of a key its state follows from. Epoch milliseconds. */
export interface KeyTimes {
  readonly kid: string
  readonly algorithm: Algorithm
  /** In the key set since. */
  readonly createdAt: number
  /** Signs from this instant; `null`: not settled yet. */
  readonly activeFrom: number | null
  /** Its successor signs from this instant; `null`: not settled yet. */
  readonly retiresAt: number | null
  /** Out of the key set, for ever, whatever the clock says. */
  readonly revokedAt: number | null
}

/**
 * `next`: published, and signs nothing yet. `active`: signs. `retired`: published for the tokens that it
 * signed. `revoked`: published no more. `forgotten`: may be deleted.
 */
export type KeyState = 'next' | 'active' | 'retired' | 'revoked' | 'forgotten'

export interface KeyPolicy {
  /** How long a key signs before its successor takes over by itself; `null`: it never does. */
  readonly rotateAfterMs: number | null
}

/** What is due. */
export interface KeyPlan<Key extends KeyTimes> {
  /** A key is to be made for each of these, and the plan made anew with it. */
  readonly make: readonly Algorithm[]
  /** The keys as they are to be; `null`: as they are. */
  readonly keys: readonly Key[] | null
}

export function keyState(key: KeyTimes, now: number): KeyState {
  const { activeFrom, retiresAt, revokedAt } = key
  if (revokedAt !== null) return now < revokedAt + KEEP_RETIRED_MS ? 'revoked' : 'forgotten'
  if (activeFrom === null || now < activeFrom) return 'next'
  if (retiresAt === null || now < retiresAt) return 'active'
  return now < retiresAt + KEEP_RETIRED_MS ? 'retired' : 'forgotten'
}

/** When it is in no key set any more; `null`: not settled yet. */
export function publishedUntil({ retiresAt, revokedAt }: KeyTimes): number | null {
  if (revokedAt !== null) return revokedAt
  return retiresAt === null ? null : retiresAt + KEEP_RETIRED_MS
}

export function isPublished(key: KeyTimes, now: number): boolean {
  return ['next', 'active', 'retired'].includes(keyState(key, now))
}

/** The key that signs. Where the clock was set back before every key's beginning, the first to begin. */
export function signingKeyAt<Key extends KeyTimes>(
  now: number,
  keys: readonly Key[],
  algorithm: Algorithm,
): Key | null {
  const active = activeKey(now, keys, algorithm)
  if (active !== undefined) return active
  const [first] = keys
    .filter((key) => key.algorithm === algorithm && keyState(key, now) === 'next')
    .filter((key) => key.activeFrom !== null)
    .toSorted((a, b) => Number(a.activeFrom) - Number(b.activeFrom))
  return first ?? null
}

/** Makes sure that each algorithm has one key that signs and a published one to follow it, and no waste. */
export function planKeys<Key extends KeyTimes>(
  now: number,
  keys: readonly Key[],
  policy: KeyPolicy,
): KeyPlan<Key> {
  const kept = keys.filter((key) => keyState(key, now) !== 'forgotten')
  let planned: readonly Key[] = kept
  for (const algorithm of ALGORITHMS) planned = settle(now, planned, algorithm, policy)
  const isChanged = planned !== kept || kept.length < keys.length
  return {
    make: ALGORITHMS.filter((algorithm) => nextKey(now, planned, algorithm) === undefined),
    keys: isChanged ? planned : null,
  }
}

/** Lets the next key of an algorithm sign as soon as every verifier has it; sooner settled stays. */
export function planRotation<Key extends KeyTimes>(
  now: number,
  keys: readonly Key[],
  algorithm: Algorithm,
): readonly Key[] {
  const next = nextKey(now, keys, algorithm)
  if (next === undefined) return keys
  const at = Math.max(now + NOTICE_MS, next.createdAt + PUBLICATION_WINDOW_MS)
  return next.activeFrom !== null && next.activeFrom <= at
    ? keys
    : handOver(keys, activeKey(now, keys, algorithm), next, at)
}

/**
 * Ends a key at once. Where it signed, its successor signs from now on, published long enough or not: a
 * verifier that does not know it yet asks for it, but none asks in vain for a key that is gone.
 */
export function planRevocation<Key extends KeyTimes>(
  now: number,
  keys: readonly Key[],
  kid: string,
): readonly Key[] {
  const target = keys.find((key) => key.kid === kid)
  if (target === undefined || target.revokedAt !== null) return keys
  const others = keys.filter((key) => key !== target)
  const successor =
    keyState(target, now) === 'active' ? nextKey(now, others, target.algorithm) : undefined
  return keys.map((key) => {
    if (key === target) return { ...key, revokedAt: now }
    if (key === successor) return { ...key, activeFrom: now }
    // It was to hand over to the one that is revoked: now to the one after that, if any is settled.
    const loses = key.algorithm === target.algorithm && key.retiresAt === target.activeFrom
    return loses && ['active', 'next'].includes(keyState(key, now))
      ? { ...key, retiresAt: target.retiresAt }
      : key
  })
}

function settle<Key extends KeyTimes>(
  now: number,
  keys: readonly Key[],
  algorithm: Algorithm,
  { rotateAfterMs }: KeyPolicy,
): readonly Key[] {
  const active = activeKey(now, keys, algorithm)
  const next = nextKey(now, keys, algorithm)
  if (next === undefined || next.activeFrom !== null) return keys
  // Nothing signs, so nothing is lost by not waiting.
  if (active === undefined) return handOver(keys, undefined, next, now)
  if (active.retiresAt !== null || rotateAfterMs === null) return keys
  const due = Math.max(
    (active.activeFrom ?? now) + rotateAfterMs,
    next.createdAt + PUBLICATION_WINDOW_MS,
  )
  return now + NOTICE_MS < due ? keys : handOver(keys, active, next, Math.max(due, now + NOTICE_MS))
}

/** One instant ends the one and begins the other: never two, never none. */
function handOver<Key extends KeyTimes>(
  keys: readonly Key[],
  from: Key | undefined,
  to: Key,
  at: number,
): readonly Key[] {
  return keys.map((key) => {
    if (key === from) return { ...key, retiresAt: at }
    return key === to ? { ...key, activeFrom: at } : key
  })
}

function activeKey<Key extends KeyTimes>(
  now: number,
  keys: readonly Key[],
  algorithm: Algorithm,
): Key | undefined {
  return keys.find((key) => key.algorithm === algorithm && keyState(key, now) === 'active')
}

/** The one whose beginning is settled, else the one that was published first. */
function nextKey<Key extends KeyTimes>(
  now: number,
  keys: readonly Key[],
  algorithm: Algorithm,
): Key | undefined {
  const rank = (key: KeyTimes): number => key.activeFrom ?? Number.MAX_SAFE_INTEGER
  return keys
    .filter((key) => key.algorithm === algorithm && keyState(key, now) === 'next')
    .toSorted((a, b) => rank(a) - rank(b) || a.createdAt - b.createdAt)[0]
}
