import { describe, expect, it } from 'vitest'
import { type Contestant, measurePaired, ratiosOf, spreadOf, WARM_UP_ROUNDS } from './paired.ts'

describe('spreadOf', () => {
  it('takes the middle of an odd count and the mean of the two middles of an even one', () => {
    expect(spreadOf([9, 1, 5]).median).toBe(5)
    expect(spreadOf([4, 1, 3, 2]).median).toBe(2.5)
  })

  it('interpolates quartiles as R and NumPy do', () => {
    expect(spreadOf([1, 2, 3, 4])).toEqual({
      median: 2.5,
      lowerQuartile: 1.75,
      upperQuartile: 3.25,
    })
    expect(spreadOf([7])).toEqual({ median: 7, lowerQuartile: 7, upperQuartile: 7 })
  })

  it('leaves what it was given in its order, and refuses to summarise nothing', () => {
    const values = [3, 1, 2]
    spreadOf(values)
    expect(values).toEqual([3, 1, 2])
    expect(() => spreadOf([])).toThrow(RangeError)
  })
})

describe('ratiosOf', () => {
  it('compares each round with the floor of the same round', () => {
    expect(ratiosOf([10, 20], [20, 80])).toEqual([0.5, 0.25])
  })

  it('refuses rounds that have no pair', () => {
    expect(() => ratiosOf([1, 2], [1])).toThrow(RangeError)
  })
})

describe('measurePaired', () => {
  it('interleaves the contestants, and counts no round of the warm-up', async () => {
    const turns: string[] = []
    const standings = await measurePaired(
      [contestant('floor', turns, () => 10), contestant('ours', turns, () => 20)],
      2,
    )
    const rounds = Array.from({ length: WARM_UP_ROUNDS + 2 }, (_, index) => index - WARM_UP_ROUNDS)
    expect(turns).toEqual(rounds.flatMap((round) => [`floor ${round}`, `ours ${round}`]))
    expect(standings.map(({ name, ratio }) => [name, ratio.median])).toEqual([
      ['floor', 1],
      ['ours', 0.5],
    ])
  })

  it('is not misled by a machine that slows down for everybody', async () => {
    const slowdown = (round: number): number => (round % 2 === 0 ? 1 : 7)
    const [, ours] = await measurePaired(
      [
        contestant('floor', [], (round) => 10 * slowdown(round)),
        contestant('ours', [], (round) => 40 * slowdown(round)),
      ],
      5,
    )
    expect(ours?.ratio).toEqual({ median: 0.25, lowerQuartile: 0.25, upperQuartile: 0.25 })
  })

  it('takes the cheapest of several floors', async () => {
    const standings = await measurePaired(
      [
        contestant('dear floor', [], () => 20),
        contestant('cheap floor', [], () => 10),
        contestant('ours', [], () => 40),
      ],
      3,
      2,
    )
    expect(standings.map(({ isFloor, ratio }) => [isFloor, ratio.median])).toEqual([
      [false, 0.5],
      [true, 1],
      [false, 0.25],
    ])
  })
})

function contestant(name: string, turns: string[], micros: (round: number) => number): Contestant {
  return {
    name,
    run(round) {
      turns.push(`${name} ${round}`)
      return Promise.resolve({
        operations: 100,
        cpuMicros: 100 * (round < 0 ? 999 : micros(round)),
      })
    },
  }
}
