import { inspect } from 'node:util'
import { type Client, CountersignError, createClient } from 'countersign'
import { createVerifier } from '../../packages/sdk/src/verify/verifier.ts'
import { describe, expect, it } from 'vitest'
import { type Answer, json, scriptedFetch } from '../../packages/sdk/src/testing/scripted-fetch.ts'
import {
  createTestKey,
  encodeBase64url,
  encodePart,
  GOOD_PAYLOAD,
  headerOf,
  instanceSecret,
  machineSecretOf,
  opaqueToken,
  RECEIVER,
  SENDER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
  testId,
  type TestKey,
} from '../../packages/sdk/src/testing/tokens.ts'

/** Somebody between the SDK and its authority, or a sender with a key of their own. */

const SECRET = machineSecretOf(RECEIVER)
const TOKEN_ID = testId('m2mToken', 3)
const TOKEN = opaqueToken(TOKEN_ID)

const GOOD = {
  object: 'machine_to_machine_token',
  id: TOKEN_ID,
  subject: SENDER,
  scopes: [RECEIVER],
  claims: null,
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: TEST_NOW_MS + 60_000,
  created_at: TEST_NOW_MS,
  updated_at: TEST_NOW_MS,
}

function clientOf(...answers: readonly Answer[]): Client {
  return createClient({
    apiUrl: TEST_ISSUER,
    machineSecretKey: SECRET,
    clock: () => TEST_NOW_MS,
    retry: { retries: 0 },
    fetch: scriptedFetch(...answers).fetch,
  })
}

async function refusal(work: Promise<unknown>): Promise<CountersignError> {
  const thrown: unknown = await work.then(
    () => new Error('It was accepted.'),
    (error: unknown) => error,
  )
  if (!(thrown instanceof CountersignError)) throw thrown
  return thrown
}

describe('a liar on the way', () => {
  it.each([
    ['another token', json({ ...GOOD, id: testId('m2mToken', 4) })],
    ['a revoked one', json({ ...GOOD, revoked: true })],
    ['an expired one', json({ ...GOOD, expired: true })],
    ['no word of revocation', json({ ...GOOD, revoked: undefined })],
    ['a text for false', json({ ...GOOD, revoked: 'false' })],
    ['no subject', json({ ...GOOD, subject: '' })],
    ['another object', json({ ...GOOD, object: 'machine' })],
    ['inactive', json({ active: false })],
    ['a list of it', json([GOOD])],
    ['its prototype', () => typed(`{"__proto__":${JSON.stringify(GOOD)}}`)],
    ['nothing', () => typed('')],
    ['no content', () => new Response(null, { status: 204 })],
    ['201', json(GOOD, 201)],
    ['a redirect', json(GOOD, 302, { location: 'https://evil.test' })],
    ['a login page', () => new Response(JSON.stringify(GOOD), { headers: html })],
    ['two megabytes', () => typed(JSON.stringify({ ...GOOD, claims: 'x'.repeat(2_000_000) }))],
    ['invalid UTF-8', () => new Response(Uint8Array.of(0x7b, 0xff, 0x7d), { headers: asJson })],
  ] as const)('cannot answer a check with %s', async (_, answer) => {
    await refusal(clientOf(answer).m2m.verify({ token: TOKEN }))
  })

  it('has nothing of what it says back printed', async () => {
    const echo = {
      code: SECRET,
      message: TOKEN,
      long_message: `${SECRET} ${TOKEN}`,
      meta: { SECRET },
    }
    const body = { errors: [echo], clerk_trace_id: SECRET }
    for (const status of [400, 401, 404, 500, 503]) {
      const error = await refusal(clientOf(json(body, status)).m2m.verify({ token: TOKEN }))
      const printed = inspect(error, { depth: 9, showHidden: true }) + JSON.stringify(error)
      expect(printed).not.toContain(SECRET)
      expect(printed).not.toContain(TOKEN)
    }
  })
})

const html = { 'content-type': 'text/html' }
const asJson = { 'content-type': 'application/json' }

function typed(text: string): Response {
  return new Response(text, { headers: asJson })
}

