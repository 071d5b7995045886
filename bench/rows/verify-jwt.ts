import { type Algorithm, ALGORITHMS, createTokenSource, type Issuing } from '../authority.ts'
import { inProcess, type InProcessOptions } from '../in-process.ts'
import { measurePaired, type Standing, WARM_UP_ROUNDS } from '../paired.ts'
import type { Row } from './row.ts'
import {
  awsJwtVerify,
  bareCheck,
  clerk,
  countersignClient,
  countersignRequest,
  countersignVerifier,
  type Expected,
  expectedOf,
  fastJwt,
  headerOf,
  jose,
  jsonWebToken,
  prepareAll,
  type VerifyContestant,
} from './verifying.ts'

const OPERATIONS = 600

const CONTESTANTS: readonly VerifyContestant[] = [
  {
    name: 'countersign createVerifier, cache off',
    targets: { RS256: 0.9, ES256: 0.93, EdDSA: 0.95 },
    prepare: countersignVerifier({ cacheSize: 0 }),
  },
  { name: 'countersign m2m.verify', prepare: countersignClient },
  {
    name: 'countersign authenticateRequest, cache off',
    targets: { RS256: 0.8, ES256: 0.8, EdDSA: 0.8 },
    present: headerOf,
    prepare: countersignRequest({ cacheSize: 0 }),
  },
  { name: 'fast-jwt, cache off', prepare: fastJwt(false) },
  { name: 'aws-jwt-verify verifySync', prepare: awsJwtVerify },
  { name: 'jsonwebtoken verify', algorithms: ['RS256', 'ES256'], prepare: jsonWebToken },
  { name: 'jose jwtVerify', prepare: jose },
  { name: '@clerk/backend m2m.verify', algorithms: ['RS256'], prepare: clerk },
]

const FAIR = {
  operationsPerRound: OPERATIONS,
  firstOf: (round: number): number => (round + WARM_UP_ROUNDS) * OPERATIONS,
}

/** Verifying a JWT in process. Every contestant sees each token once, so no cache of tokens can help. */
export const verifyJwt: Row = {
  name: 'verify-jwt',
  async *measure({ rounds }) {
    for (const algorithm of ALGORITHMS) {
      yield {
        title: `verify a JWT, each seen once, ${algorithm}`,
        standings: await measureOnce(algorithm, rounds, {}),
      }
    }
  },
}

/** The same of tokens that are like no other: what is known of a machine's tokens does not help either. */
export const verifyJwtUnlike: Row = {
  name: 'verify-jwt-unlike',
  async *measure({ rounds }) {
    yield {
      title: 'verify a JWT, each with a claim of its own, RS256',
      standings: await measureOnce('RS256', rounds, { ownClaims: true }),
    }
  },
}

async function measureOnce(
  algorithm: Algorithm,
  rounds: number,
  how: Issuing,
): Promise<readonly Standing[]> {
  const source = await createTokenSource()
  // One round more, in which what is allocated is measured.
  const count = (WARM_UP_ROUNDS + rounds + 1) * OPERATIONS
  const tokens = await source.issue(algorithm, count, how)
  const expected = expectedOf(source, algorithm)
  const floors = floorsFor(expected, tokens)
  const others = await prepareAll(CONTESTANTS, expected, tokens, FAIR)
  return measurePaired([...floors, ...others].map(inProcess), rounds, floors.length)
}

/** Which form of ECDSA signature is checked faster depends on the release of Node. */
function floorsFor(expected: Expected, tokens: readonly string[]): InProcessOptions[] {
  if (expected.algorithm !== 'ES256') {
    return [{ ...FAIR, name: 'crypto.verify', operation: bareCheck(expected, tokens) }]
  }
  return (['der', 'ieee-p1363'] as const).map((form) => ({
    ...FAIR,
    name: `crypto.verify, ${form}`,
    operation: bareCheck(expected, tokens, form),
  }))
}
