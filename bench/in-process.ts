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

/** A contestant in this process; one operation after another. */
export function inProcess(options: InProcessOptions): Contestant {
  const { name, target, operationsPerRound, operation, firstOf } = options
  return {
    name,
    ...(target !== undefined && { target }),
    async run(round) {
      const first = firstOf(round)
      const before = process.cpuUsage()
      for (let number = first; number < first + operationsPerRound; number++) {
        const done = operation(number)
        // What is synchronous is not made to wait a turn.
        if (done !== undefined) await done
      }
      const { user, system } = process.cpuUsage(before)
      return { operations: operationsPerRound, cpuMicros: user + system }
    },
  }
}
