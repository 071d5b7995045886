/**
 * Paired, interleaved measurement by CPU time. In every round each contestant does its work once, in
 * turn (A B C, A B C, …), so that whatever slows the machine for a while slows all of them alike; a
 * ratio compares the contestant with the floor of the same round, and the median of the ratios stands.
 */

/** What one contestant did in one round. */
export interface Sample {
  readonly operations: number
  /** User and system time of all threads of the process that did the work. */
  readonly cpuMicros: number
}

export interface Contestant {
  readonly name: string
  /** The ratio that DESIGN.md asks of it. */
  readonly target?: number
  /** Does the work of a round. Rounds below 0 warm up. @throws when an answer is wrong. */
  run(round: number): Promise<Sample>
  /** Does the work of one more round, and tells what one operation allocates; `null`: not known. */
  allocatedBytes?(round: number): Promise<number | null>
  /** Resident memory of its own process, where it has one. */
  rssBytes?(): Promise<number>
}

export interface Spread {
  readonly median: number
  readonly lowerQuartile: number
  readonly upperQuartile: number
}

export interface Standing {
  readonly name: string
  /** Whether the others are compared with this one. */
  readonly isFloor: boolean
  readonly target: number | null
  /** CPU of one operation. */
  readonly micros: Spread
  /** CPU of the floor ÷ CPU of the contestant, round by round: 1 is as cheap as the floor. */
  readonly ratio: Spread
  /** What one operation allocates in this process. */
  readonly allocatedBytes: number | null
  readonly rssBytes: number | null
}

/** Rounds that are not counted: they load code, fill caches and let the compiler settle. */
export const WARM_UP_ROUNDS = 4

/**
 * Lets the contestants take turns.
 *
 * @param floors How many of the first ones do the work of a floor; the cheapest of them is the floor.
 */
export async function measurePaired(
  contestants: readonly Contestant[],
  rounds: number,
  floors = 1,
): Promise<readonly Standing[]> {
  const micros = contestants.map((): number[] => [])
  for (let round = -WARM_UP_ROUNDS; round < rounds; round++) {
    for (const [index, contestant] of contestants.entries()) {
      const { cpuMicros, operations } = await contestant.run(round)
      if (round >= 0) micros[index]?.push(cpuMicros / operations)
    }
  }
  const floor = cheapest(micros.slice(0, floors))
  const standings: Standing[] = []
  // One after another: what a contestant allocates must not be counted for its neighbour.
  for (const [index, contestant] of contestants.entries()) {
    const own = micros[index] ?? []
    standings.push({
      name: contestant.name,
      isFloor: own === floor,
      target: contestant.target ?? null,
      micros: spreadOf(own),
      ratio: spreadOf(ratiosOf(floor, own)),
      allocatedBytes: (await contestant.allocatedBytes?.(rounds)) ?? null,
      rssBytes: (await contestant.rssBytes?.()) ?? null,
    })
  }
  return standings
}

/** Floor over contestant, round by round. */
export function ratiosOf(floor: readonly number[], contestant: readonly number[]): number[] {
  if (floor.length !== contestant.length) throw new RangeError('Rounds must come in pairs.')
  return floor.map((micros, round) => micros / (contestant[round] as number))
}

function cheapest(candidates: readonly (readonly number[])[]): readonly number[] {
  return candidates.reduce((best, micros) =>
    spreadOf(micros).median < spreadOf(best).median ? micros : best,
  )
}

/** The median and the quartiles. @throws {RangeError} for no values. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return {
    median: quantileOf(sorted, 0.5),
    lowerQuartile: quantileOf(sorted, 0.25),
    upperQuartile: quantileOf(sorted, 0.75),
  }
}

/** Between two values, by distance (type 7 of Hyndman and Fan, as in R and NumPy). */
function quantileOf(sorted: readonly number[], fraction: number): number {
  if (sorted.length === 0) throw new RangeError('A spread needs at least one value.')
  const position = (sorted.length - 1) * fraction
  const below = sorted[Math.floor(position)] as number
  const above = sorted[Math.ceil(position)] as number
  return below + (above - below) * (position - Math.floor(position))
}
