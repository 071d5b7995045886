import { createLocalJWKSet, importPKCS8, jwtVerify, SignJWT } from 'jose'
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { broken, json, scriptedFetch } from '../testing/scripted-fetch.ts'
import {
  createTestKey,
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
  type TestKey,
} from '../testing/tokens.ts'
import { isCountersignError } from '../token/errors.ts'
import type { JsonObject } from '../token/json.ts'
import type { M2MToken } from '../token/m2m-token.ts'
import { createVerifier, type VerifierOptions } from './verifier.ts'

const [rsa, ec, ed, stranger] = await Promise.all([
  createTestKey('RS256', 'rsa'),
  createTestKey('ES256', 'ec'),
  createTestKey('EdDSA', 'ed'),
  createTestKey('ES256', 'ec'),
])
const jwks = { keys: [rsa, ec, ed].map(({ publicJwk }) => publicJwk) }

const BASE: VerifierOptions = {
  issuer: TEST_ISSUER,
  audience: RECEIVER,
  jwks,
  clock: () => TEST_NOW_MS,
}

const verdict = async (token: string, options: Partial<VerifierOptions> = {}): Promise<string> => {
  try {
    await createVerifier({ ...BASE, ...options }).verify(token)
    return 'accepted'
  } catch (error) {
    return isCountersignError(error) ? error.code : `thrown: ${String(error)}`
  }
}

describe.each([rsa, ec, ed])('a token of $alg', (key: TestKey) => {
  test('that is good becomes a machine token', async () => {
    const token = await createVerifier(BASE).verify(await signToken(key))
    expect(token).toMatchObject({
      id: GOOD_PAYLOAD['jti'],
      subject: SENDER,
      scopes: [RECEIVER],
      expired: false,
      expiration: TEST_NOW_MS + 60_000,
    })
  })

  test('is accepted by jose as well', async () => {
    const { payload } = await jwtVerify(await signToken(key), createLocalJWKSet(jwks), {
      issuer: TEST_ISSUER,
      audience: RECEIVER,
      currentDate: new Date(TEST_NOW_MS),
    })
    expect(payload).toEqual(GOOD_PAYLOAD)
  })

  test('is refused when its signature is missing, cut, longer, or of another token', async () => {
    const token = await signToken(key)
    const end = token.lastIndexOf('.') + 1
    const signature = Buffer.from(token.slice(end), 'base64url')
    const other = await signToken(key, { ...GOOD_PAYLOAD, jti: 'mt_other' })
    const changed = [
      '',
      encodeBase64url(signature.subarray(1)),
      encodeBase64url(signature.subarray(0, -1)),
      encodeBase64url(Buffer.concat([signature, Buffer.of(0)])),
      encodeBase64url(new Uint8Array(signature.length)),
      other.slice(other.lastIndexOf('.') + 1),
    ]
    for (const text of changed) {
      expect(await verdict(token.slice(0, end) + text)).toBe('token-signature-invalid')
    }
  })
})

test('every change of one character of a token is refused', async () => {
  const verifier = createVerifier(BASE)
  const token = await signToken(ec)
  for (let position = 0; position < token.length; position++) {
    for (const character of ['A', 'B', '-', '_', '.', '=', ' ']) {
      if (character === token[position]) continue
      const changed = token.slice(0, position) + character + token.slice(position + 1)
      const accepted = await verifier.verify(changed).then(
        () => true,
        (error: unknown) => !isCountersignError(error),
      )
      expect(accepted, `${character} at ${position}`).toBe(false)
    }
  }
})

test('a token made by jose with a key that jose made is accepted', async () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const token = await new SignJWT(GOOD_PAYLOAD)
    .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'j', cat: 'cl_B7d4PD333AAA' })
    .sign(await importPKCS8(pem, 'RS256'))
  const key = { ...publicKey.export({ format: 'jwk' }), kid: 'j' }
  expect(await verdict(token, { jwks: { keys: [key] } })).toBe('accepted')
})

