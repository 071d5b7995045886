import { describe, expect, test } from 'vitest'
import { foreignJson, foreignText } from './foreign.ts'

describe('text that others have written', () => {
  test('has nothing in it that people do not see', () => {
    const tags = String.fromCodePoint(0xe0049, 0xe0067, 0xe006e)
    const hidden = `a\u0000b\u001b[2Jc\u202ed\u200be\u2028f${tags}g\ue000h\ufeffi\ufe0fj\r\nk`
    expect(foreignText(hidden)).toMatch(/^a b \[2Jc d e f +g h i j {2}k$/)
  })

  test('is cut, and well-formed', () => {
    expect(foreignText('x'.repeat(1_000))).toBe(`${'x'.repeat(256)}…`)
    expect(foreignText('\ud800')).toBe('\ufffd')
    expect(foreignText('€😀', 2).isWellFormed()).toBe(true)
  })
})

describe('data that others have written', () => {
  test('is bounded in depth, in members and in items', () => {
    let deep: unknown = 'end'
    for (let depth = 0; depth < 100; depth++) deep = { deep }
    expect(JSON.stringify(foreignJson(deep)).length).toBeLessThan(100)
    expect(foreignJson(Array.from({ length: 10_000 }, () => 1))).toHaveLength(150)
    const wide = Object.fromEntries(Array.from({ length: 1_000 }, (_, index) => [index, index]))
    expect(Object.keys(foreignJson(wide) ?? {})).toHaveLength(50)
  })

  test('is what JSON can hold, and a member of any name is only that', () => {
    const value: unknown = JSON.parse('{"__proto__":{"a":1},"constructor":"b\\n"}')
    expect(JSON.stringify(foreignJson(value))).toBe('{"__proto__":{"a":1},"constructor":"b "}')
    expect(foreignJson({ a: undefined, b: Number.NaN, c: () => 1, d: 1n })).toEqual({
      b: null,
      c: null,
      d: null,
    })
  })
})
