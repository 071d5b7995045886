import { createPublicKey, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import { createClerkClient } from '@clerk/backend'
import { JwtVerifier } from 'aws-jwt-verify'
import type { Jwk } from 'aws-jwt-verify/jwk'
import { createAuthenticator, createClient } from 'countersign'
import { createVerifier } from 'countersign/verify'
import { createVerifier as createFastVerifier } from 'fast-jwt'
import { importJWK, type JWK, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import type { Algorithm, Json, TokenSource } from '../authority.ts'
import type { InProcessOptions } from '../in-process.ts'

/** What every verifier here is told: whose tokens, for whom, and by which key. */
export interface Expected {
  readonly algorithm: Algorithm
  readonly issuer: string
  readonly audience: string
  readonly jwk: Json
  readonly key: KeyObject
  readonly source: TokenSource
}

/** Verifies a token, or what presents it. @throws unless the token is good. */
export type Check = (token: string) => void | Promise<void>

export interface VerifyContestant {
  readonly name: string
  readonly targets?: Readonly<Partial<Record<Algorithm, number>>>
  /** Those that it verifies; all of them unless said. */
  readonly algorithms?: readonly Algorithm[]
  /** What brings a token there; the token itself unless said. It is made before the rounds. */
  readonly present?: (token: string) => string
  readonly prepare: (expected: Expected) => Check | Promise<Check>
}

export function expectedOf(source: TokenSource, algorithm: Algorithm): Expected {
  const jwk = source.publicJwk(algorithm)
  return {
    algorithm,
    issuer: source.issuer,
    audience: source.receiverId,
    jwk,
    key: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }),
    source,
  }
}

/** Those of a table that verify this algorithm, ready for the tokens of each round. */
export function prepareAll(
  contestants: readonly VerifyContestant[],
  expected: Expected,
  tokens: readonly string[],
  fair: Pick<InProcessOptions, 'operationsPerRound' | 'firstOf'>,
): Promise<InProcessOptions[]> {
  const { algorithm } = expected
  const able = contestants.filter(({ algorithms }) => algorithms?.includes(algorithm) ?? true)
  return Promise.all(
    able.map(async ({ name, targets, present, prepare }) => {
      const check = await prepare(expected)
      const presented = present === undefined ? tokens : tokens.map(present)
      const target = targets?.[algorithm]
      return {
        ...fair,
        name,
        ...(target !== undefined && { target }),
        operation: (number: number) => check(presented[number % tokens.length] as string),
      }
    }),
  )
}

/** How an ECDSA signature is written: as OpenSSL takes it, or as in a JWS (RFC 7518 §3.4). */
export type EcdsaForm = 'der' | 'ieee-p1363'

/** `crypto.verify` alone: what it needs is decoded, and in that form, before it is asked. */
export function bareCheck(
  { algorithm, key }: Expected,
  tokens: readonly string[],
  form: EcdsaForm = 'der',
): (number: number) => void {
  const encode = algorithm === 'ES256' && form === 'der' ? derOf : (raw: Buffer) => raw
  const decoded = tokens.map((token) => {
    const end = token.lastIndexOf('.')
    return {
      data: Buffer.from(token.slice(0, end)),
      signature: encode(Buffer.from(token.slice(end + 1), 'base64url')),
    }
  })
  const digest = algorithm === 'EdDSA' ? null : 'sha256'
  // A key without options wherever it will do: on Node 24 the object around it costs 10 µs and more.
  const input = algorithm === 'ES256' && form !== 'der' ? { key, dsaEncoding: form } : key
  return (number) => {
    const { data, signature } = decoded[number] as (typeof decoded)[number]
    must(verify(digest, data, input, signature))
  }
}

/** Status lists come from the authority itself. */
const fetchFrom =
  (source: Expected['source']) =>
  (url: string, init?: RequestInit): Promise<Response> =>
    source.fetch(new Request(url, init))

export function countersignVerifier(options: object): VerifyContestant['prepare'] {
  return ({ issuer, audience, jwk, source }) => {
    const jwks = { keys: [jwk] }
    const fetch = fetchFrom(source)
    const verifier = createVerifier({ issuer, audience, jwks, fetch, ...options })
    return async (token) => {
      mustBeOurs((await verifier.verify(token)).id)
    }
  }
}

