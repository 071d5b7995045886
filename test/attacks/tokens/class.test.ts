import { describe, expect, test } from 'vitest'
import {
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  SENDER,
  signToken,
} from '../../../packages/sdk/src/testing/tokens.ts'
import { ALL_KEYS, ec, rsa, verdict } from './doors.ts'

/** Tokens of another class by the very key that signs machine tokens: nothing but what they say tells. */

describe('by the right key, and of another class', () => {
  test.each([
    ['an OAuth access token (RFC 9068)', { typ: 'at+jwt' }],
    ['an OAuth access token by its whole media type', { typ: 'application/at+jwt' }],
    ['a status list token', { typ: 'statuslist+jwt' }],
    ['a proof of possession (RFC 9449)', { typ: 'dpop+jwt' }],
    ['a client assertion (RFC 10070)', { typ: 'client-authentication+jwt' }],
    ['an introspection answer (RFC 9701)', { typ: 'token-introspection+jwt' }],
    ['a logout token', { typ: 'logout+jwt' }],
    ['a type that begins alike', { typ: 'JWTX' }],
    ['a type that is no text', { typ: ['JWT'] }],
    ['a session by its tag', { cat: 'cl_B7d4PD111AAA' }],
    ['a JWT template by its tag', { cat: 'cl_B7d4PD222AAA' }],
    ['one to be ignored by its tag', { cat: 'cl_I7d4PD111III' }],
    ['one without a tag', { cat: undefined }],
    ['a tag in an array', { cat: ['cl_B7d4PD333AAA'] }],
  ])('%s', async (_, header) => {
    for (const key of ALL_KEYS) {
      const token = await signToken(key, GOOD_PAYLOAD, { ...headerOf(key), ...header })
      expect(await verdict(token)).toBe('token-class-mismatch')
    }
  })

  test.each([
    ['of a user', 'user_2aBcDeFgHiJkLmNoPqRsTuVwXyZ'],
    ['of an organization', 'org_2aBcDeFgHiJkLmNoPqRsTuVwXyZ'],
    ['of a client', 'client'],
    ['absent', undefined],
    ['that is empty', ''],
    ['that is an array', [SENDER]],
    ['that is a number', 1],
  ])('its subject is one %s', async (_, sub) => {
    const token = await signToken(rsa, { ...GOOD_PAYLOAD, sub })
    expect(await verdict(token)).toBe('token-class-mismatch')
  })

  test.each(['mch_', 'mch_short', `${SENDER}x`, `${SENDER}\n`, `mch_${'é'.repeat(27)}`])(
    'its subject is %j, which is no machine’s id',
    async (sub) => {
      expect(await verdict(await signToken(ec, { ...GOOD_PAYLOAD, sub }))).toBe(
        'token-subject-invalid',
      )
    },
  )
})

test('a token inside a token is no token', async () => {
  const inner = await signToken(ec)
  for (const header of [headerOf(ec), { ...headerOf(ec), cty: 'JWT' }]) {
    expect(await verdict(await signToken(ec, inner, header))).toBe('token-malformed')
    expect(await verdict(await signToken(ec, JSON.stringify(inner), header))).toBe(
      'token-malformed',
    )
  }
  expect(await verdict(`${encodePart(inner)}.${encodePart(inner)}.${encodePart(inner)}`)).toBe(
    'token-malformed',
  )
})