it('a client prints no key, however it is printed', () => {
  const client = createClient({
    apiUrl: TEST_ISSUER,
    secretKey: instanceSecret(),
    machineSecretKey: SECRET,
  })
  const printed = inspect(client, { depth: 20, showHidden: true }) + JSON.stringify(client)
  expect(printed).not.toContain(SECRET)
  expect(printed).not.toContain(instanceSecret())
})

describe('a sender with a key of their own', () => {
  const options = { issuer: TEST_ISSUER, audience: RECEIVER, clock: () => TEST_NOW_MS }
  const verifierFor = (...keys: TestKey[]) =>
    createVerifier({ ...options, jwks: { keys: keys.map((key) => key.publicJwk) } })

  it('cannot bring it along in the header', async () => {
    const [ours, theirs] = [await createTestKey(), await createTestKey()]
    for (const extra of [
      { jwk: theirs.publicJwk },
      { jku: 'https://evil.test/jwks' },
      { x5u: 'https://evil.test/x5u' },
      { x5c: ['MIIB'] },
    ]) {
      const token = await signToken(theirs, GOOD_PAYLOAD, { ...headerOf(theirs), ...extra })
      await refusal(verifierFor(ours).verify(token))
    }
  })

  it.each(['__proto__', 'constructor', '../key_1', "' OR 1=1", 'key_1\0', 'Key_1', 'кey_1'])(
    'cannot name it %s',
    async (kid) => {
      const [ours, theirs] = [await createTestKey(), await createTestKey('ES256', kid)]
      const error = await refusal(verifierFor(ours).verify(await signToken(theirs)))
      expect(['token-key-unknown', 'token-malformed']).toContain(error.code)
    },
  )

  it('cannot pass a public key off as a shared one (A2)', async () => {
    const ours = await createTestKey('RS256')
    const { subtle } = globalThis.crypto
    const jwk = JSON.stringify(ours.publicJwk)
    for (const alg of ['HS256', 'hs256', 'none', 'None', '', 'RS512', 'PS256', 'ES256', 'rs256']) {
      const input = `${encodePart({ ...headerOf(ours), alg })}.${encodePart(GOOD_PAYLOAD)}`
      const bytes = new TextEncoder()
      const scheme = { name: 'HMAC', hash: 'SHA-256' }
      const key = await subtle.importKey('raw', bytes.encode(jwk), scheme, false, ['sign'])
      const code = new Uint8Array(await subtle.sign('HMAC', key, bytes.encode(input)))
      await refusal(verifierFor(ours).verify(`${input}.${encodeBase64url(code)}`))
      await refusal(verifierFor(ours).verify(`${input}.`))
    }
  })

  it('makes no more than one fetch in 30 s, and does not delay a real new key (A15)', async () => {
    const [ours, next, theirs] = [
      await createTestKey('ES256', 'ours'),
      await createTestKey('ES256', 'next'),
      await createTestKey('ES256', 'theirs'),
    ]
    let nowMs = TEST_NOW_MS
    let published = [ours.publicJwk]
    const network = scriptedFetch(() => typed(JSON.stringify({ keys: published })))
    const clock = (): number => nowMs
    const verifier = createVerifier({ ...options, clock, fetch: network.fetch })
    const late = { ...GOOD_PAYLOAD, exp: TEST_NOW_MS / 1000 + 600 }
    const good = await signToken(ours, late)
    const renewed = await signToken(next, late)
    const bad = await Promise.all(
      Array.from({ length: 200 }, (_, index) =>
        signToken(theirs, late, { ...headerOf(theirs), kid: `kid_${index}` }),
      ),
    )
    await verifier.verify(good)
    published = [ours.publicJwk, next.publicJwk]
    let acceptedAfterMs: number | undefined
    for (let second = 0; second < 120; second++) {
      nowMs = TEST_NOW_MS + second * 1000
      for (const token of bad.slice(0, 20)) await refusal(verifier.verify(token))
      await verifier.verify(good)
      const accepted = await verifier.verify(renewed).then(
        () => true,
        () => false,
      )
      if (accepted) acceptedAfterMs ??= second * 1000
    }
    expect(network.sent.length).toBeLessThanOrEqual(5)
    expect(acceptedAfterMs).toBeLessThanOrEqual(30_000)
  })
})
