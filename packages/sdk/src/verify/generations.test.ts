import { expect, test } from 'vitest'
import { createGenerations } from './generations.ts'

test.each([1, 2, 3, 10, 11])('of size %d it never holds more, and never less than half', (size) => {
  const map = createGenerations<number, string>(size)
  for (let key = 0; key < 100; key++) {
    map.set(key, `value ${key}`)
    const held = Array.from({ length: key + 1 }, (_, one) => map.get(one)).filter(
      (value) => value !== undefined,
    )
    expect(held.length).toBeGreaterThanOrEqual(Math.min(size / 2, key + 1))
    expect(held.length).toBeLessThanOrEqual(size)
    // The latest ones, in the order of their coming.
    expect(held.at(-1)).toBe(`value ${key}`)
    expect(held[0]).toBe(`value ${key + 1 - held.length}`)
  }
})

test('the half before goes at once, when there is another', () => {
  const map = createGenerations<number, number>(4)
  const held = (): number[] => [1, 2, 3, 4].filter((key) => map.get(key) !== undefined)
  for (const key of [1, 2, 3]) map.set(key, key)
  expect(held()).toEqual([1, 2, 3])
  map.set(4, 4)
  expect(held()).toEqual([3, 4])
})

test('what is set again is what was set last, and costs nobody else a place', () => {
  const map = createGenerations<number, string>(4)
  for (const key of [1, 2, 3]) map.set(key, 'a')
  for (const value of ['b', 'c', 'd']) map.set(3, value)
  expect([1, 2, 3].map((key) => map.get(key))).toEqual(['a', 'a', 'd'])
})
