import { describe, expect, it } from 'vitest'
import { ALGORITHMS, createTokenSource } from '../authority.ts'
import {
  awsJwtVerify,
  bareCheck,
  clerk,
  countersignClient,
  countersignVerifier,
  type Expected,
  expectedOf,
  fastJwt,
  jose,
  jsonWebToken,
  type VerifyContestant,
} from './verifying.ts'

const source = await createTokenSource()

type Prepare = VerifyContestant['prepare']

/** Those that check all that we check. */
const STRICT: Readonly<Record<string, Prepare>> = {
  countersignVerifier: countersignVerifier({}),
  fastJwt: fastJwt(false),
  fastJwtCached: fastJwt(true),
  jose,
  jsonWebToken,
  awsJwtVerify,
}

describe.each(Object.entries(STRICT))('%s', (name, prepare) => {
  it('takes a good token, again and again, and refuses it for anybody else', async () => {
    for (const algorithm of ALGORITHMS) {
      if (name === 'jsonWebToken' && algorithm === 'EdDSA') continue
      const expected = expectedOf(source, algorithm)
      const [token = ''] = await source.issue(algorithm, 1)
      const check = await prepare(expected)
      for (let time = 0; time < 3; time++) await check(token)
      await refuses(prepare, expected, corrupt(token))
      await refuses(prepare, { ...expected, issuer: 'https://other.example' }, token)
      await refuses(prepare, { ...expected, audience: 'mch_other' }, token)
    }
  })
})

it.each(Object.entries({ countersignClient, clerk }))(
  '%s takes a good token and refuses a wrong signature',
  async (_, prepare) => {
    const [token = ''] = await source.issue('RS256', 1)
    const expected = expectedOf(source, 'RS256')
    const check = prepare(expected)
    for (let time = 0; time < 3; time++) await check(token)
    await refuses(prepare, expected, corrupt(token))
  },
)

it.each(['der', 'ieee-p1363'] as const)(
  'the floor checks a signature in the form %s, of every length',
  async (form) => {
    const tokens = await source.issue('ES256', 300)
    const expected = expectedOf(source, 'ES256')
    const check = bareCheck(expected, tokens, form)
    for (const number of tokens.keys()) check(number)
    expect(() => bareCheck(expected, tokens.map(corrupt), form)(0)).toThrow('not verified')
  },
)

/** Another signature of the same length. */
function corrupt(token: string): string {
  const at = token.lastIndexOf('.') + 10
  return `${token.slice(0, at)}${token[at] === 'A' ? 'B' : 'A'}${token.slice(at + 1)}`
}

async function refuses(prepare: Prepare, expected: Expected, token: string): Promise<void> {
  const check = await prepare(expected)
  await expect(Promise.resolve(token).then(check)).rejects.toThrow()
}
