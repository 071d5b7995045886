import { generateKeyPair, SignJWT } from 'jose'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createTestKey, encodePart, signToken } from '../testing/tokens.ts'
import { isCountersignError } from './errors.ts'
import { MAX_TOKEN_CHARACTERS, parseJws } from './jws.ts'

const key = await createTestKey()
const token = await signToken(key)
const [header = '', payload = '', signature = ''] = token.split('.')

const refusal = (text: unknown): string => {
  try {
    parseJws(text as string)
    return 'accepted'
  } catch (error) {
    return isCountersignError(error) ? error.code : 'thrown'
  }
}

test('a token of jose comes apart into what was put into it', async () => {
  const { privateKey } = await generateKeyPair('ES256')
  const made = await new SignJWT({ a: 'é', deep: [{ b: null }] })
    .setProtectedHeader({ alg: 'ES256', kid: 'k' })
    .sign(privateKey)
  const parsed = parseJws(made)
  expect(parsed.header).toEqual({ alg: 'ES256', kid: 'k' })
  expect(parsed.payload).toEqual({ a: 'é', deep: [{ b: null }] })
  const end = made.lastIndexOf('.')
  expect(Buffer.from(parsed.signingInput).toString()).toBe(made.slice(0, end))
  expect(Buffer.from(parsed.signature).toString('base64url')).toBe(made.slice(end + 1))
})

describe('it refuses', () => {
  test.each([
    ['nothing', ''],
    ['one part', header],
    ['two parts', `${header}.${payload}`],
    ['four parts', `${token}.x`],
    ['five parts, as an encrypted token has', 'a.b.c.d.e'],
    ['an empty header', `.${payload}.${signature}`],
    ['an empty payload', `${header}..${signature}`],
    ['the JSON form', JSON.stringify({ payload, protected: header, signature })],
    ['white space before', ` ${token}`],
    ['a line end after', `${token}\n`],
    ['white space inside', `${header}. ${payload}.${signature}`],
    ['padding', `${token}==`],
    ['the other alphabet', `${header}.${payload}.+${signature.slice(1)}`],
    ['a letter beyond ASCII', `${header}.${payload}.é${signature.slice(1)}`],
    ['a header that is an array', `${encodePart('[]')}.${payload}.${signature}`],
    ['a member twice in the header', `${encodePart('{"a":1,"a":1}')}.${payload}.${signature}`],
    ['a member twice in the payload', `${header}.${encodePart('{"a":1,"a":1}')}.${signature}`],
    ['a payload that is text', `${header}.${encodePart('"a"')}.${signature}`],
    ['a token in a token', `${header}.${encodePart(token)}.${signature}`],
    ['a byte order mark', `${header}.${encodePart('\ufeff{}')}.${signature}`],
    ['no string', undefined],
    ['a String object', new String(token)],
  ])('%s', (_, text) => {
    expect(refusal(text)).toBe('token-malformed')
  })

  test('stray bits at the end of each part', () => {
    const strayed = (part: string): string =>
      part.slice(0, -1) + String.fromCharCode(part.charCodeAt(part.length - 1) + 1)
    const short = (text: string): string => encodePart(text.padEnd(22))
    expect(short('{}').length % 4).toBe(2)
    expect(refusal(`${short('{}')}.${short('{}')}.AA`)).toBe('accepted')
    expect(refusal(`${strayed(short('{}'))}.${short('{}')}.AA`)).toBe('token-malformed')
    expect(refusal(`${short('{}')}.${strayed(short('{}'))}.AA`)).toBe('token-malformed')
    expect(refusal(`${short('{}')}.${short('{}')}.AB`)).toBe('token-malformed')
  })
})

test('a long token and a long header are refused without being read', () => {
  const long = `${header}.${'A'.repeat(10_000_000)}.${signature}`
  // Read even once each time, this would outlast the test.
  for (let count = 0; count < 5_000; count++) expect(refusal(long)).toBe('token-malformed')
  expect(refusal(`${'A'.repeat(2049)}.${payload}.${signature}`)).toBe('token-malformed')
  expect(refusal(`${header}.${payload}.${'A'.repeat(MAX_TOKEN_CHARACTERS)}`)).toBe(
    'token-malformed',
  )
})

test('no text makes it throw anything else, and no refusal quotes the token', () => {
  const part = fc.oneof(fc.constantFrom(header, payload, signature), fc.base64String())
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      expect(['accepted', 'token-malformed']).toContain(refusal(parts.join('.')))
    }),
  )
  try {
    parseJws(`${token}!`)
  } catch (error) {
    expect(String(error)).not.toContain(payload.slice(0, 12))
  }
})

describe('a refusal says what should have been there:', () => {
  const part = encodePart('{}')
  test.each<[string, unknown]>([
    ['a string', 1],
    ['a shorter token', 'a'.repeat(MAX_TOKEN_CHARACTERS + 1)],
    ['three parts', ''],
    ['three parts', part],
    ['three parts', `.${part}`],
    ['three parts', `${part}.${part}`],
    ['three parts', `.${part}.AAAA`],
    ['three parts', `${part}.${part}.AAAA.`],
    ['three parts', `${part}.${part}..AAAA`],
    ['a shorter header', `${'A'.repeat(2_049)}.${part}.AAAA`],
    ['a signature in base64url', `${part}.${part}.é`],
    ['a header in base64url', `A.${part}.AAAA`],
    ['a header in base64url', `=.${part}.AAAA`],
    ['a payload in base64url', `${part}.A.AAAA`],
    ['a header that is strict JSON', `AAAA.${part}.AAAA`],
    ['a payload that is strict JSON', `${part}.AAAA.AAAA`],
    ['a payload that is strict JSON', `${part}..AAAA`],
    ['a payload that is strict JSON', `${part}._w.AAAA`],
    ['a signature in base64url', `${part}.${part}.A`],
  ])('%s', (expected, text) => {
    expect(() => parseJws(text as string)).toThrow(
      expect.objectContaining({ message: `token-malformed: expected ${expected}` }),
    )
  })
})

test('the longest token and the longest header are taken', () => {
  const longest = encodePart('{}'.padEnd(1_536))
  expect(longest).toHaveLength(2_048)
  expect(parseJws(`${longest}.e30.AAAA`).payload).toEqual({})
  const [head, room] = ['e30.e30.', MAX_TOKEN_CHARACTERS - 8]
  expect(parseJws(head + 'A'.repeat(room)).signature).toHaveLength((room * 3) / 4)
  expect(refusal(`${head}${'A'.repeat(room)}AAAA`)).toBe('token-malformed')
  expect(parseJws(`${head}AAAA`, { maxCharacters: 12 }).payload).toEqual({})
  expect(() => parseJws(`${head}AAAA`, { maxCharacters: 11 })).toThrow('a shorter token')
})
