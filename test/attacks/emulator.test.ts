import { createPrivateKey, sign } from 'node:crypto'
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createAuthority,
  createFileVault,
  createMemoryStore,
  initializeInstance,
} from '@countersign/authority'
import { createTestAuthority } from 'countersign/testing'
import { createVerifier } from 'countersign/verify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createEmulatedAuthority,
  type EmulatedAuthority,
} from '../../packages/authority/src/emulator/emulated-authority.ts'
import { createPublishedKeys } from '../../packages/authority/src/emulator/published-keys.ts'
import { parseSeed } from '../../packages/authority/src/emulator/seed.ts'
import {
  call,
  startTestAuthority,
  TEST_ROOT_KEY,
  type TestAuthority,
} from '../support/authority.ts'
import { jwtParts } from '../support/jwt-parts.ts'

/**
 * What an emulator issues is worth nothing to an authority, and the reverse. The authority is a real one, on
 * SQLite, with the very issuer that the emulator claims: only keys and secrets stand between them.
 */

const USER = `user_${'1'.repeat(27)}`
const API_ID = 'mch_2vYVtestapiAAAAAAAAAAAAAAAA'
const SEED = {
  secretKey: 'sk_test_emulator',
  machines: [
    { name: 'api', id: API_ID, secretKey: 'ak_api' },
    { name: 'worker', secretKey: 'ak_worker', scopedMachines: ['api'] },
  ],
  tokens: [{ machine: 'worker', token: 'mt_fixed' }],
  apiKeys: [{ name: 'key', subject: USER, secret: 'ak_key' }],
}

let authority: TestAuthority
let emulated: EmulatedAuthority
let real: { readonly api: Machine; readonly worker: Machine }
/** What each side has issued, genuine there. */
let theirs: Credentials
let ours: Credentials

interface Machine {
  readonly id: string
  readonly secret: string
}

interface Credentials {
  readonly instance: readonly string[]
  readonly machine: readonly string[]
  readonly opaque: readonly string[]
  readonly jwt: readonly string[]
  readonly apiKey: readonly string[]
}

type Call = (
  method: string,
  path: string,
  key: string,
  body?: unknown,
) => Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }>

const atAuthority: Call = (...asked) => call(authority, ...asked)

