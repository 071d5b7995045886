import { randomBytes } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { systemClock, systemRandom } from '../system.ts'
import { createDataKeys, type DataKeys, openDataKeys } from './data-keys.ts'
import { createRootKey, parseRootKeys } from './root-key.ts'

const ports = { clock: systemClock, random: systemRandom }
const rootKey = createRootKey(randomBytes(32))
const otherRootKey = createRootKey(randomBytes(32))
const records = createDataKeys('ins_1', [rootKey], ports)

const open = (instanceId: string, rows = records, rootKeys = [rootKey]): DataKeys =>
  openDataKeys(instanceId, rows, rootKeys, { clock: systemClock, random: systemRandom })

describe('data keys', () => {
  it('open with the root key that wrapped them, wherever it stands in the list', () => {
    expect(open('ins_1').mac.version).toBe(1)
    expect(open('ins_1', records, [otherRootKey, rootKey]).mac.version).toBe(1)
  })

  it('do not open with another root key, and the error names both without telling either', () => {
    expect(() => open('ins_1', records, [otherRootKey])).toThrow(
      expect.objectContaining({
        code: 'root-key-wrong',
        message: expect.stringMatching(new RegExp(`${rootKey.id}.*${otherRootKey.id}`)) as string,
      }),
    )
  })

  it.each([
    ['altered', (row: (typeof records)[0]) => ({ ...row, wrapped: flip(row.wrapped) })],
    ['cut short', (row: (typeof records)[0]) => ({ ...row, wrapped: row.wrapped.subarray(5) })],
    ['given another version', (row: (typeof records)[0]) => ({ ...row, version: 2 })],
  ])('that were %s are refused', (_, change) => {
    expect(() => open('ins_1', records.map(change))).toThrow(
      expect.objectContaining({ code: 'root-key-wrong' }),
    )
  })

  it('that were put to another purpose are refused', () => {
    const swapped = records.map((row, index) => ({
      ...row,
      wrapped: (records[(index + 1) % records.length] as typeof row).wrapped,
    }))
    expect(() => open('ins_1', swapped)).toThrow(
      expect.objectContaining({ code: 'root-key-wrong' }),
    )
  })

  it('of another instance are refused', () => {
    expect(() => open('ins_2')).toThrow(expect.objectContaining({ code: 'root-key-wrong' }))
  })

  it('that are missing are refused', () => {
    expect(() => open('ins_1', records.slice(1))).toThrow(
      expect.objectContaining({ code: 'root-key-wrong' }),
    )
    expect(() => createDataKeys('ins_1', [], ports)).toThrow(
      expect.objectContaining({ code: 'root-key-missing' }),
    )
  })
})

describe('a sealed value', () => {
  const { secrets, signing } = open('ins_1')
  const plaintext = Buffer.from('secret')
  const sealed = secrets.seal('table/row/column', plaintext)

  it('opens in its place', () => {
    expect(Buffer.from(secrets.open('table/row/column', sealed) ?? [])).toEqual(plaintext)
    expect(secrets.seal('table/row/column', plaintext)).not.toEqual(sealed)
  })

  it('does not open in another row or column, for another purpose, or altered', () => {
    expect(secrets.open('table/other/column', sealed)).toBeNull()
    expect(secrets.open('table/row/other', sealed)).toBeNull()
    expect(signing.open('table/row/column', sealed)).toBeNull()
    for (let index = 0; index < sealed.length; index++) {
      const altered = Uint8Array.from(sealed)
      altered[index] = (altered[index] as number) ^ 1
      expect(secrets.open('table/row/column', altered)).toBeNull()
    }
    expect(secrets.open('table/row/column', new Uint8Array())).toBeNull()
    expect(secrets.open('table/row/column', sealed.subarray(0, 20))).toBeNull()
  })
})

describe('root keys', () => {
  const hex = 'ab'.repeat(32)

  it('are read as hexadecimal or base64, several at once', () => {
    const base64 = Buffer.from(hex, 'hex').toString('base64')
    const base64url = Buffer.from(hex, 'hex').toString('base64url')
    const ids = parseRootKeys(` ${hex},${base64}\n${base64url} `).map((key) => key.id)
    expect(new Set(ids).size).toBe(1)
    expect(ids).toHaveLength(3)
  })

  it.each(['', 'ab', hex.slice(2), `${hex}00`, 'zz'.repeat(32), 'a'.repeat(44), `${hex}, short`])(
    'of another form are refused without being quoted: %j',
    (text) => {
      try {
        parseRootKeys(text)
        expect.unreachable()
      } catch (error) {
        expect(error).toMatchObject({ name: 'RootKeyError' })
        if (text.length > 2) expect(String(error)).not.toContain(text)
      }
    },
  )
})

function flip(bytes: Uint8Array): Uint8Array {
  const flipped = Uint8Array.from(bytes)
  flipped[20] = (flipped[20] as number) ^ 1
  return flipped
}
