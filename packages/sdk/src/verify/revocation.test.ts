import { expect, test } from 'vitest'
import { checkRevocation } from './revocation.ts'

const STRICT = { maxStaleSeconds: 300, whenUnavailable: 'refuse', push: false }

test('what is not said is as strict as can be', () => {
  expect(checkRevocation()).toEqual(STRICT)
  expect(checkRevocation({})).toEqual(STRICT)
  expect(checkRevocation({ whenUnavailable: undefined, push: undefined })).toEqual(STRICT)
})

test('what is said holds, up to its bounds', () => {
  const lenient = { maxStaleSeconds: 3_600, whenUnavailable: 'accept', push: true } as const
  expect(checkRevocation(lenient)).toEqual(lenient)
  expect(checkRevocation({ maxStaleSeconds: 1 })).toEqual({ ...STRICT, maxStaleSeconds: 1 })
})

test.each([true, false, 1, 'refuse', () => ({})])('what are no options are refused: %s', (odd) => {
  expect(() => checkRevocation(odd as never)).toThrow(
    expect.objectContaining({
      message: 'configuration-invalid: expected revocation to be an object',
    }),
  )
})

test.each([0, 0.999, 3_600.001, 3_601, -1, Number.NaN, Infinity, '300', null])(
  'an age that is out of bounds is refused by its name: %s',
  (maxStaleSeconds) => {
    expect(() => checkRevocation({ maxStaleSeconds } as never)).toThrow(
      expect.objectContaining({
        message:
          'configuration-invalid: expected revocation.maxStaleSeconds to be a number from 1 to 3600',
      }),
    )
  },
)

test.each(['', 'Accept', 'ignore', null, true, ['accept']])(
  'anything but refuse or accept is refused: %j',
  (whenUnavailable) => {
    expect(() => checkRevocation({ whenUnavailable } as never)).toThrow(
      expect.objectContaining({
        message:
          'configuration-invalid: expected revocation.whenUnavailable to be refuse or accept',
      }),
    )
  },
)
