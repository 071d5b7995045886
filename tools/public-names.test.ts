import { expect, test } from 'vitest'
import { compareNames } from './public-names.ts'

test('a name that came, went or changed its kind is one line of difference', () => {
  const before = { countersign: { createClient: 'value', M2MToken: 'value', Old: 'type' } } as const
  const after = { countersign: { createClient: 'value', M2MToken: 'type', New: 'type' } } as const
  expect(compareNames(before, after)).toEqual([
    "- value M2MToken of 'countersign'",
    "- type Old of 'countersign'",
    "+ type M2MToken of 'countersign'",
    "+ type New of 'countersign'",
  ])
  expect(compareNames(after, after)).toEqual([])
})
