import { DescribeKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import {
  createAuthority,
  createFileVault,
  createMemoryStore,
  type DataKeys,
  initializeInstance,
  type KeyVault,
  type Sealer,
  type VaultKey,
} from '@countersign/authority'
import { type AwsKmsVaultOptions, createAwsKmsVault } from '@countersign/aws-kms'
import { createVerifier } from 'countersign/verify'
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDataKeys, openDataKeys } from '../../packages/authority/src/domain/data-keys.ts'
import { systemClock, systemRandom } from '../../packages/authority/src/system.ts'
import { describeVault } from '../../packages/authority/src/vault/vault.contract.ts'
import { captureLog, TEST_ROOT_KEY } from '../support/authority.ts'
import type { Policy } from './policy.ts'
import { type Principal, REGION, type StandIn, startStandIn } from './stand-in.ts'

/** Against a local stand-in that speaks KMS's protocol, by the real client of AWS. */

const OPERATOR: Principal = {
  accessKeyId: 'AKIAOPERATOR',
  secretAccessKey: 'the secret of the operator',
  sessionToken: 'the-session-token-of-the-operator',
}
const [FOUNDING = { Statement: [] }, RUNNING = { Statement: [] }] = policiesOfReadme()
const FOUNDER: Principal = {
  accessKeyId: 'AKIAFOUNDER',
  secretAccessKey: 'the secret of the founder',
  policy: FOUNDING,
}
const RUNNER: Principal = {
  accessKeyId: 'AKIARUNNER',
  secretAccessKey: 'the secret of the runner',
  policy: RUNNING,
}

const DATA = Buffer.from('data')

function policiesOfReadme(): readonly Policy[] {
  const readme = new URL('../../packages/aws-kms/README.md', import.meta.url)
  return [...readFileSync(readme, 'utf8').matchAll(/```json\n(.*?)```/gs)].map(
    ([, text = '']) => JSON.parse(text) as Policy,
  )
}

function dataKeysOf(instanceId: string): DataKeys {
  const ports = { clock: systemClock, random: systemRandom }
  const records = createDataKeys(instanceId, [TEST_ROOT_KEY], ports)
  return openDataKeys(instanceId, records, [TEST_ROOT_KEY], {
    clock: systemClock,
    random: systemRandom,
  })
}

function clientOf(
  standIn: StandIn,
  { accessKeyId, secretAccessKey, sessionToken }: Principal = OPERATOR,
): KMSClient {
  return new KMSClient({
    endpoint: standIn.url,
    region: REGION,
    credentials: {
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
    },
  })
}

function vaultOf(
  standIn: StandIn,
  sealer: Sealer,
  options: Partial<AwsKmsVaultOptions> = {},
): KeyVault {
  return createAwsKmsVault({ sealer, client: clientOf(standIn), ...options })
}

describeVault('the AWS KMS vault', async () => {
  const standIn = await startStandIn([OPERATOR])
  const { signing } = dataKeysOf('ins_1')
  return {
    vault: vaultOf(standIn, signing),
    reopen: () => vaultOf(standIn, signing),
    privateTexts: async () => [
      OPERATOR.secretAccessKey,
      String(OPERATOR.sessionToken),
      ...[...standIn.keys.values()].flatMap(({ privateKey, arn }) => {
        const { d } = privateKey.export({ format: 'jwk' })
        return [String(d), arn]
      }),
    ],
    close: () => standIn.close(),
  }
})

