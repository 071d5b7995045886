import { describe, expect, test } from 'vitest'
import { GOOD_PAYLOAD, RECEIVER, SENDER, TEST_ISSUER, TEST_NOW_MS } from '../testing/tokens.ts'
import { isCountersignError } from './errors.ts'
import type { JsonObject } from './json.ts'
import { JWT_ALGORITHMS } from './algorithms.ts'
import { judgeHeader } from './jwt-header.ts'
import { judgeM2MClaims, M2M_HEADER, namesMachine } from './m2m-claims.ts'

const HEADER = { alg: 'RS256', typ: 'JWT', kid: 'key_1', cat: 'cl_B7d4PD333AAA' }
const NOW = TEST_NOW_MS / 1000

const codeOf = (judge: () => unknown): string => {
  try {
    judge()
    return 'accepted'
  } catch (error) {
    return isCountersignError(error) ? error.code : 'thrown'
  }
}

const header = (members: JsonObject): string =>
  codeOf(() => judgeHeader({ ...HEADER, ...members }, M2M_HEADER, JWT_ALGORITHMS))

const claims = (members: JsonObject, audience: string | null = RECEIVER): string =>
  codeOf(() =>
    judgeM2MClaims(
      { ...GOOD_PAYLOAD, ...members },
      {
        issuer: TEST_ISSUER,
        audience: audience === null ? null : [audience],
        clockToleranceSeconds: 5,
      },
      TEST_NOW_MS,
    ),
  )

describe('a header', () => {
  test('names its key and its algorithm', () => {
    expect(judgeHeader(HEADER, M2M_HEADER, JWT_ALGORITHMS)).toEqual({
      kid: 'key_1',
      algorithm: 'RS256',
    })
  })

  test.each([undefined, 'JWT', 'jwt', 'application/jwt', 'Application/JWT'])(
    'may be of type %s',
    (typ) => {
      expect(header({ typ })).toBe('accepted')
    },
  )

  test.each(['at+jwt', 'statuslist+jwt', 'dpop+jwt', 'JWTx', 'xJWT', '', 1, null, ['JWT']])(
    'of type %j is of another class',
    (typ) => {
      expect(header({ typ })).toBe('token-class-mismatch')
    },
  )

  test.each([undefined, 'cl_B7d4PD111AAA', 'cl_B7d4PD222AAA', 'cl_I7d4PD111III', '', 1])(
    'with the class tag %j is of another class',
    (cat) => {
      expect(header({ cat })).toBe('token-class-mismatch')
    },
  )

  test.each([
    ['crit', ['exp']],
    ['crit', []],
    ['crit', undefined],
    ['b64', true],
    ['jku', 'https://attacker.test/keys'],
    ['jwk', { kty: 'oct' }],
    ['x5u', 'https://attacker.test/cert'],
    ['x5c', []],
    ['zip', 'DEF'],
    ['enc', 'A256GCM'],
  ])('with %s %j is refused', (name, value) => {
    expect(header({ [name]: value })).toBe('token-malformed')
  })

  test('may have members that mean nothing here', () => {
    expect(header({ x5t: 'abc', later: { a: 1 } })).toBe('accepted')
  })

  test.each([undefined, '', 1, {}, ['key_1'], 'k'.repeat(129)])('with kid %j is refused', (kid) => {
    expect(header({ kid })).toBe('token-malformed')
  })

  test.each([undefined, 1, ['RS256'], null])('with alg %j is refused', (alg) => {
    expect(header({ alg })).toBe('token-malformed')
  })
})

