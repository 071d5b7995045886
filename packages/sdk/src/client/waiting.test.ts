import { expect, test } from 'vitest'
import { withSignal } from './waiting.ts'

test('waiting ends with its signal, also with one that came before, and as the signal says', async () => {
  const never = new Promise<never>(() => undefined)
  const early = AbortSignal.abort(new Error('early'))
  await expect(withSignal(never, early)).rejects.toThrow('early')
  const late = new AbortController()
  const waiting = withSignal(never, late.signal)
  late.abort(new Error('late'))
  await expect(waiting).rejects.toThrow('late')
  expect(await withSignal(Promise.resolve(1), new AbortController().signal)).toBe(1)
})
