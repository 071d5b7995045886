import { describe, expect, test } from 'vitest'
import {
  GOOD_PAYLOAD,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../../../packages/sdk/src/testing/tokens.ts'
import { ec, textOf, verdict } from './doors.ts'

describe('rightly signed, with times that some libraries take', () => {
  test.each([
    ['exp', '1e400', 'token-claim-invalid'],
    ['exp', '-1', 'token-claim-invalid'],
    ['exp', '"9999999999"', 'token-claim-invalid'],
    ['exp', 'null', 'token-claim-invalid'],
    ['exp', '1e16', 'token-claim-invalid'],
    ['exp', `[${TEST_NOW_MS}]`, 'token-claim-invalid'],
    ['exp', `${TEST_NOW_MS / 1000 - 6}`, 'token-expired'],
    ['iat', `${TEST_NOW_MS / 1000 + 3600}`, 'token-not-yet-valid'],
    ['nbf', `${TEST_NOW_MS / 1000 + 3600}.5`, 'token-not-yet-valid'],
  ])('%s %s', async (name, value, code) => {
    const { [name]: _, ...rest } = GOOD_PAYLOAD
    const payload = `${textOf(rest).slice(0, -1)},"${name}":${value}}`
    expect(await verdict(await signToken(ec, payload))).toBe(code)
  })

  test.each(['exp', 'iat', 'nbf'])('no %s', async (name) => {
    const { [name]: _, ...rest } = GOOD_PAYLOAD
    expect(await verdict(await signToken(ec, rest))).toBe('token-claim-invalid')
  })

  test('exp with a fraction is a time like any other', async () => {
    const payload = { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 0.5 }
    expect(await verdict(await signToken(ec, payload))).toBe('accepted')
  })
})

const changed = async (members: Readonly<Record<string, unknown>>): Promise<string> =>
  verdict(await signToken(ec, { ...GOOD_PAYLOAD, ...members }))

describe('rightly signed, and', () => {
  test.each([undefined, null, '', 1, `${TEST_ISSUER}/`, TEST_ISSUER.toUpperCase(), [TEST_ISSUER]])(
    'issued by %j',
    async (iss) => {
      expect(await changed({ iss })).toBe('token-issuer-mismatch')
    },
  )

  test.each([undefined, null, 1, {}, [[RECEIVER]], [1], [RECEIVER, 1]])(
    'meant for %j, which is nobody',
    async (aud) => {
      expect(await changed({ aud })).toBe('token-claim-invalid')
    },
  )

  test.each([
    [],
    '',
    SENDER,
    [SENDER],
    RECEIVER.slice(0, -1),
    `${RECEIVER}x`,
    [` ${RECEIVER}`],
    '*',
  ])('meant for %j, which is not us', async (aud) => {
    expect(await changed({ aud })).toBe('token-audience-mismatch')
  })

  test.each([undefined, null, '', 1, ['mt_1']])('called %j', async (jti) => {
    expect(await changed({ jti })).toBe('token-claim-invalid')
  })

  test.each(['exp', 'nbf', 'iat'])('its %s is no time', async (name) => {
    for (const value of ['9999999999', null, true, [], {}, -1, 2 ** 53]) {
      expect(await changed({ [name]: value }), JSON.stringify(value)).toBe('token-claim-invalid')
    }
  })

  test('bound to a key, without its proof', async () => {
    for (const cnf of [{ jkt: 'x' }, {}, null]) {
      expect(await changed({ cnf })).toBe('token-claim-invalid')
    }
  })

  test('with a status that nobody looks up', async () => {
    const status = { status_list: { idx: 1, uri: `${TEST_ISSUER}/lists/1` } }
    expect(await changed({ status })).toBe('status-unavailable')
  })
})

test.each([1, null, true, ['a'], {}, [], { split: 'a' }])(
  'scopes of %j are no scopes, and break nothing (Clerk’s weakness 3)',
  async (scopes) => {
    expect(await changed({ scopes })).toBe('accepted')
  },
)

test('claims that are called like members of Object stay claims', async () => {
  const payload = `${textOf(GOOD_PAYLOAD).slice(0, -1)},"constructor":{"prototype":1},"toString":"x"}`
  expect(await verdict(await signToken(ec, payload))).toBe('accepted')
})
