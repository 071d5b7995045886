import type { TokenStore } from 'countersign'

/** A client of the package `redis`. */
interface Redis {
  get(key: string): Promise<string | null>
  set(key: string, value: string, options: { EX: number }): Promise<unknown>
}

export const redisStore = (redis: Redis): TokenStore => ({
  get: (key) => redis.get(key),
  set: (key, value, { ttlSeconds }) => redis.set(key, value, { EX: ttlSeconds }),
})

/** A KV namespace of Cloudflare, which keeps nothing for less than a minute. */
interface KVNamespace {
  get(key: string): Promise<string | null>
  put(key: string, value: string, options: { expirationTtl: number }): Promise<void>
}

export const kvStore = (kv: KVNamespace): TokenStore => ({
  get: (key) => kv.get(key),
  set: (key, value, { ttlSeconds }) =>
    kv.put(key, value, { expirationTtl: Math.max(60, ttlSeconds) }),
})
