import {
  isMachineToken as clerkIsMachineToken,
  isMachineTokenByPrefix as clerkIsMachineTokenByPrefix,
  isTokenTypeAccepted as clerkIsTokenTypeAccepted,
  TokenType as ClerkTokenType,
} from '@clerk/backend/internal'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePart, SENDER } from '../testing/tokens.ts'
import { MAX_TOKEN_CHARACTERS } from './jws.ts'
import {
  getMachineTokenType,
  isJwtFormat,
  isM2MJwt,
  isMachineJwt,
  isMachineToken,
  isMachineTokenByPrefix,
  isOAuthJwt,
  isTokenTypeAccepted,
  TokenType,
  typeOfJws,
} from './token-type.ts'

const jwt = (header: string | object, payload: string | object): string =>
  [header, payload].map((part) => encodePart(part as string)).join('.') + '.c2lnbmF0dXJl'

const machine = jwt({ alg: 'RS256', typ: 'JWT' }, { sub: SENDER })
const oauth = jwt({ alg: 'RS256', typ: 'at+jwt' }, { sub: 'user_1' })
const both = jwt({ alg: 'RS256', typ: 'at+jwt' }, { sub: SENDER })
const session = jwt({ alg: 'RS256', typ: 'JWT' }, { sub: 'user_1', sid: 'sess_1' })

const TABLE = [
  // token, format, M2M, OAuth, prefix, class
  ['an opaque machine token', 'mt_abc', false, false, false, true, 'm2m_token'],
  ['an OAuth access token', 'oat_abc', false, false, false, true, 'oauth_token'],
  ['an API key', 'ak_abc', false, false, false, true, 'api_key'],
  ['a bare prefix', 'mt_', false, false, false, true, 'm2m_token'],
  ['a machine JWT', machine, true, true, false, false, 'm2m_token'],
  ['an OAuth JWT', oauth, true, false, true, false, 'oauth_token'],
  ['a JWT that says it is both', both, true, true, true, false, 'm2m_token'],
  ['a session JWT', session, true, false, false, false, null],
  ['a prefix in another case', 'MT_abc', false, false, false, false, null],
  ['a prefix that only looks like it', 'm2m_abc', false, false, false, false, null],
  ['a prefix further on', ' mt_abc', false, false, false, false, null],
  ['nothing', '', false, false, false, false, null],
  ['garbage with dots', 'a.b.c', true, false, false, false, null],
  ['four parts', `${machine}.x`, false, false, false, false, null],
  ['an empty part', 'a..c', false, false, false, false, null],
  ['a line end after', `${machine}\n`, false, false, false, false, null],
] as const

describe.each(TABLE)('%s', (_, token, format, m2m, oauthJwt, prefix, type) => {
  test('is told by looking', () => {
    expect(isJwtFormat(token)).toBe(format)
    expect(isM2MJwt(token)).toBe(m2m)
    expect(isOAuthJwt(token)).toBe(oauthJwt)
    expect(isMachineJwt(token)).toBe(m2m || oauthJwt)
    expect(isMachineTokenByPrefix(token)).toBe(prefix)
    expect(isMachineToken(token)).toBe(prefix || m2m || oauthJwt)
    if (type === null)
      expect(() => getMachineTokenType(token)).toThrow('Unknown machine token type')
    else expect(getMachineTokenType(token)).toBe(type)
  })
})

test('the names of the classes are Clerk’s', () => {
  expect(TokenType).toEqual(ClerkTokenType)
  expect(Object.isFrozen(TokenType)).toBe(true)
})

test('the type of an OAuth JWT is compared as a media type', () => {
  for (const typ of ['at+jwt', 'application/at+jwt', 'AT+JWT', 'Application/At+Jwt']) {
    expect(isOAuthJwt(jwt({ alg: 'RS256', typ }, {}))).toBe(true)
  }
  for (const typ of ['at', 'jwt', 'application/jwt', 'xat+jwt', 1, null, ['at+jwt']]) {
    expect(isOAuthJwt(jwt({ alg: 'RS256', typ }, {}))).toBe(false)
  }
})