describe('the algorithm', () => {
  const unsigned = (alg: unknown): string =>
    `${encodePart({ ...headerOf(rsa), alg })}.${encodePart(GOOD_PAYLOAD)}.`

  test.each(['none', 'None', 'NONE', 'nOnE', ''])('%j is none of ours', async (alg) => {
    expect(await verdict(unsigned(alg))).toBe('token-algorithm-not-allowed')
    expect(await verdict(`${unsigned(alg)}AAAA`)).toBe('token-algorithm-not-allowed')
  })

  test.each(['RS384', 'RS512', 'PS256', 'ES256', 'EdDSA', 'Ed25519', 'HS256', 'rs256', 'RS256 '])(
    'of an RSA key is not %s',
    async (alg) => {
      const token = await signToken(rsa, GOOD_PAYLOAD, { ...headerOf(rsa), alg })
      expect(await verdict(token)).toBe('token-algorithm-not-allowed')
    },
  )

  test.each([undefined, null, ['RS256'], 256, { RS256: 1 }])('is not %j', async (alg) => {
    expect(await verdict(await signToken(rsa, GOOD_PAYLOAD, { ...headerOf(rsa), alg }))).toBe(
      'token-malformed',
    )
  })

  test('is not HMAC with the public key for its secret, in whatever form', async () => {
    const { n, e, kid } = rsa.publicJwk as Record<string, string>
    const secrets = [n, JSON.stringify(rsa.publicJwk), JSON.stringify(jwks), `${n}.${e}`, kid, '']
    const input = `${encodePart({ ...headerOf(rsa), alg: 'HS256' })}.${encodePart(GOOD_PAYLOAD)}`
    for (const secret of secrets) {
      const mac = createHmac('sha256', secret ?? '')
        .update(input)
        .digest('base64url')
      expect(await verdict(`${input}.${mac}`)).toBe('token-algorithm-not-allowed')
    }
  })

  test('of an Ed25519 key may be called by its full name', async () => {
    const named = await signToken(ed, GOOD_PAYLOAD, { ...headerOf(ed), alg: 'Ed25519' })
    expect(await verdict(named)).toBe('accepted')
  })
})

test('a key is the one that is named, or none: no other is tried', async () => {
  expect(await verdict(await signToken(stranger))).toBe('token-signature-invalid')
  const renamed = await signToken(rsa, GOOD_PAYLOAD, { ...headerOf(rsa), kid: 'unknown' })
  expect(await verdict(renamed)).toBe('token-key-unknown')
  expect(await verdict(renamed, { jwks: { keys: [rsa.publicJwk] } })).toBe('token-key-unknown')
  const other = await signToken(ec, GOOD_PAYLOAD, { ...headerOf(ec), kid: 'rsa' })
  expect(await verdict(other)).toBe('token-algorithm-not-allowed')
})

test('a key that the token brings along is not used, and nothing is fetched for it', async () => {
  const server = scriptedFetch(json(jwks))
  const attacker = await createTestKey('ES256', 'theirs')
  const offers: JsonObject[] = [
    { jwk: attacker.publicJwk },
    { jku: 'https://attacker.test/keys' },
    { x5u: 'https://attacker.test/cert' },
    { x5c: ['AAAA'] },
  ]
  for (const offer of offers) {
    const token = await signToken(attacker, GOOD_PAYLOAD, { ...headerOf(attacker), ...offer })
    const { jwks: _, ...remote } = BASE
    const options = { ...remote, fetch: server.fetch }
    await expect(createVerifier(options).verify(token)).rejects.toMatchObject({
      code: 'token-malformed',
    })
  }
  expect(server.sent).toEqual([])
})

describe('another class of token by the right key is refused before anything is fetched', () => {
  test.each([
    ['a session', { sub: 'user_1', sid: 'sess_1' }, {}],
    ['a session that has the tag of a machine', { sub: 'user_1' }, {}],
    ['a token without a subject', { sub: undefined }, {}],
    ['an OAuth access token', {}, { typ: 'at+jwt' }],
    ['a status list', {}, { typ: 'statuslist+jwt' }],
    ['a proof of possession', {}, { typ: 'dpop+jwt' }],
    ['a client assertion', {}, { typ: 'client-authentication+jwt' }],
    ['a session by its tag', {}, { cat: 'cl_B7d4PD111AAA' }],
    ['a template by its tag', {}, { cat: 'cl_B7d4PD222AAA' }],
    ['one without a tag', {}, { cat: undefined }],
  ])('%s', async (_, payload, header) => {
    const server = scriptedFetch(json(jwks))
    const { jwks: _keys, ...remote } = BASE
    const token = await signToken(
      rsa,
      { ...GOOD_PAYLOAD, ...payload },
      { ...headerOf(rsa), ...header },
    )
    await expect(
      createVerifier({ ...remote, fetch: server.fetch }).verify(token),
    ).rejects.toMatchObject({ code: 'token-class-mismatch' })
    expect(server.sent).toEqual([])
  })
})

