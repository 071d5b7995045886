import { describe, expect, test, vi } from 'vitest'
import type { VerificationKey } from '../../jwk.ts'
import { engine as web } from '../web.ts'
import type { VerifiedTokensOptions } from '../engine.ts'
import { createSeenTokens } from './seen-tokens.ts'
import type { Awaitable, VerifiedToken, VerifiedTokens } from '../../verified-tokens.ts'

const key = { kid: 'k' } as VerificationKey
const verified = (id: number) => ({ key, claims: { id } })
const always = (): boolean => true

interface Claims {
  readonly id: number
}

const optionsFor = (cacheSize: number): VerifiedTokensOptions<Claims> => ({
  cacheSize,
  maxTokenBytes: 16_384,
  jwtClass: { judge: () => ({ id: 0 }) },
})

const tokenOf = (id: number): string => `header.payload.${String(id).padStart(40, 'x')}`

const signedOf = (token: string): string => token.slice(0, token.lastIndexOf('.'))

describe.each([
  ['Node', (size: number) => createSeenTokens<Claims>(size)],
  ['the web', (size: number) => web.createVerifiedTokens<Claims>(optionsFor(size))],
])('on %s', (_, create) => {
  const find = (
    tokens: VerifiedTokens<Claims>,
    token: string,
  ): Awaitable<VerifiedToken<Claims> | undefined> => tokens.find(token, always)

  /** Until it is found. */
  const remember = async (tokens: VerifiedTokens<Claims>, id: number): Promise<void> => {
    tokens.remember(tokenOf(id), verified(id))
    tokens.remember(tokenOf(id), verified(id))
    const isThere = async (): Promise<boolean> => (await find(tokens, tokenOf(id))) !== undefined
    await vi.waitUntil(isThere, { interval: 1 })
  }

  test('a token is found that was remembered, and no other', async () => {
    const tokens = create(10)
    expect(await find(tokens, tokenOf(1))).toBeUndefined()
    await remember(tokens, 1)
    expect(await find(tokens, tokenOf(1))).toEqual(verified(1))
    expect(await find(tokens, tokenOf(2))).toBeUndefined()
  })

  test('a token with the same end is another one', async () => {
    const tokens = create(10)
    await remember(tokens, 1)
    const [token, signed] = [tokenOf(1), signedOf(tokenOf(1))]
    const others = [
      `x${token}`,
      token.replace('payload', 'Payload'),
      token.replace('.xxx', '.xyx'),
      token.replace('.xxx', '.xxxx'),
      token.slice(signed.length),
      token.slice(-5),
      token.slice(-8),
      signed + token,
    ]
    for (const other of others) expect(await find(tokens, other), other).toBeUndefined()
    expect(await find(tokens, token)).toEqual(verified(1))
  })

  test('there are never more than its size', async () => {
    const tokens = create(10)
    for (let id = 0; id < 30; id++) {
      await remember(tokens, id)
      const all = Array.from({ length: id + 1 }, async (__, one) => find(tokens, tokenOf(one)))
      const held = (await Promise.all(all)).filter((one) => one !== undefined)
      expect(held.length).toBeGreaterThanOrEqual(Math.min(5, id + 1))
      expect(held.length).toBeLessThanOrEqual(10)
    }
  })

  test('of size 1 it holds one', async () => {
    const tokens = create(1)
    await remember(tokens, 1)
    expect(await find(tokens, tokenOf(1))).toEqual(verified(1))
  })

  test.each([0, 0.5])('of size %d it holds nothing', async (size) => {
    const tokens = create(size)
    for (let count = 0; count < 3; count++) {
      tokens.remember(tokenOf(1), verified(1))
      await new Promise((resolve) => setTimeout(resolve, 5))
      expect(await find(tokens, tokenOf(1))).toBeUndefined()
    }
  })
})

test('on Node a token is remembered when it comes for the second time', () => {
  const tokens = createSeenTokens<Claims>(10)
  tokens.remember(tokenOf(1), verified(1))
  expect(tokens.find(tokenOf(1), always)).toBeUndefined()
  tokens.remember(tokenOf(1), verified(1))
  expect(tokens.find(tokenOf(1), always)).toEqual(verified(1))
})

test('on the web what was not remembered is not digested, and a digest that fails is no harm', async () => {
  const digest = vi.spyOn(globalThis.crypto.subtle, 'digest')
  const tokens = web.createVerifiedTokens<Claims>(optionsFor(10))
  expect(tokens.find(tokenOf(1), always)).toBeUndefined()
  expect(digest).not.toHaveBeenCalled()
  digest.mockRejectedValueOnce(new Error('no'))
  tokens.remember(tokenOf(1), verified(1))
  await new Promise((resolve) => setTimeout(resolve, 5))
  expect(tokens.find(tokenOf(1), always)).toBeUndefined()
  digest.mockRestore()
})
