import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
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
  testId,
} from '../../../testing/tokens.ts'
import { isCountersignError } from '../../../token/errors.ts'
import type { JsonObject } from '../../../token/json.ts'
import { importKeySet, type VerificationKey } from '../../jwk.ts'
import type { VerifiedTokens } from '../../verified-tokens.ts'
import { createVerifierOn } from '../../verifier.ts'
import { engine as node } from '../node.ts'
import { engine as web } from '../web.ts'

const NOW = TEST_NOW_MS / 1000
const LIST = `${TEST_ISSUER}/status-lists/one`
const statusAt = (idx: number): JsonObject => ({ status_list: { uri: LIST, idx } })

const PAYLOAD: JsonObject = {
  iss: TEST_ISSUER,
  sub: SENDER,
  aud: [RECEIVER],
  scopes: RECEIVER,
  region: 'eu',
  status: statusAt(7),
  exp: NOW + 60,
  nbf: NOW,
  iat: NOW,
  jti: 'mt_one',
}

const signer = await createTestKey('ES256', 'key')
const keys = await importKeySet(node, { keys: [signer.publicJwk] })
const key = keys.get('key') as VerificationKey

const sign = (payload: JsonObject | string): Promise<string> => signToken(signer, payload)
const written = (payload: JsonObject): string => JSON.stringify(payload)

/** As if there were nothing to judge. */
const judge = (payload: JsonObject): JsonObject => payload

const always = (): boolean => true

const started = (
  maxCharacters = 16_384,
  judgeBy: (payload: JsonObject) => JsonObject = judge,
  cacheSize = 0,
): VerifiedTokens<JsonObject> =>
  node.createVerifiedTokens({
    cacheSize,
    maxTokenBytes: maxCharacters,
    jwtClass: { judge: judgeBy },
  })

/** One that has met a token with this payload. */
const knowing = async (
  payload: JsonObject | string = PAYLOAD,
  judgeBy: (payload: JsonObject) => JsonObject = judge,
): Promise<VerifiedTokens<JsonObject>> => {
  const tokens = started(undefined, judgeBy)
  const claims = typeof payload === 'string' ? (JSON.parse(payload) as JsonObject) : payload
  tokens.remember(await sign(payload), { key, claims }, TEST_NOW_MS)
  return tokens
}

const claimsOf = async (
  tokens: VerifiedTokens<JsonObject>,
  payload: JsonObject | string,
): Promise<JsonObject | undefined> => (await tokens.find(await sign(payload), always))?.claims

test('nothing of a token that could be presented is left behind', async () => {
  const checks = vi.fn(key.check)
  const tokens = started()
  tokens.remember(await sign(PAYLOAD), { key: { ...key, check: checks }, claims: PAYLOAD }, NOW)
  const good = await sign({ ...PAYLOAD, jti: 'mt_two' })
  const [header, payload = '', ofAnother] = (await sign({ ...PAYLOAD, jti: 'mt_three' })).split('.')
  const signature = good.split('.').at(-1) ?? ''
  const forged = `${header}.${payload}.${signature}`
  const mangled = `${header}.${payload}${'é'.repeat(100)}.${ofAnother}`
  const unlike = await sign({ ...PAYLOAD, region: 'us' })
  for (const token of [good, forged, mangled, unlike]) {
    await saidOf(async () => tokens.find(token, always))
    const rooms = checks.mock.lastCall?.map(({ buffer }) => Buffer.from(buffer)) ?? []
    const [, , ofThis = ''] = token.split('.')
    const bytes = Buffer.from(ofThis, 'base64url')
    for (let at = 0; at + 8 <= ofThis.length; at++) {
      expect(rooms[0]?.includes(ofThis.slice(at, at + 8)), `${token} ${at}`).toBe(false)
    }
    for (let at = 0; at + 8 <= bytes.length; at++) {
      expect(rooms[1]?.includes(bytes.subarray(at, at + 8)), `${token} ${at}`).toBe(false)
    }
    expect(rooms[0]?.includes(token.slice(0, 32))).toBe(true)
  }
  expect(checks).toHaveBeenCalledTimes(2)
})

