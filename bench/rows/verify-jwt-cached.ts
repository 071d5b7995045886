import { createTokenSource } from '../authority.ts'
import { inProcess } from '../in-process.ts'
import { measurePaired } from '../paired.ts'
import type { Row } from './row.ts'
import {
  bareCheck,
  countersignClient,
  countersignVerifier,
  expectedOf,
  fastJwt,
  prepareAll,
  type VerifyContestant,
} from './verifying.ts'

const TOKENS = 100

/** All of them from one caller of a service, or each from another. */
const CALLERS = { 'one caller': 1, 'a hundred callers': TOKENS } as const

/** Each token a hundred times: the warm-up leaves none that a cache could not trust yet. */
const OPERATIONS = 100 * TOKENS

const CONTESTANTS: readonly VerifyContestant[] = [
  {
    name: 'countersign createVerifier',
    targets: { RS256: 13 },
    prepare: countersignVerifier({}),
  },
  { name: 'countersign m2m.verify', prepare: countersignClient },
  { name: 'fast-jwt, cache on', prepare: fastJwt(true) },
]

/** Verifying a JWT that was verified before, by those that remember. */
export const verifyJwtCached: Row = {
  name: 'verify-jwt-cached',
  async *measure({ rounds }) {
    const source = await createTokenSource()
    const expected = expectedOf(source, 'RS256')
    const fair = { operationsPerRound: OPERATIONS, firstOf: () => 0 }
    for (const [whose, machines] of Object.entries(CALLERS)) {
      const tokens = await source.issue('RS256', TOKENS, { machines })
      const bare = bareCheck(expected, tokens)
      const contestants = [
        { ...fair, name: 'crypto.verify', operation: (number: number) => bare(number % TOKENS) },
        ...(await prepareAll(CONTESTANTS, expected, tokens, fair)),
      ]
      yield {
        title: `verify a JWT, ${TOKENS} of ${whose} again and again, RS256`,
        standings: await measurePaired(contestants.map(inProcess), rounds),
      }
    }
  },
}
