import { AuthorityError } from '../domain/errors.ts'
import type { Clock } from '../domain/ports.ts'

/** Lets so many through in a time, each address and all together. */
export interface RateLimit {
  /** @throws {AuthorityError} `rate_limited` */
  take(address: string | null): void
}

export interface RateLimitOptions {
  readonly perMs: number
  readonly each: number
  readonly all: number
}

/** Addresses that are told apart; beyond, the oldest is forgotten, and the limit for all remains. */
const MAX_ADDRESSES = 1_000

interface Bucket {
  left: number
  at: number
}

/** Token buckets: full at first, filled again evenly. */
export function createRateLimit(clock: Clock, { perMs, each, all }: RateLimitOptions): RateLimit {
  const buckets = new Map<string, Bucket>()
  const together: Bucket = { left: all, at: clock.now() }

  const refilled = (bucket: Bucket, size: number, now: number): Bucket => {
    const passed = Math.max(0, now - bucket.at)
    bucket.left = Math.min(size, bucket.left + (passed * size) / perMs)
    bucket.at = now
    return bucket
  }

  const bucketOf = (address: string, now: number): Bucket => {
    const known = buckets.get(address)
    if (known !== undefined) return refilled(known, each, now)
    const [oldest] = buckets.keys()
    if (buckets.size >= MAX_ADDRESSES && oldest !== undefined) buckets.delete(oldest)
    const bucket = { left: each, at: now }
    buckets.set(address, bucket)
    return bucket
  }

  return Object.freeze({
    take(address: string | null) {
      const now = clock.now()
      const mine = bucketOf(address ?? '', now)
      refilled(together, all, now)
      if (mine.left < 1 || together.left < 1) throw new AuthorityError('rate_limited')
      mine.left--
      together.left--
    },
  })
}