test('the claims are judged by the clock and for the receiver', async () => {
  const token = await signToken(ec)
  expect(await verdict(token, { audience: SENDER })).toBe('token-audience-mismatch')
  expect(await verdict(token, { audience: null })).toBe('accepted')
  expect(await verdict(token, { issuer: `${TEST_ISSUER}/` })).toBe('token-issuer-mismatch')
  expect(await verdict(token, { clock: () => TEST_NOW_MS + 64_999 })).toBe('accepted')
  expect(await verdict(token, { clock: () => TEST_NOW_MS + 65_000 })).toBe('token-expired')
  expect(await verdict(token, { clock: () => TEST_NOW_MS - 5_001 })).toBe('token-not-yet-valid')
  const strict = { clockToleranceSeconds: 0, clock: () => TEST_NOW_MS + 60_000 }
  expect(await verdict(token, strict)).toBe('token-expired')
})

test('a header that was seen before is judged no less, and refused tokens are not remembered', async () => {
  const verifier = createVerifier(BASE)
  const token = await signToken(ec)
  const [header = '', payload = '', signature = ''] = token.split('.')
  const changed = encodePart({ ...GOOD_PAYLOAD, aud: [RECEIVER, SENDER] })
  for (let count = 0; count < 3; count++) {
    await expect(verifier.verify(`${header}.${changed}.${signature}`)).rejects.toMatchObject({
      code: 'token-signature-invalid',
    })
    expect((await verifier.verify(`${header}.${payload}.${signature}`)).subject).toBe(SENDER)
  }
})

test('the key set is the issuer’s own unless another place is given', async () => {
  const server = scriptedFetch(json(jwks))
  const { jwks: _, ...remote } = BASE
  const token = await signToken(rsa)
  await createVerifier({ ...remote, fetch: server.fetch }).verify(token)
  const elsewhere = { jwksUri: 'https://keys.test/all', fetch: server.fetch }
  await createVerifier({ ...remote, ...elsewhere }).verify(token)
  expect(server.sent.map(({ url }) => url)).toEqual([
    `${TEST_ISSUER}/.well-known/jwks.json`,
    'https://keys.test/all',
  ])
})

test('options are checked when the verifier is made, and their object is not kept', async () => {
  const made = (options: object) => () => createVerifier({ ...BASE, ...options })
  for (const options of [
    { issuer: '' },
    { issuer: undefined },
    { audience: undefined },
    { audience: '' },
    { clockToleranceSeconds: 61 },
    { clockToleranceSeconds: -1 },
    { clockToleranceSeconds: Number.NaN },
    { clockToleranceSeconds: '5' },
    { audience: [] },
    { audience: [RECEIVER, ''] },
    { algorithms: [] },
    { algorithms: ['HS256'] },
    { algorithms: 'RS256' },
    { maxTokenBytes: 0 },
    { maxTokenBytes: 65_537 },
    { cacheSize: -1 },
    { cacheSize: Number.POSITIVE_INFINITY },
    { revocation: true },
    { revocation: false },
    { jwks: { keys: 1 } },
    { jwks: [] },
    { jwksUri: 'https://keys.test' },
    { jwks: undefined, jwksUri: 'file:///etc/keys' },
    { jwks: undefined, jwksUri: 'https://user:pass@keys.test' },
    { jwks: undefined, jwksUri: 'keys.test' },
    { jwks: undefined, issuer: 'not a URL' },
    { jwks: undefined, jwksMaxStaleSeconds: 0 },
    { jwks: undefined, fetch: 'fetch' },
    { clock: 1 },
  ]) {
    expect(made(options)).toThrow(expect.objectContaining({ code: 'configuration-invalid' }))
  }
  const options = { ...BASE, audience: SENDER }
  const verifier = createVerifier(options)
  options.audience = RECEIVER
  await expect(verifier.verify(await signToken(ec))).rejects.toMatchObject({
    code: 'token-audience-mismatch',
  })
})

test('a refusal says what was expected, and nothing of the token', async () => {
  const token = await signToken(ec, { ...GOOD_PAYLOAD, secret: 'hush', aud: ['mch_secret'] })
  const error: unknown = await createVerifier(BASE)
    .verify(token)
    .catch((reason: unknown) => reason)
  const said = JSON.stringify({ ...(error as Error), text: String(error) })
  expect(said).toContain(RECEIVER)
  for (const part of [...token.split('.'), 'hush', 'mch_secret', SENDER]) {
    expect(said).not.toContain(part)
  }
})

