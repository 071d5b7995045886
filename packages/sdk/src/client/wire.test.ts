import { type ClerkClient, createClerkClient } from '@clerk/backend'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { machineSecretOf, RECEIVER, SENDER, testId } from '../testing/tokens.ts'
import { type Client, createClient } from './client.ts'

const MACHINE_KEY = machineSecretOf(RECEIVER)
const TOKEN_ID = testId('m2mToken', 3)
const KEY_ID = testId('apiKey', 4)

const machine = {
  object: 'machine',
  id: RECEIVER,
  name: 'api',
  instance_id: 'ins_1',
  created_at: 1,
  updated_at: 2,
  default_token_ttl: 3600,
  scoped_machines: [
    {
      object: 'machine',
      id: SENDER,
      name: 'w',
      instance_id: 'ins_1',
      created_at: 1,
      updated_at: 2,
      default_token_ttl: 60,
    },
  ],
}
const token = {
  object: 'machine_to_machine_token',
  id: TOKEN_ID,
  subject: SENDER,
  scopes: [RECEIVER],
  claims: { camelCase: { in: 'side' } },
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: 4_102_444_800_000,
  last_used_at: null,
  created_at: 1,
  updated_at: 2,
}
const apiKey = {
  object: 'api_key',
  id: KEY_ID,
  type: 'api_key',
  subject: 'user_1',
  name: 'key',
  description: null,
  claims: null,
  scopes: ['a'],
  revoked: false,
  revocation_reason: null,
  expired: false,
  expiration: null,
  created_by: null,
  last_used_at: 5,
  created_at: 1,
  updated_at: 2,
}
const scope = {
  object: 'machine_scope',
  from_machine_id: RECEIVER,
  to_machine_id: SENDER,
  created_at: 1,
}
const listOf = (item: unknown): object => ({ data: [item], total_count: 1 })

/** What the server answers, by method and path without `/v1`. */
const ANSWERS: Readonly<Record<string, readonly [number, unknown]>> = {
  'GET /machines': [200, listOf(machine)],
  'POST /machines': [200, { ...machine, secret_key: 'ak_new' }],
  [`GET /machines/${RECEIVER}`]: [200, machine],
  [`PATCH /machines/${RECEIVER}`]: [200, machine],
  [`DELETE /machines/${RECEIVER}`]: [200, { object: 'machine', id: RECEIVER, deleted: true }],
  [`GET /machines/${RECEIVER}/secret_key`]: [200, { object: 'machine_secret_key', secret: 'ak_s' }],
  [`POST /machines/${RECEIVER}/secret_key/rotate`]: [
    200,
    { object: 'machine_secret_key', secret: 'ak_t' },
  ],
  [`POST /machines/${RECEIVER}/scopes`]: [200, scope],
  'POST /m2m_tokens': [201, { ...token, token: 'mt_secret' }],
  'GET /m2m_tokens': [200, { m2m_tokens: [token], total_count: 1 }],
  'POST /m2m_tokens/verify': [200, token],
  [`POST /m2m_tokens/${TOKEN_ID}/revoke`]: [
    200,
    { ...token, revoked: true, revocation_reason: 'r' },
  ],
  'GET /api_keys': [200, listOf(apiKey)],
  'POST /api_keys': [200, { ...apiKey, secret: 'ak_secret' }],
  [`GET /api_keys/${KEY_ID}`]: [200, apiKey],
  [`PATCH /api_keys/${KEY_ID}`]: [200, apiKey],
  [`DELETE /api_keys/${KEY_ID}`]: [200, { object: 'api_key', id: KEY_ID, deleted: true }],
  [`GET /api_keys/${KEY_ID}/secret`]: [200, { secret: 'ak_secret' }],
  [`POST /api_keys/${KEY_ID}/revoke`]: [200, { ...apiKey, revoked: true }],
  'POST /api_keys/verify': [200, apiKey],
}

interface Seen {
  readonly call: string
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
  readonly authorization: string | undefined
}