describe('a key in AWS KMS', () => {
  let standIn: StandIn
  let signing: Sealer
  let vault: KeyVault
  let key: VaultKey

  beforeEach(async () => {
    standIn = await startStandIn([OPERATOR, FOUNDER, RUNNER])
    signing = dataKeysOf('ins_1').signing
    vault = vaultOf(standIn, signing)
    const { handle } = await vault.create('key_1', 'ES256')
    key = { kid: 'key_1', algorithm: 'ES256', handle }
  })

  afterEach(() => standIn.close())

  const refusal = async (
    answer: Promise<unknown>,
  ): Promise<{ code?: unknown; message: string; requestId?: unknown }> => {
    const error: unknown = await answer.then(
      () => new Error('It was not refused.'),
      (thrown: unknown) => thrown,
    )
    return error as Error
  }

  const arn = (): string => [...standIn.keys.keys()][0] ?? ''

  it('is made for signatures, named after its kid, and tagged', async () => {
    const more = vaultOf(standIn, signing, { tags: { team: 'identity', countersign: 'else' } })
    await more.create('key_2', 'EdDSA')
    const stored = [...standIn.keys.values()][1]
    expect(stored?.tags).toEqual({ team: 'identity', countersign: 'signing-key' })
    const described = await clientOf(standIn).send(new DescribeKeyCommand({ KeyId: stored?.arn }))
    expect(described.KeyMetadata).toMatchObject({
      KeySpec: 'ECC_NIST_EDWARDS25519',
      KeyUsage: 'SIGN_VERIFY',
      Description: 'Countersign signing key key_2',
    })
  })

  it('is sent a digest, and with Ed25519 the data, for it knows no other', async () => {
    await vault.sign(key, DATA)
    expect(standIn.bodies.at(-1)).toMatchObject({ MessageType: 'DIGEST', KeyId: arn() })
    expect(Buffer.from(String(standIn.bodies.at(-1)?.['Message']), 'base64')).toHaveLength(32)
    const { handle } = await vault.create('key_2', 'EdDSA')
    await vault.sign({ kid: 'key_2', algorithm: 'EdDSA', handle }, DATA)
    expect(standIn.bodies.at(-1)).toMatchObject({
      MessageType: 'RAW',
      Message: DATA.toString('base64'),
    })
  })

  it('signs data of any length but with Ed25519, where KMS is not asked in vain', async () => {
    const long = new Uint8Array(4097)
    expect(await vault.sign(key, long)).toHaveLength(64)
    const { handle } = await vault.create('key_2', 'EdDSA')
    const before = standIn.requests.length
    const error = await refusal(vault.sign({ kid: 'key_2', algorithm: 'EdDSA', handle }, long))
    expect(error.code).toBe('data-too-long')
    expect(standIn.requests).toHaveLength(before)
  })

  it('is signed with in one request, and opened with none', async () => {
    const fresh = vaultOf(standIn, signing)
    const before = standIn.requests.length
    await fresh.open(key)
    expect(standIn.requests).toHaveLength(before)
    await fresh.sign(key, DATA)
    expect(standIn.requests.slice(before)).toEqual(['Sign'])
  })

  it('does not sign in another instance, whose root key is the same', async () => {
    const other = vaultOf(standIn, dataKeysOf('ins_2').signing)
    expect((await refusal(other.open(key))).code).toBe('signing-key-altered')
    expect((await refusal(other.sign(key, DATA))).code).toBe('signing-key-altered')
  })

  it('gives out no signature of another key, whatever answers', async () => {
    await vault.create('key_2', 'ES256')
    standIn.failNext('other-key')
    expect((await refusal(vault.sign(key, DATA))).code).toBe('kms-answer-unexpected')
    standIn.failNext('garbage')
    expect((await refusal(vault.sign(key, DATA))).code).toMatch(/^kms-/)
    expect(await vault.sign(key, DATA)).toHaveLength(64)
  })

  it('is not published when the answer is of another key', async () => {
    const client = clientOf(standIn)
    // Between CreateKey and GetPublicKey: the first request after the next.
    client.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName === 'GetPublicKeyCommand') standIn.failNext('other-key')
        return next(args)
      },
      { step: 'initialize' },
    )
    const error = await refusal(vaultOf(standIn, signing, { client }).create('key_2', 'ES256'))
    expect(error.code).toBe('kms-answer-unexpected')
  })

  it('that KMS does not know everywhere yet is waited for', async () => {
    const client = clientOf(standIn)
    let times = 0
    client.middlewareStack.add(
      (next, context) => async (args) => {
        if (context.commandName === 'GetPublicKeyCommand' && times++ < 2)
          standIn.failNext('not-found')
        return next(args)
      },
      { step: 'initialize' },
    )
    await vaultOf(standIn, signing, { client }).create('key_2', 'ES256')
    expect(times).toBe(3)
  })

  it('that was disabled does not sign', async () => {
    standIn.disable(arn())
    const error = await refusal(vault.sign(key, DATA))
    expect(error).toMatchObject({ code: 'signing-key-missing' })
    expect(error.message).toMatch(/^AWS KMS Sign failed: DisabledException, HTTP 400, request id /)
    expect(error.requestId).toMatch(/^[0-9a-f-]{36}$/)
  })

  it.each(['throttle', 'fail', 'drop'] as const)(
    'is asked again after one "%s", and given up after three',
    async (fault) => {
      standIn.failNext(fault)
      expect(await vault.sign(key, DATA)).toHaveLength(64)
      const before = standIn.requests.length
      standIn.failNext(fault, fault, fault, fault, fault)
      expect((await refusal(vault.sign(key, DATA))).code).toBe('kms-unavailable')
      expect(standIn.requests.length - before).toBe(3)
    },
  )

  it('that hangs is given up at the deadline, by a client of ours and by one that was given', async () => {
    const own = createAwsKmsVault({
      sealer: signing,
      endpoint: standIn.url,
      region: REGION,
      credentials: OPERATOR,
      deadlineMs: 600,
    })
    expect(await own.sign(key, DATA)).toHaveLength(64)
    for (const each of [own, vaultOf(standIn, signing, { deadlineMs: 600 })]) {
      standIn.failNext('hang', 'hang', 'hang', 'hang')
      const begun = performance.now()
      expect((await refusal(each.sign(key, DATA))).code).toBe('kms-unavailable')
      expect(performance.now() - begun).toBeLessThan(1500)
    }
    standIn.failNext('hang')
    expect(await own.sign(key, DATA), 'one attempt that hangs is not the end').toHaveLength(64)
  })

  it('cannot be used by a caller whose key, secret or session is wrong', async () => {
    for (const wrong of [
      { ...OPERATOR, secretAccessKey: 'guessed' },
      { ...OPERATOR, sessionToken: 'stolen-from-another' },
      { ...OPERATOR, accessKeyId: 'AKIANOBODY' },
    ]) {
      const other = vaultOf(standIn, signing, { client: clientOf(standIn, wrong) })
      expect((await refusal(other.sign(key, DATA))).code).toBe('kms-denied')
    }
  })

  it('repeats nothing of what AWS says, for it may hold the session token', async () => {
    standIn.failNext('talkative')
    const error = await refusal(vault.sign(key, DATA))
    expect(error.code).toBe('kms-denied')
    const shown = inspect(error, { depth: Infinity, showHidden: true })
    expect(shown).not.toMatch(/session-token|canonical|AWS4-HMAC/)
    expect(shown).toContain('InvalidSignatureException')
  })

  it('says that nobody answers at the endpoint', async () => {
    await standIn.close()
    const error = await refusal(vault.sign(key, DATA))
    expect(error.code).toBe('kms-unavailable')
    expect(error.message).toMatch(/ECONNREFUSED|ECONNRESET|socket/)
  })

  it('needs no more than the policies of the README, and each of them no more than its own', async () => {
    const founding = vaultOf(standIn, signing, { client: clientOf(standIn, FOUNDER) })
    const running = vaultOf(standIn, signing, { client: clientOf(standIn, RUNNER) })
    for (const algorithm of ['RS256', 'ES256', 'EdDSA'] as const) {
      const { handle } = await founding.create(`made_${algorithm}`, algorithm)
      const made = { kid: `made_${algorithm}`, algorithm, handle }
      await running.sign(made, DATA)
      expect((await refusal(founding.sign(made, DATA))).code).toBe('kms-denied')
      expect((await refusal(running.create('key_x', algorithm))).code).toBe('kms-denied')
    }
  })

  it('is not one of the account’s other keys: the policy of the README has none of them', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const foreign = arn().replace(/[^/]*$/, 'code-signing')
    ;(standIn.keys as Map<string, unknown>).set(foreign, {
      arn: foreign,
      spec: 'ECC_NIST_P256',
      description: '',
      tags: {},
      enabled: true,
      privateKey,
      publicKey,
    })
    const spki = publicKey.export({ format: 'der', type: 'spki' }).toString('base64')
    const sealed = signing.seal(
      'signing_keys/key_1/aws-kms/ES256',
      Buffer.from(`${foreign}\n${spki}`),
    )
    const handle = Buffer.concat([Buffer.from('aws-kms:v1:'), sealed])
    const running = vaultOf(standIn, signing, { client: clientOf(standIn, RUNNER) })
    expect((await refusal(running.sign({ ...key, handle }, DATA))).code).toBe('kms-denied')
  })

  it.each([{ deadlineMs: 0 }, { deadlineMs: 60_001 }, { maxAttempts: 0 }, { maxAttempts: 1.5 }])(
    'takes no option out of bounds: %j',
    (options) => {
      expect(() => vaultOf(standIn, signing, options)).toThrow(RangeError)
    },
  )
})

