import { randomFillSync } from 'node:crypto'
import type { Clock, Log, Random } from './domain/ports.ts'

/** The wall clock. */
export const systemClock: Clock = Object.freeze({ now: () => Date.now() })

/** The operating system's generator. */
export const systemRandom: Random = Object.freeze({
  bytes: (length: number) => randomFillSync(new Uint8Array(length)),
})

/** Says nothing. */
export const silentLog: Log = Object.freeze({
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
})