const seen: Seen[] = []
const server = createServer((req, res) => {
  void read(req).then((one) => {
    seen.push(one)
    const [status, body] = ANSWERS[one.call] ?? [404, { errors: [] }]
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
})

async function read(req: IncomingMessage): Promise<Seen> {
  let text = ''
  for await (const chunk of req) text += String(chunk)
  const url = new URL(req.url ?? '', 'http://a.test')
  return {
    call: `${req.method} ${url.pathname.replace(/^\/v1/, '')}`,
    query: Object.fromEntries(url.searchParams),
    body: text === '' ? undefined : (JSON.parse(text) as unknown),
    authorization: req.headers.authorization,
  }
}

let ours: Client
let clerk: Client

beforeAll(async () => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const options = { apiUrl, secretKey: 'sk_test_1', machineSecretKey: MACHINE_KEY }
  ours = createClient(options)
  clerk = createClerkClient({ ...options, telemetry: { disabled: true } }) as unknown as Client
})

afterAll(() => server.close())

// That this compiles says that code which was written for Clerk's client compiles with ours: every call,
// every parameter and every member of a result. The two deletions are left out, whose results Clerk
// declares as what they are not.
type Methods<Api, Name extends keyof Api> = Pick<Api, Name>
export const asClerk = (
  client: Client,
): {
  m2m: Methods<ClerkClient['m2m'], 'createToken' | 'list' | 'revokeToken' | 'verify'>
  machines: Methods<
    ClerkClient['machines'],
    | 'list'
    | 'create'
    | 'get'
    | 'update'
    | 'getSecretKey'
    | 'rotateSecretKey'
    | 'createScope'
    | 'deleteScope'
  >
  apiKeys: Methods<
    ClerkClient['apiKeys'],
    'list' | 'create' | 'get' | 'update' | 'delete' | 'getSecret' | 'revoke' | 'verify'
  >
} => client

const CALLS: readonly (readonly [string, (client: Client) => Promise<unknown>])[] = [
  ['machines.list', (c) => c.machines.list({ query: 'svc', orderBy: '-name', limit: 3 })],
  [
    'machines.create',
    (c) => c.machines.create({ name: 'a', scopedMachines: [SENDER], defaultTokenTtl: 600 }),
  ],
  ['machines.get', (c) => c.machines.get(RECEIVER)],
  [
    'machines.update',
    (c) => c.machines.update({ machineId: RECEIVER, name: 'b', defaultTokenTtl: 60 }),
  ],
  ['machines.delete', (c) => c.machines.delete(RECEIVER)],
  ['machines.getSecretKey', (c) => c.machines.getSecretKey(RECEIVER)],
  [
    'machines.rotateSecretKey',
    (c) => c.machines.rotateSecretKey({ machineId: RECEIVER, previousTokenTtl: 0 }),
  ],
  ['machines.createScope', (c) => c.machines.createScope(RECEIVER, SENDER)],
  ['m2m.createToken()', (c) => c.m2m.createToken()],
  [
    'm2m.createToken(all)',
    (c) =>
      c.m2m.createToken({
        tokenFormat: 'jwt',
        secondsUntilExpiration: 60,
        claims: { fooBar: { inSide: 1 } },
        minRemainingTtlSeconds: 30,
      }),
  ],
  ['m2m.createToken(another key)', (c) => c.m2m.createToken({ machineSecretKey: 'ak_other' })],
  ['m2m.list', (c) => c.m2m.list({ subject: SENDER, revoked: true, limit: 5 })],
  ['m2m.verify', (c) => c.m2m.verify({ token: 'mt_abc', machineSecretKey: 'ak_clerks' })],
  ['m2m.revokeToken', (c) => c.m2m.revokeToken({ m2mTokenId: TOKEN_ID, revocationReason: 'r' })],
  ['m2m.revokeToken without a reason', (c) => c.m2m.revokeToken({ m2mTokenId: TOKEN_ID })],
  [
    'apiKeys.list',
    (c) => c.apiKeys.list({ subject: 'user_1', includeInvalid: true, limit: 2, offset: 4 }),
  ],
  [
    'apiKeys.create',
    (c) =>
      c.apiKeys.create({
        name: 'key',
        subject: 'user_1',
        description: 'd',
        claims: { aB: 1 },
        scopes: ['a'],
        createdBy: 'user_2',
        secondsUntilExpiration: 9,
      }),
  ],
  ['apiKeys.get', (c) => c.apiKeys.get(KEY_ID)],
  [
    'apiKeys.update',
    (c) => c.apiKeys.update({ apiKeyId: KEY_ID, subject: 'user_1', scopes: ['b'] }),
  ],
  ['apiKeys.delete', (c) => c.apiKeys.delete(KEY_ID)],
  ['apiKeys.getSecret', (c) => c.apiKeys.getSecret(KEY_ID)],
  ['apiKeys.revoke', (c) => c.apiKeys.revoke({ apiKeyId: KEY_ID, revocationReason: 'r' })],
  ['apiKeys.verify', (c) => c.apiKeys.verify('ak_secret')],
]

/** As the data that it is: classes and absent members aside. */
const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe.each(CALLS)('%s', (_, call) => {
  test('sends what Clerk’s client sends, and gives what it gives', async () => {
    seen.length = 0
    const [theirs, mine] = [plain(await call(clerk)), plain(await call(ours))]
    expect(seen).toHaveLength(2)
    expect(seen[1]).toEqual(seen[0])
    expect(withoutAdditions(mine)).toEqual(withoutAdditions(theirs))
  })
})

/**
 * `jwtAlgorithm` and `stateless` are ours alone. Of a deleted object Clerk gives `slug` as absent or null, and of the
 * machines within a machine no scopes where ours gives an empty list.
 */
function withoutAdditions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutAdditions)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(
    ([name, member]) =>
      !['jwtAlgorithm', 'stateless', 'slug'].includes(name) &&
      !(name === 'scopedMachines' && Array.isArray(member) && member.length === 0),
  )
  return Object.fromEntries(kept.map(([name, member]) => [name, withoutAdditions(member)]))
}

test('beyond Clerk: receivers of one token, and the algorithm of one machine', async () => {
  seen.length = 0
  await ours.m2m.createToken({ scopes: [RECEIVER] })
  await ours.machines.update({ machineId: RECEIVER, jwtAlgorithm: null })
  await ours.machines.create({ name: 'a', jwtAlgorithm: 'ES256' })
  expect(seen.map(({ body }) => body)).toEqual([
    { token_format: 'opaque', seconds_until_expiration: null, claims: null, scopes: [RECEIVER] },
    { jwt_algorithm: null },
    { name: 'a', jwt_algorithm: 'ES256' },
  ])
})

test('a scope that is not the one asked for is not taken for it', async () => {
  await expect(ours.machines.createScope(RECEIVER, RECEIVER)).rejects.toMatchObject({
    code: 'answer-unexpected',
  })
})