test('a token may name one of several receivers that are accepted', async () => {
  const token = await signToken(ec)
  expect(await verdict(token, { audience: [SENDER, RECEIVER] })).toBe('accepted')
  expect(await verdict(token, { audience: [SENDER, `${RECEIVER}x`] })).toBe(
    'token-audience-mismatch',
  )
})

test('algorithms are narrowed before a key is looked for', async () => {
  const server = scriptedFetch(json(jwks))
  const { jwks: _, ...remote } = BASE
  const verifier = createVerifier({ ...remote, algorithms: ['ES256'], fetch: server.fetch })
  await expect(verifier.verify(await signToken(rsa))).rejects.toMatchObject({
    code: 'token-algorithm-not-allowed',
  })
  expect(server.sent).toEqual([])
  expect((await verifier.verify(await signToken(ec))).subject).toBe(SENDER)
})

test('a token of 16 KiB is too long unless more is allowed', async () => {
  const token = await signToken(ec, { ...GOOD_PAYLOAD, note: 'a'.repeat(20_000) })
  expect(await verdict(token)).toBe('token-malformed')
  expect(await verdict(token, { maxTokenBytes: 65_536 })).toBe('accepted')
})

test('a token with a status is refused, unless that was turned off', async () => {
  const status = { status_list: { idx: 0, uri: `${TEST_ISSUER}/status/1` } }
  const token = await signToken(ec, { ...GOOD_PAYLOAD, status })
  expect(await verdict(token)).toBe('status-unavailable')
  expect(await verdict(token, { revocation: null })).toBe('accepted')
})

test('warm fetches the keys once, and says when there are none', async () => {
  const server = scriptedFetch(json(jwks))
  const { jwks: _, ...remote } = BASE
  const verifier = createVerifier({ ...remote, revocation: null, fetch: server.fetch })
  await Promise.all([verifier.warm(), verifier.warm()])
  await verifier.verify(await signToken(ec))
  expect(server.sent).toHaveLength(1)

  const down = createVerifier({ ...remote, fetch: () => Promise.reject(new TypeError('down')) })
  await expect(down.warm()).rejects.toMatchObject({ code: 'keys-unavailable' })
  await createVerifier(BASE).warm()
  await expect(createVerifier({ ...BASE, jwks: { keys: [] } }).warm()).rejects.toMatchObject({
    code: 'keys-unavailable',
  })
})

test('work that goes on after an answer is handed to waitUntil', async () => {
  const clock = { now: TEST_NOW_MS }
  const work: Promise<unknown>[] = []
  const server = scriptedFetch(json(jwks), broken('ECONNREFUSED'))
  const { jwks: _, ...remote } = BASE
  const verifier = createVerifier({
    ...remote,
    fetch: server.fetch,
    clock: () => clock.now,
    waitUntil: (promise) => work.push(promise),
  })
  const token = await signToken(ec, { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 3_600 })
  await verifier.verify(token)
  expect(work).toEqual([])
  clock.now += 250_000
  await verifier.verify(token)
  expect(work).toHaveLength(1)
  await expect(work[0]).resolves.toBeUndefined()
  expect(server.sent).toHaveLength(2)
})

test('a token is called expired as late as it is refused', async () => {
  const token = await signToken(ec)
  const read = (clockToleranceSeconds: number, late: number): Promise<M2MToken> => {
    const clock = (): number => TEST_NOW_MS + 60_000 + late
    return createVerifier({ ...BASE, clockToleranceSeconds, clock }).verify(token)
  }
  expect((await read(5, 4_999)).expired).toBe(false)
  expect((await read(60, 59_999)).expired).toBe(false)
})

test('a verifier is ready once it has keys, where no status is checked, and can be closed at any time', async () => {
  for (const revocation of [null, undefined]) {
    const verifier = createVerifier({ ...BASE, revocation })
    verifier.close()
    expect(verifier.isReady()).toBe(false)
    await verifier.verify(await signToken(ec))
    expect(verifier.isReady()).toBe(true)
    verifier.close()
  }
})

test('an audience that is no text is refused by its name', () => {
  expect(() => createVerifier({ ...BASE, audience: undefined as never })).toThrow(
    expect.objectContaining({ expected: 'audience to be a text, texts, or null for any' }),
  )
})
