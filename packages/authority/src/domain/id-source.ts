import { formatId, type IdKind, idBytes } from 'countersign/token'
import type { Clock, Random } from './ports.ts'

/** Makes ids that nobody can guess, each later in order than those before it. */
export interface IdSource {
  /** The bytes of an id that a credential will carry. */
  bytes(kind: IdKind): Uint8Array
  create(kind: IdKind): string
}

const LAST_ORDER = 0xffff

/**
 * The random bytes of an id begin with its place among those of the same millisecond, so that a list
 * by id is a list by age also within one. The time never goes back, whatever the clock does.
 */
export function createIdSource(ports: {
  readonly clock: Clock
  readonly random: Random
}): IdSource {
  let time = Number.NEGATIVE_INFINITY
  let order = 0

  const bytes = (kind: IdKind): Uint8Array => {
    const now = ports.clock.now()
    if (now > time || order === LAST_ORDER) {
      time = Math.max(now, time + 1)
      order = 0
    } else {
      order++
    }
    const random = ports.random.bytes(16)
    random[0] = order >>> 8
    random[1] = order & 0xff
    return idBytes(kind, time, random)
  }

  return Object.freeze({ bytes, create: (kind: IdKind) => formatId(kind, bytes(kind)) })
}