test('our answers are Clerk’s, for tokens that are strict', () => {
  const subject = fc.constantFrom(SENDER, 'user_1', '', 1, null, ['mch_1'], undefined, 'mch_')
  const type = fc.constantFrom('JWT', 'at+jwt', 'application/at+jwt', undefined, 1)
  const token = fc.oneof(
    fc.tuple(type, subject).map(([typ, sub]) => jwt({ alg: 'RS256', typ }, { sub })),
    fc
      .tuple(fc.constantFrom('mt_', 'ak_', 'oat_', 'MT_', ''), fc.string())
      .map((all) => all.join('')),
  )
  fc.assert(
    fc.property(token, (text) => {
      expect(isMachineTokenByPrefix(text)).toBe(clerkIsMachineTokenByPrefix(text))
      expect(isMachineToken(text)).toBe(clerkIsMachineToken(text))
    }),
    { numRuns: 500 },
  )
})

test('what is accepted is what Clerk accepts', () => {
  const type = fc.constantFrom(...Object.values(TokenType))
  const accepted = fc.oneof(type, fc.constant('any' as const), fc.array(type))
  fc.assert(
    fc.property(fc.option(type), accepted, (one, some) => {
      expect(isTokenTypeAccepted(one, some)).toBe(clerkIsTokenTypeAccepted(one, some))
    }),
  )
})

test('odd input is no token, and costs nothing', () => {
  const looks = [isJwtFormat, isM2MJwt, isOAuthJwt, isMachineJwt, isMachineToken]
  for (const odd of [undefined, null, 1, {}, [machine], Symbol('mt_')]) {
    for (const look of [...looks, isMachineTokenByPrefix]) expect(look(odd as string)).toBe(false)
  }
  const huge = `${'A'.repeat(5_000_000)}.${'A'.repeat(5_000_000)}.A`
  // Read even once each time, this would outlast the test.
  for (let count = 0; count < 2_000; count++) {
    for (const look of looks) expect(look(huge)).toBe(false)
  }
  expect(isJwtFormat(`a.b.${'c'.repeat(MAX_TOKEN_CHARACTERS)}`)).toBe(false)
})

test('no text makes looking throw', () => {
  const part = fc.oneof(fc.string({ unit: 'binary' }), fc.json().map(encodePart), fc.base64String())
  fc.assert(
    fc.property(fc.array(part, { maxLength: 4 }), (parts) => {
      expect(typeof isMachineToken(parts.join('.'))).toBe('boolean')
    }),
  )
})

describe('the class of a JWT that was taken apart', () => {
  const user = { sub: 'user_1' }

  test.each([
    [{}, { sub: 'mch_1' }, 'm2m_token'],
    [{ typ: 'at+jwt' }, { sub: 'mch_1' }, 'm2m_token'],
    [{ cat: 'cl_B7d4PD111AAA' }, { sub: 'mch_1' }, 'm2m_token'],
    [{ typ: 'AT+JWT' }, user, 'oauth_token'],
    [{ typ: 'at+jwt', cat: 'cl_B7d4PD222AAA' }, user, 'oauth_token'],
    [{}, user, 'session_token'],
    [{ cat: 'cl_B7d4PD111AAA' }, user, 'session_token'],
    [{ cat: 'cl_I7d4PD111III' }, {}, 'session_token'],
    [{ cat: 'cl_B7d4PD222AAA' }, user, null],
    [{ cat: 'cl_B7d4PD333AAA' }, user, null],
    [{ cat: null }, user, null],
    [{ cat: 'x' }, user, null],
  ])('header %j and payload %j are of %j', (header, payload, type) => {
    expect(typeOfJws({ header, payload })).toBe(type)
  })
})

test('the longest token is one, and each part begins and ends with characters of base64url', () => {
  const longest = `a.b.${'c'.repeat(MAX_TOKEN_CHARACTERS - 4)}`
  expect(isJwtFormat(longest)).toBe(true)
  expect(isJwtFormat(`${longest}c`)).toBe(false)
  for (const odd of ['+', '=', ' ', '\n', '/', 'é']) {
    for (const text of [
      `${odd}a.b.c`,
      `a.${odd}b.c`,
      `a.b.${odd}c`,
      `a.b${odd}.c`,
      `a.b.c${odd}`,
    ]) {
      expect(isJwtFormat(text), JSON.stringify(text)).toBe(false)
    }
  }
})

test('what is no JSON in base64url says nothing of its class', () => {
  // Stray bits, a length that no bytes have, bytes that are no UTF-8.
  for (const part of ['QR', 'A', '_w', 'AAAA']) {
    const token = `${part}.${part}.AAAA`
    expect(isJwtFormat(token)).toBe(true)
    expect(isMachineJwt(token)).toBe(false)
  }
})
