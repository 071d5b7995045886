import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { createClerkClient } from '@clerk/backend'
import { createClient } from 'countersign'
import { createVerifier } from 'fast-jwt'
import { importJWK, type JWK, jwtVerify } from 'jose'
import { type Algorithm, ALGORITHMS, createTokenSource, type TokenSource } from '../authority.ts'
import { inProcess, type InProcessOptions } from '../in-process.ts'
import { type Contestant, measurePaired, WARM_UP_ROUNDS } from '../paired.ts'
import type { Row } from './row.ts'

const OPERATIONS = 600

const TARGETS: Readonly<Record<Algorithm, number>> = { RS256: 0.9, ES256: 0.93, EdDSA: 0.95 }

/** Verifying a JWT in process. Every contestant sees each token once, so no cache of tokens can help. */
export const verifyJwt: Row = {
  name: 'verify-jwt',
  async *measure({ rounds }) {
    const source = await createTokenSource()
    for (const algorithm of ALGORITHMS) {
      const tokens = await source.issue(algorithm, (rounds + WARM_UP_ROUNDS) * OPERATIONS)
      const contestants = await contestantsFor(source, algorithm, tokens)
      yield {
        title: `verify a JWT, each seen once, ${algorithm}`,
        standings: await measurePaired(contestants, rounds),
      }
    }
  },
}

async function contestantsFor(
  source: TokenSource,
  algorithm: Algorithm,
  tokens: readonly string[],
): Promise<readonly Contestant[]> {
  const key = createPublicKey({ key: source.publicJwk(algorithm) as JsonWebKey, format: 'jwk' })
  const tokenOf = (number: number): string => tokens[number] as string
  const fair = {
    operationsPerRound: OPERATIONS,
    firstOf: (round: number) => (round + WARM_UP_ROUNDS) * OPERATIONS,
  }
  const contestants: InProcessOptions[] = [
    { ...fair, name: 'crypto.verify', operation: bareCheck(algorithm, key, tokens) },
    {
      ...fair,
      name: 'countersign m2m.verify',
      target: TARGETS[algorithm],
      operation: ours(source, tokenOf),
    },
    { ...fair, name: 'fast-jwt, cache off', operation: fastJwt(source, algorithm, key, tokenOf) },
    { ...fair, name: 'jose jwtVerify', operation: await jose(source, algorithm, tokenOf) },
  ]
  // Clerk's client verifies RS256 alone.
  if (algorithm === 'RS256') {
    contestants.push({ ...fair, name: '@clerk/backend m2m.verify', operation: clerk(key, tokenOf) })
  }
  return contestants.map(inProcess)
}

/** The same bytes, already decoded: the signature in the form that JWS has (RFC 7518 §3.4). */
function bareCheck(
  algorithm: Algorithm,
  key: KeyObject,
  tokens: readonly string[],
): (number: number) => void {
  const decoded = tokens.map((token) => {
    const end = token.lastIndexOf('.')
    return {
      data: Buffer.from(token.slice(0, end)),
      signature: Buffer.from(token.slice(end + 1), 'base64url'),
    }
  })
  const digest = algorithm === 'EdDSA' ? null : 'sha256'
  const input = algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key
  return (number) => {
    const { data, signature } = decoded[number] as (typeof decoded)[number]
    must(verify(digest, data, input, signature))
  }
}

function ours(source: TokenSource, tokenOf: (number: number) => string) {
  const client = createClient({
    apiUrl: source.issuer,
    machineSecretKey: source.receiverSecret,
    fetch: (url: string | URL | Request, init?: RequestInit) =>
      source.fetch(new Request(url, init)),
  })
  return async (number: number): Promise<void> => {
    const { id } = await client.m2m.verify({ token: tokenOf(number) })
    must(id.startsWith('mt_'))
  }
}

function fastJwt(
  source: TokenSource,
  algorithm: Algorithm,
  key: KeyObject,
  tokenOf: (number: number) => string,
) {
  const check = createVerifier({
    key: key.export({ type: 'spki', format: 'pem' }),
    cache: false,
    algorithms: [algorithm],
    allowedIss: source.issuer,
    allowedAud: source.receiverId,
  }) as (token: string) => { readonly jti: string }
  return (number: number): void => {
    must(check(tokenOf(number)).jti.startsWith('mt_'))
  }
}

async function jose(
  source: TokenSource,
  algorithm: Algorithm,
  tokenOf: (number: number) => string,
) {
  const key = await importJWK(source.publicJwk(algorithm) as JWK, algorithm)
  const options = {
    issuer: source.issuer,
    audience: source.receiverId,
    algorithms: [algorithm],
  }
  return async (number: number): Promise<void> => {
    const { payload } = await jwtVerify(tokenOf(number), key, options)
    must(payload.jti?.startsWith('mt_') === true)
  }
}

/** With the key given, it checks the signature and the times; neither the issuer nor the receiver. */
function clerk(key: KeyObject, tokenOf: (number: number) => string) {
  const client = createClerkClient({
    jwtKey: key.export({ type: 'spki', format: 'pem' }).toString(),
  })
  return async (number: number): Promise<void> => {
    const { id } = await client.m2m.verify({ token: tokenOf(number) })
    must(id.startsWith('mt_'))
  }
}

function must(right: boolean): void {
  if (!right) throw new Error('A token was not verified.')
}