describe('a payload', () => {
  test('that is good is accepted', () => {
    expect(claims({})).toBe('accepted')
  })

  test.each([
    undefined,
    null,
    '',
    `${TEST_ISSUER}/`,
    TEST_ISSUER.toUpperCase(),
    'https://authority.test.attacker.test',
    [TEST_ISSUER],
  ])('of issuer %j is somebody else’s', (iss) => {
    expect(claims({ iss })).toBe('token-issuer-mismatch')
  })

  test.each([
    undefined,
    1,
    '',
    'mch_',
    'user_1',
    `${SENDER}x`,
    `x${SENDER}`,
    [SENDER],
    'mch_../..',
  ])('of subject %j is no machine’s', (sub) => {
    expect(claims({ sub })).toBe('token-subject-invalid')
  })

  test.each([undefined, 1, '', null, ['mt_1']])('with jti %j is refused', (jti) => {
    expect(claims({ jti })).toBe('token-claim-invalid')
  })

  test('that is bound to a key is refused, since no proof is asked for', () => {
    expect(claims({ cnf: { jkt: 'x' } })).toBe('token-claim-invalid')
    expect(claims({ cnf: null })).toBe('token-claim-invalid')
  })

  test.each([[[]], [[SENDER]], [[RECEIVER.slice(0, -1)]], [[`${RECEIVER}x`]], [''], [SENDER]])(
    'meant for %j is not meant for us',
    (aud) => {
      expect(claims({ aud })).toBe('token-audience-mismatch')
    },
  )

  test.each([undefined, null, 1, {}, [[RECEIVER]], [RECEIVER, 1]])(
    'meant for %j is meant for nobody',
    (aud) => {
      expect(claims({ aud })).toBe('token-claim-invalid')
    },
  )

  test('meant for us among others, or for us alone as a text, is meant for us', () => {
    expect(claims({ aud: [SENDER, RECEIVER] })).toBe('accepted')
    expect(claims({ aud: RECEIVER })).toBe('accepted')
  })

  test('meant for anybody is accepted where every receiver is, but not what is malformed', () => {
    expect(claims({ aud: [] }, null)).toBe('accepted')
    expect(claims({ aud: [SENDER] }, null)).toBe('accepted')
    expect(claims({ aud: undefined }, null)).toBe('accepted')
    expect(claims({ aud: 1 }, null)).toBe('token-claim-invalid')
    expect(claims({ aud: [[SENDER]] }, null)).toBe('token-claim-invalid')
  })

  test.each([undefined, null, '1', true, -1, Number.NaN, Infinity, 2 ** 53, [NOW + 60]])(
    'with a time of %j is refused',
    (time) => {
      for (const name of ['exp', 'nbf', 'iat']) {
        expect(claims({ [name]: time })).toBe('token-claim-invalid')
      }
    },
  )

  test('is expired from the second that the tolerance ends', () => {
    expect(claims({ exp: NOW })).toBe('accepted')
    expect(claims({ exp: NOW - 4.999 })).toBe('accepted')
    expect(claims({ exp: NOW - 5 })).toBe('token-expired')
    expect(claims({ exp: 0 })).toBe('token-expired')
  })

  test('is refused by a clock that does not tell the time', () => {
    for (const nowMs of [Number.NaN, undefined, 'now', {}]) {
      const expected = { issuer: TEST_ISSUER, audience: null, clockToleranceSeconds: 5 }
      const judge = (): unknown => judgeM2MClaims(GOOD_PAYLOAD, expected, nowMs as number)
      expect(codeOf(judge)).toBe('token-expired')
    }
  })

  test('from the future is refused beyond the tolerance', () => {
    for (const name of ['nbf', 'iat']) {
      expect(claims({ [name]: NOW + 5 })).toBe('accepted')
      expect(claims({ [name]: NOW + 5.001 })).toBe('token-not-yet-valid')
    }
  })

  test('with odd scopes is no less good: they decide nothing', () => {
    for (const scopes of [undefined, 1, ['a'], {}]) expect(claims({ scopes })).toBe('accepted')
  })
})

test('a payload names a machine by its subject alone, whatever follows the prefix', () => {
  for (const sub of [SENDER, 'mch_', 'mch_../..']) expect(namesMachine({ sub })).toBe(true)
  for (const sub of [undefined, null, 1, '', 'user_1', 'Mch_1', ' mch_1', '1mch_', ['mch_1']]) {
    expect(namesMachine({ sub })).toBe(false)
  }
})

test('a refusal says what should have been there, and nothing of the claim', () => {
  const expected = { issuer: TEST_ISSUER, audience: null, clockToleranceSeconds: 5 }
  const judge = (members: JsonObject) => () =>
    judgeM2MClaims({ ...GOOD_PAYLOAD, ...members }, expected, TEST_NOW_MS)
  expect(judge({ sub: 'user_secret' })).toThrow(
    expect.objectContaining({
      message: 'token-subject-invalid: expected sub to be a machine id',
    }),
  )
  expect(judge({ jti: 7 })).toThrow(
    expect.objectContaining({ message: 'token-claim-invalid: expected jti to be an id' }),
  )
})

test('the judged claims have the receivers as an array, and are the payload where they had', () => {
  const expected = { issuer: TEST_ISSUER, audience: [RECEIVER], clockToleranceSeconds: 5 }
  expect(judgeM2MClaims(GOOD_PAYLOAD, expected, TEST_NOW_MS)).toBe(GOOD_PAYLOAD)
  const one = { ...GOOD_PAYLOAD, aud: RECEIVER }
  expect(judgeM2MClaims(one, expected, TEST_NOW_MS)).toEqual(GOOD_PAYLOAD)
})

test('what the header must be is said once, for all who read it', () => {
  expect(Object.isFrozen(M2M_HEADER)).toBe(true)
  expect(Object.isFrozen(M2M_HEADER.cat)).toBe(true)
})
