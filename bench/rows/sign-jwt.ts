import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createSigner } from 'fast-jwt'
import { SignJWT } from 'jose'
import { type Algorithm, ALGORITHMS } from '../authority.ts'
import { inProcess, type InProcessOptions } from '../in-process.ts'
import { type Contestant, measurePaired } from '../paired.ts'
import { authorityModule } from '../product.ts'
import type { Row } from './row.ts'

const OPERATIONS: Readonly<Record<Algorithm, number>> = { RS256: 100, ES256: 500, EdDSA: 500 }

const TARGETS: Readonly<Record<Algorithm, number>> = { RS256: 0.95, ES256: 0.85, EdDSA: 0.88 }

const KID = 'ins_2iv6aR0n4yDzR8c5ZkOqTgXJvQw'

const ISSUER = 'https://authority.bench.example'

/** The header and the payload that the authority writes, for those who are given them as objects. */
const HEADER = { typ: 'JWT', kid: KID, cat: 'cl_B7d4PD333AAA' }

const FACTS = {
  id: 'mt_0193b3c8f2a87c2e9d0f4b6a8c1e3d57',
  machineId: 'mch_2iv6aR0n4yDzR8c5ZkOqTgXJvQw',
  receiverIds: ['mch_2iv6aR0n4yDzR8c5ZkOqTgXJvQx'],
  issuedAt: 1_790_000_000,
  expiresAt: 1_790_003_600,
  claims: null,
  status: null,
}

const PAYLOAD = {
  iss: ISSUER,
  sub: FACTS.machineId,
  aud: FACTS.receiverIds,
  exp: FACTS.expiresAt,
  nbf: FACTS.issuedAt,
  iat: FACTS.issuedAt,
  jti: FACTS.id,
  scopes: FACTS.receiverIds.join(' '),
}

/** Signing a JWT: the authority's signer and its vault, without HTTP and without storage. */
export const signJwt: Row = {
  name: 'sign-jwt',
  async *measure({ rounds }) {
    for (const algorithm of ALGORITHMS) {
      yield {
        title: `sign a JWT, ${algorithm}`,
        standings: await measurePaired(await contestantsFor(algorithm), rounds),
      }
    }
  },
}

async function contestantsFor(algorithm: Algorithm): Promise<readonly Contestant[]> {
  const key = privateKeyFor(algorithm)
  const fair = { operationsPerRound: OPERATIONS[algorithm], firstOf: () => 0 }
  const contestants: InProcessOptions[] = [
    { ...fair, name: 'crypto.sign', operation: bareSign(algorithm, key) },
    {
      ...fair,
      name: 'authority: signer and vault',
      target: TARGETS[algorithm],
      operation: await ours(algorithm, key),
    },
    { ...fair, name: 'fast-jwt', operation: fastJwt(algorithm, key) },
    { ...fair, name: 'jose SignJWT', operation: jose(algorithm, key) },
  ]
  return contestants.map(inProcess)
}

function privateKeyFor(algorithm: Algorithm): KeyObject {
  const makers: Readonly<Record<Algorithm, () => { readonly privateKey: KeyObject }>> = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
  }
  const der = makers[algorithm]().privateKey.export({ type: 'pkcs8', format: 'der' })
  return createPrivateKey({ key: der, type: 'pkcs8', format: 'der' })
}

function bareSign(algorithm: Algorithm, key: KeyObject): () => void {
  const digest = algorithm === 'EdDSA' ? null : 'sha256'
  const input = algorithm === 'ES256' ? { key, dsaEncoding: 'ieee-p1363' as const } : key
  const data = Buffer.from(
    [{ alg: algorithm, ...HEADER }, PAYLOAD]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.'),
  )
  return () => {
    if (sign(digest, data, input).length < 64) throw new Error('Nothing was signed.')
  }
}

async function ours(algorithm: Algorithm, key: KeyObject): Promise<() => Promise<void>> {
  const { createCompactSigner, createJwtSigner } = await authorityModule('domain/jwt')
  const { createSealedVault } = await authorityModule('vault/sealed-vault')
  // A key is opened once and then kept, so how it is sealed does not matter here.
  const vault = createSealedVault({
    seal: (_, value) => value,
    open: (_, value) => value,
    version: () => 1,
  })
  const record = {
    kid: KID,
    algorithm,
    handle: key.export({ type: 'pkcs8', format: 'der' }),
    publicJwk: {},
    mac: new Uint8Array(),
    createdAt: 0,
    activeFrom: 0,
    retiresAt: null,
    revokedAt: null,
    revocationReason: null,
  }
  const signWith = createJwtSigner({ issuer: ISSUER }, createCompactSigner(vault))
  return async () => {
    mustBeJwt(await signWith(record, FACTS))
  }
}

function fastJwt(algorithm: Algorithm, key: KeyObject): () => void {
  const signWith = createSigner<object>({
    algorithm,
    key: key.export({ type: 'pkcs8', format: 'pem' }),
    header: { alg: algorithm, ...HEADER },
    noTimestamp: true,
  })
  return () => {
    mustBeJwt(signWith(PAYLOAD))
  }
}

function jose(algorithm: Algorithm, key: KeyObject): () => Promise<void> {
  return async () => {
    const token = new SignJWT(PAYLOAD).setProtectedHeader({ alg: algorithm, ...HEADER })
    mustBeJwt(await token.sign(key))
  }
}

function mustBeJwt(token: string): void {
  if (token.split('.').length !== 3) throw new Error('No JWT was made.')
}
