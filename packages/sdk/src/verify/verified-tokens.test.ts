import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import type { VerificationKey } from './jwk.ts'
import { createVerifiedTokens } from './verified-tokens.ts'

const key = { kid: 'k' } as VerificationKey
const verified = (id: number) => ({ key, claims: id })
const always = (): boolean => true

const hashed: string[] = []
const digest = (text: string): string => {
  hashed.push(text)
  return createHash('sha256').update(text).digest('binary')
}

const tokenOf = (id: number): string => `header.payload.${String(id).padStart(40, 'x')}`

const signedOf = (token: string): string => token.slice(0, token.lastIndexOf('.'))

describe.each([
  ['at once', digest, undefined],
  ['at once, of the signature', digest, signedOf],
  ['later', async (text: string) => digest(text), undefined],
  ['later, of the signature', async (text: string) => digest(text), signedOf],
])('with a digest that comes %s', (_, digestOf, prefixOf) => {
  const made = (size: number) => {
    const tokens = createVerifiedTokens<number>({ digest: digestOf }, size, prefixOf)
    const remember = async (id: number): Promise<void> => {
      tokens.remember(tokenOf(id), verified(id))
      await new Promise((resolve) => setImmediate(resolve))
    }
    return { tokens, remember }
  }

  test('a token is found once it was remembered twice', async () => {
    const { tokens, remember } = made(10)
    await remember(1)
    expect(await tokens.find(tokenOf(1), always)).toBeUndefined()
    await remember(1)
    expect(await tokens.find(tokenOf(1), always)).toEqual(verified(1))
    expect(await tokens.find(tokenOf(2), always)).toBeUndefined()
  })

  test('a token with the same end is another one', async () => {
    const { tokens, remember } = made(10)
    await remember(1)
    await remember(1)
    const [token, signed] = [tokenOf(1), signedOf(tokenOf(1))]
    const others = [
      `x${token}`,
      token.replace('payload', 'Payload'),
      token.replace('.xxx', '.xyx'),
      token.replace('.xxx', '.xxxx'),
      token.slice(signed.length),
      token.slice(-5),
      signed + token,
    ]
    for (const other of others) expect(await tokens.find(other, always), other).toBeUndefined()
    expect(await tokens.find(token, always)).toEqual(verified(1))
  })

  test('there are never more than its size, and never less than half of it', async () => {
    const { tokens, remember } = made(10)
    for (let id = 0; id < 100; id++) {
      await remember(id)
      await remember(id)
      const found = await Promise.all(
        Array.from({ length: id + 1 }, async (_, one) => tokens.find(tokenOf(one), always)),
      )
      const held = found.filter((one) => one !== undefined)
      expect(held.length).toBeGreaterThanOrEqual(Math.min(5, id + 1))
      expect(held.length).toBeLessThanOrEqual(10)
      // The latest ones, in the order of their coming.
      expect(held.at(-1)).toEqual(verified(id))
    }
  })

  test('the older half goes at once, when the younger one is full and another comes', async () => {
    const { tokens, remember } = made(4)
    const twice = async (id: number): Promise<void> => {
      await remember(id)
      await remember(id)
    }
    for (const id of [1, 2, 3, 4]) await twice(id)
    // Again, which is no other one.
    await twice(4)
    await twice(5)
    expect(await tokens.find(tokenOf(1), always)).toBeUndefined()
    expect(await tokens.find(tokenOf(2), always)).toBeUndefined()
    for (const id of [3, 4, 5]) expect(await tokens.find(tokenOf(id), always)).toEqual(verified(id))
  })

  test('of size 0 it holds nothing, and computes nothing', async () => {
    const { tokens, remember } = made(0)
    hashed.length = 0
    for (let count = 0; count < 3; count++) await remember(1)
    expect(await tokens.find(tokenOf(1), always)).toBeUndefined()
    expect(hashed).toEqual([])
  })
})

test('a token that is seen once costs no hash', () => {
  const tokens = createVerifiedTokens<number>({ digest }, 10)
  hashed.length = 0
  expect(tokens.find(tokenOf(1), always)).toBeUndefined()
  tokens.remember(tokenOf(1), verified(1))
  expect(hashed).toEqual([])
})

test('what is compared is not digested', async () => {
  const tokens = createVerifiedTokens<number>({ digest }, 10, signedOf)
  hashed.length = 0
  for (let time = 0; time < 2; time++) tokens.remember(tokenOf(1), verified(1))
  await tokens.find(tokenOf(1), always)
  await tokens.find(tokenOf(1).replace('payload', 'Payload'), always)
  const rest = tokenOf(1).slice(signedOf(tokenOf(1)).length)
  expect(hashed).toEqual([rest, rest])
})

test('a digest that fails is a token that is not remembered', async () => {
  const tokens = createVerifiedTokens<number>({ digest: () => Promise.reject(new Error('no')) }, 10)
  tokens.remember(tokenOf(1), verified(1))
  tokens.remember(tokenOf(1), verified(1))
  await new Promise((resolve) => setImmediate(resolve))
  expect(tokens.find(tokenOf(1), always)).toBeUndefined()
})