export function countersignClient({ source }: Expected): Check {
  const client = createClient({
    apiUrl: source.issuer,
    machineSecretKey: source.receiverSecret,
    fetch: fetchFrom(source),
  })
  return async (token) => {
    mustBeOurs((await client.m2m.verify({ token })).id)
  }
}

/** The value of an `Authorization` header, in one piece, as a server reads it. */
export function headerOf(token: string): string {
  return Buffer.from(`Bearer ${token}`).toString('latin1')
}

/** A request that brings the token in its header. */
export function countersignRequest(options: object): VerifyContestant['prepare'] {
  return ({ issuer, jwk, source }) => {
    const { authenticate } = createAuthenticator({
      apiUrl: issuer,
      machineSecretKey: source.receiverSecret,
      jwks: { keys: [jwk] },
      fetch: fetchFrom(source),
      ...options,
    })
    return async (header) => {
      const headers = { get: (name: string) => (name === 'authorization' ? header : null) }
      const state = await authenticate({ headers }, { acceptsToken: 'm2m_token' })
      const auth = state.toAuth()
      mustBeOurs(auth.isAuthenticated ? auth.id : '')
    }
  }
}

export function fastJwt(cache: boolean): VerifyContestant['prepare'] {
  return ({ algorithm, issuer, audience, key }) => {
    const check = createFastVerifier({
      key: pemOf(key),
      cache,
      algorithms: [algorithm],
      allowedIss: issuer,
      allowedAud: audience,
    }) as (token: string) => { readonly jti: string }
    return (token) => {
      mustBeOurs(check(token).jti)
    }
  }
}

export async function jose({ algorithm, issuer, audience, jwk }: Expected): Promise<Check> {
  const key = await importJWK(jwk as JWK, algorithm)
  const options = { issuer, audience, algorithms: [algorithm] }
  return async (token) => {
    mustBeOurs((await jwtVerify(token, key, options)).payload.jti)
  }
}

export function jsonWebToken({ algorithm, issuer, audience, key }: Expected): Check {
  // It has no EdDSA, and is not asked for it.
  const options = { issuer, audience, algorithms: [algorithm as 'RS256' | 'ES256'] }
  return (token) => {
    mustBeOurs((jsonwebtoken.verify(token, key, options) as jsonwebtoken.JwtPayload).jti)
  }
}

/** It takes the algorithm from the key. */
export function awsJwtVerify({ issuer, audience, jwk }: Expected): Check {
  const verifier = JwtVerifier.create({ issuer, audience })
  verifier.cacheJwks({ keys: [jwk as Jwk] })
  return (token) => {
    mustBeOurs(verifier.verifySync(token).jti)
  }
}

/** With the key given, it checks the signature and the times; neither the issuer nor the receiver. */
export function clerk({ key }: Expected): Check {
  const client = createClerkClient({ jwtKey: pemOf(key) })
  return async (token) => {
    mustBeOurs((await client.m2m.verify({ token })).id)
  }
}

function pemOf(key: KeyObject): string {
  return key.export({ type: 'spki', format: 'pem' }).toString()
}

function mustBeOurs(id: string | undefined): void {
  must(id?.startsWith('mt_') === true)
}

function must(right: boolean): void {
  if (!right) throw new Error('A token was not verified.')
}

const SEQUENCE = 0x30
const INTEGER = 0x02

/** r and s side by side as the ASN.1 of RFC 3279 §2.2.3. */
function derOf(signature: Buffer): Buffer {
  const half = signature.length / 2
  const integers = [signature.subarray(0, half), signature.subarray(half)].map((part) => {
    const digits = part.subarray(part.findIndex((byte) => byte !== 0))
    const [first = 0] = digits
    // A first bit of 1 would make the number negative.
    const bytes = Buffer.concat([Buffer.alloc(first > 0x7f ? 1 : 0), digits])
    return Buffer.concat([Buffer.from([INTEGER, bytes.length]), bytes])
  })
  const body = Buffer.concat(integers)
  return Buffer.concat([Buffer.from([SEQUENCE, body.length]), body])
}
