import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createId, formatId, idBytes, type IdKind, isId, isMachineId, parseId } from './ids.ts'

const KINDS: readonly IdKind[] = [
  'instance',
  'machine',
  'signingKey',
  'instanceKey',
  'revocation',
  'webhook',
  'm2mToken',
  'apiKey',
]

const FORMS: Readonly<Record<IdKind, RegExp>> = {
  instance: /^ins_\w{27}$/,
  machine: /^mch_\w{27}$/,
  signingKey: /^key_\w{27}$/,
  instanceKey: /^isk_\w{27}$/,
  revocation: /^rev_\w{27}$/,
  webhook: /^whk_\w{27}$/,
  m2mToken: /^mt_[0-9A-Fa-f]{32}$/,
  apiKey: /^ak_[0-9A-Fa-f]{32}$/,
}

const random = fc.uint8Array({ minLength: 16, maxLength: 16 })
const time = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2150, 0, 1) })

describe.each(KINDS)('%s ids', (kind) => {
  test('have the form that the wire promises, and survive being taken apart', () => {
    fc.assert(
      fc.property(time, random, (nowMs, bytes) => {
        const id = createId(kind, nowMs, bytes)
        expect(id).toMatch(FORMS[kind])
        expect(isId(kind, id)).toBe(true)
        expect(parseId(kind, id)).toEqual(idBytes(kind, nowMs, bytes))
        expect(formatId(kind, parseId(kind, id))).toBe(id)
      }),
    )
  })

  test('sort by the time they were made', () => {
    fc.assert(
      fc.property(time, random, random, (nowMs, a, b) => {
        // A second later: the base62 kinds count seconds.
        expect(createId(kind, nowMs, a) < createId(kind, nowMs + 1000, b)).toBe(true)
      }),
    )
  })

  test('are not what another kind is, nor anything around them', () => {
    const id = createId(kind, Date.UTC(2026, 0, 1), new Uint8Array(16))
    for (const other of KINDS) expect(isId(other, id)).toBe(other === kind)
    for (const text of ['', id + 'a', ` ${id}`, `${id}\n`, id.slice(1), id.slice(0, -1)]) {
      expect(isId(kind, text)).toBe(false)
      expect(() => parseId(kind, text)).toThrow(TypeError)
    }
  })
})

test('a machine id whose value is too large for its bytes is told as no id when parsed', () => {
  expect(() => parseId('machine', `mch_${'z'.repeat(27)}`)).toThrow(TypeError)
})

test('the text of no kind is taken for that of another, and the refusal names the kind that was asked', () => {
  expect(() => parseId('machine', 'mt_secret')).toThrow('Not an id of kind machine.')
})

test('a machine id is known by all of its characters', () => {
  const id = createId('machine', Date.UTC(2026, 0, 1), new Uint8Array(16).fill(9))
  expect(isMachineId(id)).toBe(true)
  for (const text of [`x${id}`, `${id}x`, `${id}\n`, id.slice(1), id.slice(0, -1), ` ${id}`, '']) {
    expect(isMachineId(text)).toBe(false)
  }
  expect(isMachineId(`mch_${'-'.repeat(27)}`)).toBe(false)
})

test('the time in an id is seconds since 2020, or milliseconds since 1970, with the highest byte first', () => {
  const random = Uint8Array.from({ length: 16 }, (_, at) => 0xf0 + at)
  const machine = (seconds: number): number[] => [
    ...idBytes('machine', Date.UTC(2020, 0, 1) + seconds * 1_000, random),
  ]
  expect(machine(0)).toEqual([0, 0, 0, 0, ...random])
  expect(machine(0x01_02_03_04)).toEqual([1, 2, 3, 4, ...random])
  expect(machine(0xff_ff_ff_ff + 0.999)).toEqual([255, 255, 255, 255, ...random])
  const token = idBytes('m2mToken', 0x01_02_03_04_05_06 + 0.5, random)
  expect([...token]).toEqual([1, 2, 3, 4, 5, 6, ...random.subarray(0, 10)])
})
