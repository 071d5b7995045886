import { randomFillSync } from 'node:crypto'
import { promisify } from 'node:util'
import { deflate } from 'node:zlib'
import type { Clock, Deflate, Log, Random } from './domain/ports.ts'

/** The wall clock. */
export const systemClock: Clock = Object.freeze({ now: () => Date.now() })

/** The operating system's generator. */
export const systemRandom: Random = createSystemRandom()

/** Asks for many bytes at once, since asking costs more than the bytes, and forgets what it gave. */
function createSystemRandom(): Random {
  const pool = new Uint8Array(4096)
  let used = pool.length
  return Object.freeze({
    bytes(length: number): Uint8Array {
      if (length > pool.length) return randomFillSync(new Uint8Array(length))
      if (used + length > pool.length) {
        randomFillSync(pool)
        used = 0
      }
      const bytes = pool.slice(used, used + length)
      pool.fill(0, used, used + length)
      used += length
      return bytes
    },
  })
}

const deflateInPool = promisify(deflate)

/** In Node's thread pool. */
export const systemDeflate: Deflate = (bytes) => deflateInPool(bytes, { level: 9 })

/** Says nothing. */
export const silentLog: Log = Object.freeze({
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
})