/** What a verifier says of a token: the token that it is, or the code of the refusal. */
const saidOf = async (verify: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await verify()
  } catch (error) {
    if (isCountersignError(error)) return error.code
    throw error
  }
}

test('a token that differs in its times, its id and its status is read as what it says', async () => {
  const tokens = await knowing()
  const other = { exp: NOW + 3_600, nbf: 0, iat: 9, jti: 'A-b_9', status: statusAt(131_071) }
  const payload = { ...PAYLOAD, ...other }
  expect(await claimsOf(tokens, payload)).toEqual(payload)
  expect(await claimsOf(tokens, PAYLOAD)).toEqual(PAYLOAD)
  expect(await claimsOf(tokens, { ...payload, exp: 999_999_999_999_999 })).toMatchObject({
    exp: 999_999_999_999_999,
  })
})

test('what was read of one token is not changed by the next', async () => {
  const tokens = await knowing()
  const first = await claimsOf(tokens, { ...PAYLOAD, jti: 'first', status: statusAt(1) })
  await claimsOf(tokens, { ...PAYLOAD, jti: 'second', status: statusAt(2), exp: 5 })
  expect(first).toEqual({ ...PAYLOAD, jti: 'first', status: statusAt(1) })
})

test.each(['exp', 'nbf', 'iat', 'jti', 'status'])(
  'a token without %s is familiar to one without it alone',
  async (name) => {
    const { [name]: _, ...rest } = PAYLOAD
    expect(await claimsOf(await knowing(rest), { ...rest, iss: TEST_ISSUER })).toEqual(rest)
    expect(await claimsOf(await knowing(), rest)).toBeUndefined()
    expect(await claimsOf(await knowing(rest), PAYLOAD)).toBeUndefined()
  },
)