describe('an authority with its keys in AWS KMS', () => {
  let standIn: StandIn

  beforeEach(async () => {
    standIn = await startStandIn([OPERATOR])
  })

  afterEach(() => standIn.close())

  const rootKeys = [TEST_ROOT_KEY]
  const config = { issuer: 'https://auth.example.com', rootKeys }

  it('issues JWTs that any verifier takes, and goes on without them while KMS is away', async () => {
    const log = captureLog()
    const ports = {
      store: createMemoryStore(),
      log,
      createVault: ({ signing }: DataKeys) => vaultOf(standIn, signing, { deadlineMs: 2000 }),
    }
    const founded = await initializeInstance({ rootKeys, environment: 'test' }, ports)
    expect(standIn.keys.size).toBe(6)
    const authority = await createAuthority(config, ports)
    const call = async (path: string, secret: string, body: object) => {
      const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
      const url = `${config.issuer}${path}`
      const request = new Request(url, { method: 'POST', headers, body: JSON.stringify(body) })
      const answer = await authority.fetch(request)
      return { status: answer.status, body: await answer.json() }
    }
    const api = await call('/v1/machines', founded?.secretKey ?? '', { name: 'api' })
    const worker = await call('/v1/machines', founded?.secretKey ?? '', {
      name: 'worker',
      scoped_machines: [api.body['id']],
    })
    const create = (body: object) => call('/v1/m2m_tokens', String(worker.body['secret_key']), body)

    const issued = await create({ token_format: 'jwt' })
    expect(issued.status).toBe(201)
    const verifier = createVerifier({
      issuer: config.issuer,
      audience: api.body['id'],
      fetch: (input, init) => authority.fetch(new Request(input, init)),
      revocation: null,
    })
    const verified = await verifier.verify(issued.body['token'])
    expect(verified.subject).toBe(worker.body['id'])

    await standIn.close()
    const refused = await create({ token_format: 'jwt' })
    expect(refused.status).toBe(503)
    expect(refused.body['errors'][0]).toMatchObject({ code: 'signing_unavailable' })
    expect(JSON.stringify(refused.body)).not.toMatch(/kms|ECONN/i)
    expect(log.lines.join('\n')).toMatch(/AWS KMS Sign failed/)
    expect((await create({})).status).toBe(201)
    await createAuthority(config, ports)
  })

  it('does not start with another vault', async () => {
    const store = createMemoryStore()
    const createVault = ({ signing }: DataKeys): KeyVault => vaultOf(standIn, signing)
    await initializeInstance({ rootKeys, environment: 'test' }, { store, createVault })
    const elsewhere = { code: 'signing-key-elsewhere' }
    await expect(createAuthority(config, { store })).rejects.toMatchObject(elsewhere)
    const file = (): KeyVault => createFileVault({ directory: '/nonexistent' })
    await expect(createAuthority(config, { store, createVault: file })).rejects.toMatchObject(
      elsewhere,
    )
    const sealed = createMemoryStore()
    await initializeInstance({ rootKeys, environment: 'test' }, { store: sealed })
    await expect(createAuthority(config, { store: sealed, createVault })).rejects.toMatchObject(
      elsewhere,
    )
  })
})
