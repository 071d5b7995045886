import { expect, test } from 'vitest'
import { createGenerations } from './generations.ts'

test.each([2, 3, 10, 11])('of size %d it never holds more, and never less than half', (size) => {
  const map = createGenerations<number, string>(size)
  for (let key = 0; key < 100; key++) {
    map.set(key, `value ${key}`)
    const held = Array.from({ length: key + 1 }, (_, one) => map.get(one)).filter(
      (value) => value !== undefined,
    )
    expect(held.length).toBeGreaterThanOrEqual(Math.min(size >> 1, key + 1))
    expect(held.length).toBeLessThanOrEqual(size)
    // The latest ones, in the order of their coming.
    expect(held.at(-1)).toBe(`value ${key}`)
    expect(held[0]).toBe(`value ${key + 1 - held.length}`)
  }
})

test('the older half goes at once, when the younger one is full and another comes', () => {
  const map = createGenerations<number, number>(4)
  for (const key of [1, 2, 3, 4]) map.set(key, key)
  map.set(5, 5)
  expect([1, 2, 3, 4, 5].map((key) => map.get(key))).toEqual([undefined, undefined, 3, 4, 5])
})

test('what is set again is what was set last', () => {
  const map = createGenerations<number, string>(4)
  for (const value of ['a', 'b', 'c']) map.set(1, value)
  expect(map.get(1)).toBe('c')
})
