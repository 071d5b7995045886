import { describe, expect, test } from 'vitest'
import {
  createTestKey,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../testing/tokens.ts'
import type { JsonObject } from '../token/json.ts'
import type { M2MToken } from '../token/m2m-token.ts'
import { engine as node } from './engine/node.ts'
import { engine as web } from './engine/web.ts'
import type { JwtVerifier } from './jwt-verifier.ts'
import { checkJwtOptions, keySetOf } from './jwt-settings.ts'
import { createM2MVerifier } from './verifier.ts'

const key = await createTestKey('ES256', 'key')

const refused = (code: string): unknown => expect.objectContaining({ code })

describe.each([node, web])('on the engine $name', (engine) => {
  const started = (members: object = {}): JwtVerifier<M2MToken> => {
    const options = {
      issuer: TEST_ISSUER,
      jwks: { keys: [key.publicJwk] },
      clock: () => TEST_NOW_MS,
      ...members,
    }
    const settings = { ...checkJwtOptions(options), audience: [RECEIVER], status: null }
    return createM2MVerifier(settings, keySetOf(settings, engine), engine)
  }

  test('a header that begins as that of a familiar token does is another', async () => {
    const verifier = started()
    await verifier.verify(await signToken(key))
    const token = await signToken(key, GOOD_PAYLOAD, { ...headerOf(key), alg: 'RS256' })
    await expect(verifier.verify(token)).rejects.toMatchObject({
      code: 'token-algorithm-not-allowed',
      expected: 'alg ES256',
    })
    const longer = token.replace('.', 'AAAA.')
    await expect(verifier.verify(longer)).rejects.toMatchObject({ code: 'token-malformed' })
  })

  test('what was taken apart with a wider bound is held to the verifier’s own', async () => {
    const verifier = started({ maxTokenBytes: 1_000 })
    const exact = async (length: number): Promise<string> => {
      // A payload grows by three characters of text to four of base64url.
      for (let pad = 0; ; pad++) {
        const token = await signToken(key, { ...GOOD_PAYLOAD, pad: 'x'.repeat(pad) })
        if (token.length >= length) return token
      }
    }
    const long = await exact(1_001)
    expect(() => verifier.parse(long)).toThrow(refused('token-malformed'))
    const jws = verifier.parse(long, 2_000)
    expect(() => verifier.verifyParsed(long, jws)).toThrow(
      expect.objectContaining({
        message: 'token-malformed: expected a shorter token',
      }),
    )
    const wide = started({ maxTokenBytes: long.length })
    expect((await wide.verify(long)).subject).toBe(SENDER)
    expect((await wide.verifyParsed(long, wide.parse(long))).subject).toBe(SENDER)
  })

  test('a status that is known later decides as one that is known', async () => {
    const refusal = new Error('revoked')
    const answers = [Promise.resolve(), Promise.reject(refusal), undefined]
    answers[1]?.catch(() => undefined)
    const status = { list: 1 }
    const asked: unknown[] = []
    const check = (one: unknown): Promise<void> | undefined => {
      asked.push(one)
      return answers.shift()
    }
    const options = {
      issuer: TEST_ISSUER,
      jwks: { keys: [key.publicJwk] },
      clock: () => TEST_NOW_MS,
    }
    const never = { isReady: () => true, warm: () => Promise.resolve(), close: () => undefined }
    const settings = {
      ...checkJwtOptions(options),
      audience: [RECEIVER],
      status: { ...never, check },
    }
    const verifier = createM2MVerifier(settings, keySetOf(settings, engine), engine)
    const token = await signToken(key, { ...GOOD_PAYLOAD, status })
    expect((await verifier.verify(token)).subject).toBe(SENDER)
    await expect(verifier.verify(token)).rejects.toBe(refusal)
    expect((await verifier.verify(token)).subject).toBe(SENDER)
    expect(asked).toEqual([status, status, status])
  })

  test('what is no text is malformed', async () => {
    for (const odd of [undefined, null, 1, {}, [await signToken(key)]]) {
      await expect(started().verify(odd as never)).rejects.toMatchObject({
        code: 'token-malformed',
      })
    }
  })

  test('only what was verified is recalled, and nothing of a token that was not', async () => {
    const verifier = started()
    const token = await signToken(key)
    expect(await verifier.recall(token)).toBeUndefined()
    await verifier.verify(token)
    await verifier.verify(token)
    // What is to be remembered is digested first.
    let recalled = await verifier.recall(token)
    for (let turn = 0; recalled === undefined && turn < 500; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      recalled = await verifier.recall(token)
    }
    expect(recalled).toEqual(await verifier.verify(token))
    const end = token.lastIndexOf('.')
    expect(await verifier.recall(`${token.slice(0, end)}x${token.slice(end)}`)).toBeUndefined()
    expect(await verifier.recall('')).toBeUndefined()
  })

  test('the class is judged before the key is looked for', () => {
    const verifier = started({ jwks: { keys: [] } })
    const payload: JsonObject = { sub: 'user_1' }
    const token = `${encodePart(headerOf(key))}.${encodePart(payload)}.AAAA`
    expect(() => verifier.verifyParsed(token, verifier.parse(token))).toThrow(
      expect.objectContaining({
        message: 'token-class-mismatch: expected sub to be a machine id',
      }),
    )
  })
})
