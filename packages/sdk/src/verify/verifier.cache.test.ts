import { describe, expect, test, vi } from 'vitest'
import { json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  GOOD_PAYLOAD,
  RECEIVER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import type { CheckSignature, Engine } from './engine/engine.ts'
import { engine as node } from './engine/node.ts'
import { engine as web } from './engine/web.ts'
import { createVerifierOn, type Verifier, type VerifierOptions } from './verifier.ts'

/** What is remembered of verified tokens saves the signature check, and nothing else. */

const [key, next] = await Promise.all([
  createTestKey('ES256', 'key'),
  createTestKey('ES256', 'next'),
])
const set = (...keys: (typeof key)[]) => json({ keys: keys.map(({ publicJwk }) => publicJwk) })

const remembering: Promise<unknown>[] = []

/** The same engine, which tells how often it checked a signature. */
const counting = (engine: Engine) => {
  const counts = { checks: 0 }
  const counted: Engine = {
    ...engine,
    createVerifiedTokens(options) {
      const tokens = engine.createVerifiedTokens(options)
      return {
        find: (token, isCurrent) => tokens.find(token, isCurrent),
        remember(token, verified, judgedMs) {
          tokens.remember(token, verified, judgedMs)
          // The web digests beside.
          if (engine !== web || options.cacheSize === 0) return
          const isThere = async (): Promise<boolean> =>
            (await tokens.find(token, () => true)) !== undefined
          remembering.push(vi.waitUntil(isThere, { interval: 1 }))
        },
      }
    },
    async importKey(material) {
      const check = await engine.importKey(material)
      const counter: CheckSignature = (data, signature) => {
        counts.checks++
        return check(data, signature)
      }
      return counter
    },
  }
  return { engine: counted, counts }
}

describe.each([node, web])('on the engine $name', (platform) => {
  const started = (
    options: Partial<VerifierOptions> = {},
    ...answers: ReturnType<typeof set>[]
  ) => {
    const { engine, counts } = counting(platform)
    const clock = { now: TEST_NOW_MS }
    const server = scriptedFetch(...(answers.length === 0 ? [set(key)] : answers))
    const verifier = createVerifierOn(engine, {
      issuer: TEST_ISSUER,
      audience: RECEIVER,
      fetch: server.fetch,
      clock: () => clock.now,
      ...options,
    })
    return { verifier, counts, clock, sent: server.sent }
  }

  const times = async (count: number, verifier: Verifier, token: string): Promise<void> => {
    for (let done = 0; done < count; done++) {
      await verifier.verify(token)
      await Promise.all(remembering)
    }
  }

  test('the signature is not checked again, on Node from the third time on', async () => {
    const { verifier, counts } = started()
    await times(10, verifier, await signToken(key))
    expect(counts.checks).toBe(platform === node ? 2 : 1)
  })

  test('each time gives the same, and nothing that another holder could change', async () => {
    const { verifier } = started()
    const payload = { ...GOOD_PAYLOAD, roles: ['reader'], deep: { list: [{ a: 1 }] } }
    const token = await signToken(key, payload)
    const first = await verifier.verify(token)
    for (let count = 0; count < 4; count++) {
      const one = await verifier.verify(token)
      expect(one).toEqual(first)
      const claims = one.claims as { roles: string[]; deep: { list: { a: number }[] } }
      claims.roles.push('admin')
      claims.deep.list[0] = { a: 2 }
      one.scopes.push('mch_other')
    }
    expect(await verifier.verify(token)).toEqual(first)
  })

  test('a token that expires is refused although it is remembered', async () => {
    const { verifier, clock } = started()
    const token = await signToken(key)
    await times(5, verifier, token)
    clock.now += 65_000
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token-expired' })
    clock.now -= 130_000
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token-not-yet-valid' })
  })

  test('a token whose key is gone from the set is refused although it is remembered', async () => {
    const { verifier, clock, sent } = started({}, set(key), set(next))
    const token = await signToken(key, { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 3_600 })
    await times(5, verifier, token)
    clock.now += 301_000
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token-key-unknown' })
    expect(sent).toHaveLength(2)
  })

  test('a token is checked again when its key became another under the same kid', async () => {
    const other = await createTestKey('ES256', 'key')
    const { verifier, clock } = started({}, set(key), set(other))
    const token = await signToken(key, { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 3_600 })
    await times(5, verifier, token)
    clock.now += 301_000
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token-signature-invalid' })
  })

  test('a token is checked again when its key was replaced beside another verification', async () => {
    const other = await createTestKey('ES256', 'key')
    const work: Promise<unknown>[] = []
    const { verifier, clock } = started(
      { waitUntil: (one) => void work.push(one) },
      set(key),
      set(other),
    )
    const token = await signToken(key, { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 3_600 })
    await times(5, verifier, token)
    clock.now += 241_000
    await times(1, verifier, token)
    expect(work).toHaveLength(1)
    await Promise.all(work)
    await expect(verifier.verify(token)).rejects.toMatchObject({ code: 'token-signature-invalid' })
  })

  test('a refreshed set with the same key costs no new check', async () => {
    const { verifier, clock, counts, sent } = started({}, set(key), set(key))
    const token = await signToken(key, { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 3_600 })
    await times(5, verifier, token)
    clock.now += 301_000
    await times(5, verifier, token)
    expect(sent).toHaveLength(2)
    // Once, by the call that waited for the new set.
    expect(counts.checks).toBeLessThanOrEqual(3)
  })

  test('a token that was altered is not the one that is remembered', async () => {
    const { verifier } = started()
    const token = await signToken(key)
    await times(5, verifier, token)
    const [head = '', payload = '', signature = ''] = token.split('.')
    const other = await signToken(key, { ...GOOD_PAYLOAD, jti: 'mt_other' })
    const forged = `${head}.${other.split('.')[1] ?? ''}.${signature}`
    await expect(verifier.verify(forged)).rejects.toMatchObject({ code: 'token-signature-invalid' })
    await expect(verifier.verify(`${head}.${payload}.A${signature}`)).rejects.toMatchObject({
      code: expect.stringMatching(/token-(malformed|signature-invalid)/) as string,
    })
  })

  test('refused tokens leave nothing behind', async () => {
    const { verifier, counts } = started()
    const token = await signToken(next, GOOD_PAYLOAD, {
      alg: 'ES256',
      typ: 'JWT',
      kid: 'key',
      cat: 'cl_B7d4PD333AAA',
    })
    for (let count = 1; count <= 5; count++) {
      await expect(verifier.verify(token)).rejects.toMatchObject({
        code: 'token-signature-invalid',
      })
      expect(counts.checks).toBe(count)
    }
  })

  test('cacheSize 0 checks every time', async () => {
    const { verifier, counts } = started({ cacheSize: 0 })
    await times(5, verifier, await signToken(key))
    expect(counts.checks).toBe(5)
  })

  describe('a token like those that were verified', () => {
    const HOUR = { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 3_600 }
    let issued = 0
    const another = (members: object = {}, by = key): Promise<string> =>
      signToken(by, { ...HOUR, jti: `mt_${++issued}`, ...members })

    test('has its signature checked, once', async () => {
      const { verifier, counts } = started()
      for (let count = 1; count <= 5; count++) {
        expect((await verifier.verify(await another())).id).toBe(`mt_${issued}`)
        expect(counts.checks).toBe(count)
      }
      const stranger = await createTestKey('ES256', 'key')
      await expect(verifier.verify(await another({}, stranger))).rejects.toMatchObject({
        code: 'token-signature-invalid',
      })
      expect(counts.checks).toBe(6)
    })

    test('is judged by its own times', async () => {
      const { verifier } = started()
      await verifier.verify(await another())
      const now = TEST_NOW_MS / 1000
      for (const [members, code] of [
        [{ exp: now - 6 }, 'token-expired'],
        [{ nbf: now + 6 }, 'token-not-yet-valid'],
        [{ iat: now + 6 }, 'token-not-yet-valid'],
      ] as const) {
        await expect(verifier.verify(await another(members))).rejects.toMatchObject({ code })
      }
      expect(await verifier.verify(await another({ exp: now - 4, iat: now + 4 }))).toMatchObject({
        expiration: TEST_NOW_MS - 4_000,
        createdAt: TEST_NOW_MS + 4_000,
      })
    })

    test('is refused once the key that they have in common is gone', async () => {
      const { verifier, clock } = started({}, set(key), set(next))
      await verifier.verify(await another())
      clock.now += 301_000
      await expect(verifier.verify(await another())).rejects.toMatchObject({
        code: 'token-key-unknown',
      })
    })

    test('is checked by the key that took the place of theirs under the same kid', async () => {
      const other = await createTestKey('ES256', 'key')
      const { verifier, clock } = started({}, set(key), set(other))
      await verifier.verify(await another())
      clock.now += 301_000
      await expect(verifier.verify(await another())).rejects.toMatchObject({
        code: 'token-signature-invalid',
      })
      expect((await verifier.verify(await another({}, other))).id).toBe(`mt_${issued}`)
    })

    test('is nobody’s but its own', async () => {
      const { verifier } = started({ cacheSize: 0 })
      const claims = { roles: ['reader'], deep: { list: [{ a: 1 }] } }
      for (let count = 0; count < 4; count++) {
        const one = await verifier.verify(await another(claims))
        expect(one).toMatchObject({ id: `mt_${issued}`, scopes: [RECEIVER], claims })
        const { roles, deep } = one.claims as typeof claims
        roles.push('admin')
        deep.list[0] = { a: 2 }
        one.scopes.push('mch_other')
      }
    })

    test('is held to the bounds of its own verifier', async () => {
      const token = await another()
      const { verifier } = started({ maxTokenBytes: token.length })
      await verifier.verify(token)
      await expect(verifier.verify(await another({ jti: 'mt_longer_x' }))).rejects.toMatchObject({
        code: 'token-malformed',
      })
    })
  })
})
