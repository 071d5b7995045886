import {
  authenticateRequest,
  type Client,
  createAuthenticator,
  createClient,
  createTokenSource,
  createVerifier,
  type Machine,
  verifyM2MJwt,
  verifyM2MToken,
} from 'countersign'
import { countersignMiddleware as express } from 'countersign/express'
import { countersignPlugin, requireMachine } from 'countersign/fastify'
import { countersignMiddleware as h3 } from 'countersign/h3'
import { protectMcpServer } from 'countersign/mcp-server'
import { withCountersign } from 'countersign/node'
import { requireMachine as guarded, withCountersign as around } from 'countersign/workers'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** One wrong letter in the option that says who may pass: nobody passes, and the app does not start. */

let authority: TestAuthority
let admin: Client
let api: Machine
/** Tokens of a machine that may call another one, in both formats. */
let tokens: readonly string[]

beforeAll(async () => {
  authority = await startTestAuthority()
  admin = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  api = await admin.machines.create({ name: 'api' })
  const other = await admin.machines.create({ name: 'other' })
  const worker = await admin.machines.create({ name: 'worker', scopedMachines: [other.id] })
  const { m2m } = createClient({ apiUrl: authority.url, machineSecretKey: worker.secretKey })
  const made = [await m2m.createToken({ tokenFormat: 'jwt' }), await m2m.createToken()]
  tokens = made.map(({ token = '' }) => token)
})

afterAll(() => authority.close())

/** An app with the instance's key, which alone verifies for every receiver. */
const settings = (more: object) => ({
  env: { COUNTERSIGN_URL: authority.url, COUNTERSIGN_SECRET_KEY: authority.secretKey },
  ...more,
})

const refusal = (naming: string): unknown =>
  expect.objectContaining({
    code: 'configuration-invalid',
    message: expect.stringContaining(naming) as string,
  })

describe('who is meant by a token', () => {
  test('is judged where audience is spelt right', async () => {
    const worker = around(
      guarded()(() => new Response('in')),
      settings({ audience: api.id }),
    )
    for (const token of tokens) {
      const headers = { authorization: `Bearer ${token}` }
      expect((await worker(new Request('https://app.test/', { headers }))).status).toBe(401)
    }
  })

  test('is not left open by another word than audience', async () => {
    const wrong = settings({ audiance: api.id })
    const named = refusal('audiance')
    expect(() => express(wrong)).toThrow(named)
    expect(() => h3(wrong)).toThrow(named)
    expect(() => withCountersign(() => undefined, wrong)).toThrow(named)
    const app = fastify()
    await expect(app.register(countersignPlugin, wrong)).rejects.toEqual(named)
    const worker = around(
      guarded()(() => new Response('in')),
      wrong,
    )
    for (const token of tokens) {
      const headers = { authorization: `Bearer ${token}` }
      expect(() => worker(new Request('https://app.test/', { headers }))).toThrow(named)
    }
  })

  test('is not left open by a variable that is not set', () => {
    const unset: Readonly<Record<string, string>> = {}
    const wrong = settings({ audience: unset['MACHINE_ID'] })
    expect(() => express(wrong)).toThrow(refusal('audience'))
    expect(() => express(settings({ audience: null }))).not.toThrow()
    expect(() => express({ ...wrong, machineSecretKey: api.secretKey })).not.toThrow()
  })
})

describe('without a framework, too, an option that nobody knows is refused by its name', () => {
  const issuer = 'https://authority.test'
  const apiUrl = issuer
  const request = new Request('https://app.test/')
  const session = { issuer, audience: null, authorizedParties: null }
  const oauth = { issuer, audience: null }
  // What the types forbid: not everybody has them, and a spread hides it from them.
  const doors: Readonly<Record<string, (more: object) => unknown>> = {
    createClient: (more) => createClient({ apiUrl, ...more }),
    verifyM2MToken: (more) => verifyM2MToken(tokens[0] ?? '', { apiUrl, ...more }),
    createAuthenticator: (more) => createAuthenticator({ apiUrl, ...more }),
    authenticateRequest: (more) => authenticateRequest(request, { apiUrl, ...more }),
    createVerifier: (more) => createVerifier({ issuer, audience: null, ...more }),
    verifyM2MJwt: (more) => verifyM2MJwt(tokens[0] ?? '', { issuer, audience: null, ...more }),
    createTokenSource: (more) =>
      createTokenSource({ apiUrl, machineSecretKey: api.secretKey, ...more }),
    tokenSource: (more) =>
      createClient({ apiUrl, machineSecretKey: api.secretKey }).tokenSource({ ...more }),
    session: (more) => createAuthenticator({ apiUrl, session: { ...session, ...more } }),
    oauth: (more) => createAuthenticator({ apiUrl, oauth: { ...oauth, ...more } }),
    revocation: (more) => createClient({ apiUrl, revocation: more }),
    retry: (more) => createClient({ apiUrl, retry: more }),
  }

  test.each(Object.entries(doors))('by %s', async (_, open) => {
    for (const name of ['audiance', 'scope', 'authorizedPartys', 'whenUnavailible', '__proto_']) {
      await expect((async () => open({ [name]: [api.id] }))()).rejects.toEqual(refusal(name))
    }
  })

  test('where it is an option of something else', () => {
    expect(() => doors['createAuthenticator']?.({ authorizedParties: [] })).toThrow(
      refusal('authorizedParties'),
    )
    expect(() => doors['createClient']?.({ session })).toThrow(refusal('session'))
    expect(() => doors['tokenSource']?.({ timeoutMs: 1 })).toThrow(refusal('timeoutMs'))
  })
})

test.each(['form', 'requiredScope', 'audiance', '__proto_'])(
  'a server of tools is not left open by %s',
  (name) => {
    const options = {
      resource: 'https://tools.test/mcp',
      machineSecretKey: api.secretKey,
      env: { COUNTERSIGN_URL: authority.url },
    }
    expect(() => protectMcpServer(options)).not.toThrow()
    expect(() => protectMcpServer({ ...options, [name]: [api.id] })).toThrow(refusal(name))
  },
)

test('what Fastify takes for itself is no mistake', async () => {
  const app = fastify()
  await app.register(countersignPlugin, {
    ...settings({ audience: api.id }),
    prefix: '/v1',
    logLevel: 'warn',
  })
  app.get('/', { onRequest: requireMachine() }, () => 'in')
  const headers = { authorization: `Bearer ${tokens[0]}` }
  expect((await app.inject({ url: '/', headers })).statusCode).toBe(401)
  await app.close()
})
