import { isId } from 'countersign/token'
import { describe, expect, it } from 'vitest'
import { systemRandom } from '../system.ts'
import { createIdSource } from './id-source.ts'

describe('ids', () => {
  it('of one millisecond are in the order in which they were made, past 65,536 of them', () => {
    const ids = createIdSource({ clock: { now: () => 1_800_000_000_000 }, random: systemRandom })
    const made = Array.from({ length: 70_000 }, () => ids.create('m2mToken'))
    expect(made.toSorted()).toEqual(made)
    expect(new Set(made).size).toBe(made.length)
    expect(made.every((id) => isId('m2mToken', id))).toBe(true)
  })

  it('go on in order when the clock is set back', () => {
    let now = 1_800_000_000_000
    const ids = createIdSource({ clock: { now: () => now }, random: systemRandom })
    const before = ids.create('apiKey')
    now -= 3_600_000
    expect(ids.create('apiKey') > before).toBe(true)
  })

  it('made by two processes at the same instant are not the same', () => {
    const ports = { clock: { now: () => 1_800_000_000_000 }, random: systemRandom }
    expect(createIdSource(ports).create('machine')).not.toBe(
      createIdSource(ports).create('machine'),
    )
  })
})