const atEmulator: Call = async (method, path, key, body) => {
  const response = await emulated.fetch(
    new Request(emulated.issuer + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  )
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

beforeAll(async () => {
  authority = await startTestAuthority()
  emulated = await createEmulatedAuthority({
    issuer: authority.url,
    seed: parseSeed(JSON.stringify(SEED)),
  })
  const api = await createMachine(atAuthority, authority.secretKey, 'api')
  const worker = await createMachine(atAuthority, authority.secretKey, 'worker', [api.id])
  real = { api, worker }
  ours = await issue(atAuthority, authority.secretKey, worker.secret)
  const made = await createMachine(atEmulator, SEED.secretKey, 'made', [API_ID])
  const [fixed, random] = [
    await issue(atEmulator, SEED.secretKey, 'ak_worker'),
    await issue(atEmulator, SEED.secretKey, made.secret),
  ]
  // The instance key that the fixed text stands for is never told; that of another emulator is.
  const other = await createEmulatedAuthority({ issuer: authority.url, seed: parseSeed('{}') })
  theirs = {
    instance: [SEED.secretKey, other.secretKey],
    machine: ['ak_api', 'ak_worker', made.secret],
    opaque: ['mt_fixed', ...fixed.opaque, ...random.opaque],
    jwt: [...fixed.jwt, ...random.jwt],
    apiKey: ['ak_key', ...fixed.apiKey],
  }
})

afterAll(async () => {
  await emulated.close()
  await authority.close()
})

async function createMachine(
  at: Call,
  key: string,
  name: string,
  scopes: readonly string[] = [],
): Promise<Machine> {
  const { body } = await at('POST', '/v1/machines', key, { name, scoped_machines: scopes })
  return { id: String(body['id']), secret: String(body['secret_key']) }
}

async function issue(at: Call, instance: string, machine: string): Promise<Credentials> {
  const opaque = await at('POST', '/m2m_tokens', machine, {})
  const jwt = await at('POST', '/m2m_tokens', machine, { token_format: 'jwt' })
  const key = await at('POST', '/api_keys', instance, { name: 'key', subject: USER })
  return {
    instance: [instance],
    machine: [machine],
    opaque: [String(opaque.body['token'])],
    jwt: [String(jwt.body['token'])],
    apiKey: [String(key.body['secret'])],
  }
}

async function expectNothingPasses(at: Call, key: string, strange: Credentials): Promise<void> {
  for (const secret of [...strange.instance, ...strange.machine]) {
    expect((await at('GET', '/v1/machines', secret)).status, secret).toBe(401)
    expect((await at('POST', '/m2m_tokens', secret, {})).status, secret).toBe(401)
  }
  for (const token of [...strange.opaque, ...strange.jwt]) {
    expect((await at('POST', '/m2m_tokens/verify', key, { token })).status, token).toBe(404)
  }
  for (const secret of strange.apiKey) {
    expect((await at('POST', '/api_keys/verify', key, { secret })).status, secret).toBe(404)
  }
}

describe('an authority', () => {
  test('takes no credential of an emulator, fixed or made', async () => {
    await expectNothingPasses(atAuthority, authority.secretKey, theirs)
  })

  test('takes none of a test authority', async () => {
    await using kit = await createTestAuthority()
    const api = await kit.machine('api')
    const worker = await kit.machine('worker', { calls: [api] })
    await expectNothingPasses(atAuthority, authority.secretKey, {
      instance: [kit.secretKey],
      machine: [api.machineSecretKey, worker.machineSecretKey],
      opaque: [await kit.tokens.m2m(worker)],
      jwt: [await kit.tokens.m2mJwt(worker)],
      apiKey: [await kit.tokens.apiKey()],
    })
  })

  test('does not do what the header of an emulator says, and has none of its paths', async () => {
    const headers = { 'countersign-emulate': 'status=500; delay=1' }
    const answer = await fetch(`${authority.url}/.well-known/jwks.json`, { headers })
    expect(answer.status).toBe(200)
    expect(answer.headers.has('countersign-emulator')).toBe(false)
    for (const path of ['/__emulate', '/__emulate/reset', '/__emulate/clock']) {
      expect((await call(authority, 'POST', path, authority.secretKey, {})).status).toBe(404)
    }
  })
})

describe('a verifier of an authority', () => {
  test('takes no JWT of an emulator that claims its issuer', async () => {
    const { verify } = createVerifier({ issuer: authority.url, audience: null })
    expect((await verify(ours.jwt[0] ?? '')).subject).toBe(real.worker.id)
    for (const token of theirs.jwt) {
      expect(jwtParts(token).payload['iss']).toBe(authority.url)
      await expect(verify(token)).rejects.toMatchObject({ code: 'token-key-unknown' })
    }
  })

  test('takes none that is signed with a published key in the name of its own', async () => {
    const { verify } = createVerifier({ issuer: authority.url, audience: null })
    const { header, payload } = jwtParts(ours.jwt[0])
    expect(header['alg']).toBe('RS256')
    const generate = createPublishedKeys()
    for (const _ of ['first', 'second']) {
      const { privateKey } = await generate('key', 'RS256')
      const input = [header, payload]
        .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
        .join('.')
      const signature = sign('sha256', Buffer.from(input), privateKey).toString('base64url')
      const refusal = { code: 'token-signature-invalid' }
      await expect(verify(`${input}.${signature}`)).rejects.toMatchObject(refusal)
    }
  })
})

test('an authority does not sign with a published key that is put into its vault', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'countersign-keys-'))
  try {
    const rootKeys = [TEST_ROOT_KEY]
    const createVault = (): ReturnType<typeof createFileVault> => createFileVault({ directory })
    const ports = { store: createMemoryStore(), createVault }
    await initializeInstance({ rootKeys, environment: 'live' }, ports)
    const { privateKey } = await createPublishedKeys()('key', 'RS256')
    const published = privateKey.export({ format: 'pem', type: 'pkcs8' }).toString()
    for (const name of await readdir(directory)) {
      const file = join(directory, name)
      const kept = createPrivateKey(await readFile(file))
      if (kept.asymmetricKeyType !== 'rsa') continue
      await writeFile(file, published)
      await chmod(file, 0o600)
    }
    const opening = createAuthority({ issuer: 'https://authority.test', rootKeys }, ports)
    await expect(opening).rejects.toMatchObject({ code: 'signing-key-altered' })
  } finally {
    await rm(directory, { recursive: true })
  }
})

describe('an emulator', () => {
  test('takes no credential of an authority', async () => {
    await expectNothingPasses(atEmulator, SEED.secretKey, ours)
  })

  test('takes no seed with a secret of an authority in it', () => {
    const { secret } = real.worker
    const wrong = [
      { secretKey: authority.secretKey },
      { machines: [{ name: 'worker', secretKey: secret }] },
      { machines: [{ name: 'worker' }], tokens: [{ machine: 'worker', token: ours.opaque[0] }] },
      { apiKeys: [{ name: 'key', subject: USER, secret: ours.apiKey[0] }] },
    ]
    for (const seed of wrong) {
      expect(() => parseSeed(JSON.stringify(seed))).toThrow('form of a real credential')
    }
  })
})