describe('it is no business of this one, and left to the parser:', () => {
  const text = written(PAYLOAD)
  test.each([
    ['a number with a zero in front', text.replace(`"iat":${NOW}`, '"iat":01')],
    ['a number below zero', text.replace(`"iat":${NOW}`, '"iat":-1')],
    ['a fraction', text.replace(`"iat":${NOW}`, '"iat":1.5')],
    ['an exponent', text.replace(`"iat":${NOW}`, '"iat":1e3')],
    ['a number of sixteen digits', text.replace(`"iat":${NOW}`, '"iat":1000000000000000')],
    ['no number', text.replace(`"iat":${NOW}`, '"iat":')],
    ['a text for a number', text.replace(`"iat":${NOW}`, '"iat":"1"')],
    ['null for a number', text.replace(`"iat":${NOW}`, '"iat":null')],
    ['an index below zero', text.replace('"idx":7', '"idx":-7')],
    ['an empty id', text.replace('mt_one', '')],
    ['an id with an escape', text.replace('mt_one', String.raw`mt_\u006fne`)],
    ['an id with a quote, and a member behind it', text.replace('mt_one', 'x","sub":"mch_other')],
    ['an id beyond ASCII', text.replace('mt_one', 'mt_öne')],
    ['a blank', text.replace(',"nbf"', ', "nbf"')],
    ['a member more', text.replace(',"nbf"', ',"admin":true,"nbf"')],
    ['a member twice', text.replace(',"nbf"', ',"exp":1,"nbf"')],
    ['a member at the end', text.replace(/}$/, ',"x":1}')],
    ['another machine', text.replace(SENDER, testId('machine', 9))],
    ['another receiver', text.replace(`["${RECEIVER}"]`, '["mch_other"]')],
    ['another list', text.replace(LIST, `${TEST_ISSUER}/status-lists/two`)],
    ['something behind it', `${text} `],
    ['something behind it that is a number', `${text}1`],
    ['nothing but the beginning', text.slice(0, -1)],
    ['the beginning up to a value', text.slice(0, text.indexOf('"nbf":') + 6)],
    ['the beginning of a value', text.slice(0, text.indexOf('"nbf":') + 9)],
  ])('%s', async (_, other) => {
    expect(other).not.toBe(text)
    expect(await claimsOf(await knowing(), other)).toBeUndefined()
  })

  test('whatever differs by a byte outside of what may', async () => {
    const tokens = await knowing()
    const free = ['exp', 'nbf', 'iat', 'idx', 'jti'].flatMap((name) => {
      const start = text.indexOf(`"${name}":`) + name.length + 3 + Number(name === 'jti')
      return Array.from(
        { length: /^[\w-]+/.exec(text.slice(start))?.[0].length ?? 0 },
        (_, at) => start + at,
      )
    })
    for (let at = 0; at < text.length; at++) {
      if (free.includes(at)) continue
      const other = text.slice(0, at) + (text[at] === '~' ? '!' : '~') + text.slice(at + 1)
      expect(await claimsOf(tokens, other), other).toBeUndefined()
    }
  })

  test('a token that is spelt otherwise', async () => {
    const tokens = await knowing()
    const token = await sign({ ...PAYLOAD, jti: 'mt_two' })
    const [header = '', payload = '', signature = ''] = token.split('.')
    expect(await tokens.find(token, always)).toBeDefined()
    for (const other of [
      '',
      header,
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${token}.`,
      `${token}.x`,
      `${token}=`,
      `${token} `,
      token.slice(0, -1),
      `${header}.${payload}=.${signature}`,
      `${header}.${payload}.${signature.slice(0, -1)}\u0141`,
      `${header}.${payload}.${signature.slice(0, -1)}é`,
      `${header}.${payload.slice(0, -1)}\u0141.${signature}`,
      `${header}.${payload}.${signature.slice(0, -1)}+`,
      `${header}.${payload}.${signature.slice(0, -1)}\ud800`,
      // 64 bytes leave four bits that must be zero.
      token.slice(0, -1) + String.fromCharCode(token.charCodeAt(token.length - 1) + 1),
    ]) {
      expect(tokens.find(other, always), other).toBeUndefined()
    }
  })

  test('a token whose header is another', async () => {
    const tokens = await knowing()
    const header = { ...headerOf(signer), x: 1 }
    expect(await tokens.find(await signToken(signer, PAYLOAD, header), always)).toBeUndefined()
  })

  test('a token whose key is not the one any more', async () => {
    const tokens = await knowing()
    const token = await sign(PAYLOAD)
    const asked: VerificationKey[] = []
    const never = (one: VerificationKey): boolean => {
      asked.push(one)
      return false
    }
    expect(await tokens.find(token, never)).toBeUndefined()
    expect(asked).toEqual([key])
  })

  test('a token that is longer than it may be, or than is worth it', async () => {
    const token = await sign(PAYLOAD)
    for (const [longest, isRead] of [
      [token.length, true],
      [token.length - 1, false],
    ] as const) {
      const tokens = started(token.length)
      tokens.remember(token, { key, claims: PAYLOAD }, TEST_NOW_MS)
      const bounded = started(longest)
      bounded.remember(token, { key, claims: PAYLOAD }, TEST_NOW_MS)
      expect((await tokens.find(token, always))?.claims).toEqual(PAYLOAD)
      expect((await bounded.find(token, always)) !== undefined).toBe(isRead)
    }
    const bounded = started(token.length)
    bounded.remember(token, { key, claims: PAYLOAD }, TEST_NOW_MS)
    expect(await claimsOf(bounded, { ...PAYLOAD, jti: 'mt_longer' })).toBeUndefined()
    const long = { pad: 'x'.repeat(3_000), ...PAYLOAD }
    expect((await sign(long)).length).toBeGreaterThan(4_096)
    expect(await claimsOf(await knowing(long), long)).toBeUndefined()
  })
})

test('a claim of its creator called idx is no place in a status list', async () => {
  const { status: _, ...rest } = PAYLOAD
  const payload = { ...rest, idx: 7 }
  const tokens = await knowing(payload)
  expect(await claimsOf(tokens, { ...payload, jti: 'mt_two' })).toEqual({
    ...payload,
    jti: 'mt_two',
  })
  expect(await claimsOf(tokens, { ...payload, idx: 8 })).toBeUndefined()
})

describe('it does not learn from', () => {
  const text = written(PAYLOAD)
  test.each([
    ['a token whose own id is not where its last id is', text.replace(/}$/, ',"of":{"jti":"x"}}')],
    ['a token whose end is a fraction', text.replace(`"exp":${NOW + 60}`, `"exp":${NOW}.5`)],
    ['a token whose end has an exponent', text.replace(`"exp":${NOW + 60}`, '"exp":1e12')],
    ['a token whose end is within another claim', text.replace(/,"exp":\d+/, ',"a":{"exp":1}')],
    ['a token whose id has an escape', text.replace('mt_one', String.raw`mt\u005fone`)],
    ['a token whose beginning ends in an exponent', text.replace(`"nbf":${NOW}`, '"nbf":1.0e1')],
    [
      'a token whose place is all but a whole number',
      text.replace('"idx":7', '"idx":8.0000000000000001'),
    ],
    ['a token whose status says more', text.replace('"status":{', '"status":{"other":1,')],
  ])('%s', async (_, odd) => {
    const tokens = await knowing(odd)
    const found = await claimsOf(tokens, odd)
    // If it is read at all, then as what it is.
    if (found !== undefined) expect(found).toEqual(JSON.parse(odd))
    for (const [from, to] of [
      ['"x"', '"y"'],
      ['.5', '.6'],
      ['1e12', '2e12'],
      ['1.0e1', '7.0e1'],
      ['1.0e1', `${NOW}.0e1`],
      ['8.0000000000000001', '0.0000000000000001'],
    ] as const) {
      const other = odd.replace(from, to)
      const read = await claimsOf(tokens, other)
      if (read !== undefined) expect(read, other).toEqual(JSON.parse(other))
    }
  })

  test('a token of whose like the judge says something else, or nothing', async () => {
    const says = (claims: (payload: JsonObject) => JsonObject) => knowing(PAYLOAD, claims)
    for (const tokens of [
      await says((payload) => ({ ...payload, admin: payload['jti'] !== 'mt_one' })),
      await says((payload) => ({ ...payload, exp: 1 })),
      await says(() => {
        throw new Error('refused')
      }),
    ]) {
      expect(await claimsOf(tokens, PAYLOAD)).toBeUndefined()
    }
  })

  test('a token in which nothing could differ', async () => {
    const tokens = await knowing({ iss: TEST_ISSUER })
    expect(await claimsOf(tokens, { iss: TEST_ISSUER })).toBeUndefined()
  })

  test('a token that nobody has judged now, as those that it has read', async () => {
    const tokens = started()
    tokens.remember(await sign(PAYLOAD), { key, claims: PAYLOAD })
    expect(await claimsOf(tokens, PAYLOAD)).toBeUndefined()
  })

  test('more than one of four strangers, and of ever more when none was like the last', async () => {
    const tokens = started()
    const payloads = Array.from({ length: 64 }, (_, at) => ({
      ...PAYLOAD,
      sub: `mch_${String(at).padStart(27, '0')}`,
    }))
    const meet = async (payload: JsonObject): Promise<void> => {
      tokens.remember(await sign(payload), { key, claims: payload }, TEST_NOW_MS)
    }
    const isKnown = async (payload: JsonObject): Promise<boolean> =>
      (await claimsOf(tokens, payload)) !== undefined
    for (const payload of payloads) await meet(payload)
    const known: number[] = []
    for (const [at, payload] of payloads.entries()) if (await isKnown(payload)) known.push(at)
    expect(known).toEqual([0, 4, 12, 28, 60])
    // They were of use.
    const others = payloads.slice(1, 4)
    for (const payload of others) await meet(payload)
    for (const payload of others) expect(await isKnown(payload)).toBe(false)
    await meet(payloads[5] as JsonObject)
    expect(await isKnown(payloads[5] as JsonObject)).toBe(true)
  })

  test('a token that names nobody before its times, as those of sessions do', async () => {
    const { sub, ...rest } = PAYLOAD
    for (const payload of [{ ...rest, sub }, rest]) {
      expect(await claimsOf(await knowing(payload), payload)).toBeUndefined()
    }
  })
})

test('the signature of each is checked, and a wrong one refused', async () => {
  const tokens = await knowing()
  const token = await sign({ ...PAYLOAD, jti: 'mt_two' })
  const other = await sign({ ...PAYLOAD, jti: 'mt_three' })
  const swapped = token.slice(0, token.lastIndexOf('.')) + other.slice(other.lastIndexOf('.'))
  const find = (text: string) => () => tokens.find(text, always)
  expect(find(swapped)).toThrow(expect.objectContaining({ code: 'token-signature-invalid' }))
  const none = `${token.slice(0, token.lastIndexOf('.') + 1)}${'A'.repeat(86)}`
  expect(find(none)).toThrow(expect.objectContaining({ code: 'token-signature-invalid' }))
  expect(await tokens.find(token, always)).toBeDefined()
})

test('a check that promises its verdict has given none', async () => {
  const later = { ...key, check: () => Promise.resolve(true) }
  const tokens = started()
  const token = await sign(PAYLOAD)
  tokens.remember(token, { key: later, claims: PAYLOAD }, TEST_NOW_MS)
  expect(() => tokens.find(token, always)).toThrow(
    expect.objectContaining({ code: 'token-signature-invalid' }),
  )
})

test('tokens of many machines are familiar beside one another, and each has its own claims', async () => {
  const tokens = started()
  const payloads = Array.from({ length: 5 }, (_, at) => ({
    ...PAYLOAD,
    sub: testId('machine', at + 10),
    // Another length, so that another prefix is looked for.
    region: 'x'.repeat(at % 3),
  }))
  for (const payload of payloads) {
    const token = await sign(payload)
    for (let time = 0; time < 4; time++) {
      tokens.remember(token, { key, claims: payload }, TEST_NOW_MS)
    }
    await tokens.find(token, always)
  }
  for (let time = 0; time < 3; time++) {
    for (const payload of payloads) {
      const other = { ...payload, jti: `mt_${time}`, exp: NOW + time }
      expect(await claimsOf(tokens, other)).toEqual(other)
    }
  }
})

describe('there are never more templates', () => {
  const learn = async (
    tokens: VerifiedTokens<JsonObject>,
    payload: JsonObject,
    header: JsonObject = headerOf(signer),
  ): Promise<void> => {
    const token = await signToken(signer, payload, header)
    // One of four, as long as each that was made is of use.
    for (let time = 0; time < 4; time++) {
      tokens.remember(token, { key, claims: payload }, TEST_NOW_MS)
    }
    await tokens.find(token, always)
  }
  const kind = (region: string): JsonObject => ({ ...PAYLOAD, region })
  const machine = (number: number): JsonObject => ({
    ...PAYLOAD,
    sub: `mch_${String(number).padStart(27, '0')}`,
  })
  const isKnown = async (tokens: VerifiedTokens<JsonObject>, payload: JsonObject) =>
    (await claimsOf(tokens, payload)) !== undefined

  test('of one machine than four: what was never of use goes first', async () => {
    const tokens = started()
    await learn(tokens, kind('same'))
    for (let count = 0; count < 2_000; count++) {
      const payload = kind(`r${count}`)
      tokens.remember(await sign(payload), { key, claims: payload }, TEST_NOW_MS)
    }
    expect(await isKnown(tokens, kind('same'))).toBe(true)
  })

  test('of one machine than four: the oldest goes, and none of another machine', async () => {
    const tokens = started()
    await learn(tokens, machine(1))
    for (const region of ['a', 'b', 'c', 'd']) await learn(tokens, kind(region))
    expect(await isKnown(tokens, kind('a'))).toBe(true)
    // Again, which is no other one.
    await learn(tokens, kind('d'))
    expect(await isKnown(tokens, kind('a'))).toBe(true)
    await learn(tokens, kind('e'))
    expect(await isKnown(tokens, kind('a'))).toBe(false)
    for (const region of ['b', 'c', 'd', 'e']) {
      expect(await isKnown(tokens, kind(region)), region).toBe(true)
    }
    expect(await isKnown(tokens, machine(1))).toBe(true)
  })

  test('than for 256 machines: then it begins anew', async () => {
    const tokens = started()
    for (let number = 0; number < 256; number++) await learn(tokens, machine(number))
    await learn(tokens, machine(255))
    expect(await isKnown(tokens, machine(0))).toBe(true)
    expect(await isKnown(tokens, machine(255))).toBe(true)
    await learn(tokens, machine(256))
    expect(await isKnown(tokens, machine(256))).toBe(true)
    expect(await isKnown(tokens, machine(0))).toBe(false)
  })

  test('than for four lengths of what stands before a machine', async () => {
    const tokens = started()
    const headers = Array.from({ length: 5 }, (_, at) => ({
      ...headerOf(signer),
      x: 'x'.repeat(at * 3),
    }))
    const known = async (): Promise<boolean[]> =>
      Promise.all(
        headers.map(async (header) => {
          const token = await signToken(signer, PAYLOAD, header)
          return (await tokens.find(token, always)) !== undefined
        }),
      )
    for (const header of headers.slice(0, 4)) await learn(tokens, PAYLOAD, header)
    expect(await known()).toEqual([true, true, true, true, false])
    await learn(tokens, kind('another'), headers[0])
    expect(await known()).toEqual([true, true, true, true, false])
    await learn(tokens, PAYLOAD, headers[4])
    expect(await known()).toEqual([false, false, false, false, true])
  })
})

test('what took the place of a key under the same name has its own template', async () => {
  const tokens = await knowing()
  const other = { ...key }
  const token = await sign({ ...PAYLOAD, jti: 'mt_two' })
  const isOther = (one: VerificationKey): boolean => one === other
  expect(await tokens.find(token, isOther)).toBeUndefined()
  for (let time = 0; time < 4; time++) {
    tokens.remember(token, { key: other, claims: PAYLOAD }, TEST_NOW_MS)
  }
  expect((await tokens.find(token, isOther))?.key).toBe(other)
})

describe('a token that has been seen', () => {
  const checks = vi.fn(key.check)
  const counted = { ...key, check: checks }

  /** Of strangers only some make a template. */
  const MIN_MEETINGS = 16

  /** One that is familiar with tokens like these. */
  const having = async (...payloads: JsonObject[]): Promise<VerifiedTokens<JsonObject>> => {
    const tokens = started(undefined, judge, 10)
    for (const claims of payloads) {
      const token = await sign(claims)
      for (let time = 0; time < MIN_MEETINGS; time++) {
        tokens.remember(token, { key: counted, claims }, TEST_NOW_MS)
      }
    }
    return tokens
  }

  const other = { ...PAYLOAD, sub: testId('machine', 7) }

  test('is found without its signature, whatever was met since', async () => {
    const tokens = await having(PAYLOAD, other)
    const token = await sign({ ...PAYLOAD, jti: 'mt_two' })
    const met = [await tokens.find(token, always), await tokens.find(token, always)]
    checks.mockClear()
    expect(await claimsOf(tokens, { ...other, jti: 'mt_three' })).toBeDefined()
    expect(checks).toHaveBeenCalledTimes(1)
    expect((await tokens.find(token, always))?.claims).toBe(met[1]?.claims)
    expect(checks).toHaveBeenCalledTimes(1)
  })

  test('is not another that begins like another machine’s, wherever that ends', async () => {
    const tokens = await having(other, PAYLOAD)
    const others = await sign(other)
    const seen = await sign({ ...PAYLOAD, jti: 'mt_two' })
    for (let time = 0; time < 3; time++) await tokens.find(seen, always)
    for (let place = 1; place < seen.length; place++) {
      const forged = others.slice(0, place) + seen.slice(place)
      if (forged === seen || forged === others) continue
      const found = await saidOf(async () => (await tokens.find(forged, always)) ?? null)
      expect([null, 'token-signature-invalid'], forged).toContain(found)
      checks.mockClear()
      expect((await tokens.find(seen, always))?.claims['sub']).toBe(SENDER)
      expect(checks).not.toHaveBeenCalled()
    }
  })

  test('stays known when nothing is known any more of what it begins with', async () => {
    const tokens = started(undefined, judge, 100)
    const payloads = Array.from({ length: 12 }, (_, tenant) => ({ ...PAYLOAD, tenant }))
    const all = await Promise.all(payloads.map(sign))
    const meet = (token: string, index: number): boolean => {
      if (tokens.find(token, always) !== undefined) return true
      const claims = payloads[index] as JsonObject
      tokens.remember(token, { key: counted, claims }, TEST_NOW_MS)
      return false
    }
    for (let time = 0; time < 2; time++) all.forEach(meet)
    checks.mockClear()
    for (let time = 0; time < 20; time++) expect(all.map(meet)).not.toContain(false)
    expect(checks).not.toHaveBeenCalled()
  })
})

test('whoever is familiar with a token says of the next what a stranger says', async () => {
  const options = {
    issuer: TEST_ISSUER,
    audience: RECEIVER,
    jwks: { keys: [signer.publicJwk] },
    clock: () => TEST_NOW_MS,
    revocation: null,
  }
  const claims = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 3 })
  const time = fc.oneof(fc.constantFrom(NOW - 10, NOW + 10, 0), fc.nat(NOW * 2), fc.double())
  const varied = fc.record(
    { exp: time, nbf: time, iat: time, jti: fc.string(), status: fc.nat().map(statusAt) },
    { requiredKeys: [] },
  )
  const edit = fc.tuple(
    fc.nat(),
    fc.nat(3),
    fc.constantFrom('', '0', '"', '}', ',', ' ', '\\', '9'),
  )
  await fc.assert(
    fc.asyncProperty(claims, varied, fc.option(edit), async (own, values, edited) => {
      const payload = { ...own, ...GOOD_PAYLOAD, status: statusAt(1) }
      const familiar = createVerifierOn(node, options)
      await saidOf(async () => familiar.verify(await sign(payload)))
      let text = written({ ...payload, ...values })
      if (edited !== null) {
        const at = edited[0] % text.length
        text = text.slice(0, at) + edited[2] + text.slice(at + edited[1])
      }
      const token = await sign(text)
      const stranger = createVerifierOn(web, options)
      const expected = await saidOf(() => stranger.verify(token))
      expect(await saidOf(() => familiar.verify(token)), text).toEqual(expected)
      expect(await saidOf(() => familiar.verify(token)), text).toEqual(expected)
    }),
    { numRuns: 1_000 },
  )
})

test('a token of another spelling of the same bytes is not the one that was met', async () => {
  const tokens = await knowing()
  const token = await sign(PAYLOAD)
  const [, payload = '', signature = ''] = token.split('.')
  const respelt = encodePart(JSON.stringify(headerOf(signer), null, 1))
  expect(tokens.find(`${respelt}.${payload}.${signature}`, always)).toBeUndefined()
})
