import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { measureAllocation } from './allocation.ts'
import type { Contestant } from './paired.ts'

export interface InProcessOptions {
  readonly name: string
  readonly target?: number
  readonly operationsPerRound: number
  /** Does the operation with this number, each number once. @throws when its outcome is wrong. */
  readonly operation: (number: number) => void | Promise<void>
  /** The number of the first operation of a round. */
  readonly firstOf: (round: number) => number
}

// By itself V8 collects whenever the young generation is full, which may be in the turn of a neighbour:
// so each one's garbage is collected at the end of its own turn, and counted there.
setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options: { readonly type: 'minor' | 'major' }) => void

/** Of all generations, so that what is left is held. */
export function collectGarbage(): void {
  collect({ type: 'major' })
}

/** A contestant in this process; one operation after another. */
export function inProcess(options: InProcessOptions): Contestant {
  const { name, target, operationsPerRound, operation, firstOf } = options
  const repeat = async (first: number, count: number): Promise<void> => {
    for (let number = first; number < first + count; number++) {
      const done = operation(number)
      // What is synchronous is not made to wait a turn.
      if (done !== undefined) await done
    }
  }
  return {
    name,
    ...(target !== undefined && { target }),
    async run(round) {
      const before = process.cpuUsage()
      await repeat(firstOf(round), operationsPerRound)
      collect({ type: 'minor' })
      const { user, system } = process.cpuUsage(before)
      return { operations: operationsPerRound, cpuMicros: user + system }
    },
    allocatedBytes: (round) => measureAllocation(repeat, firstOf(round), operationsPerRound),
  }
}
