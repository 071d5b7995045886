import { createAuthenticator, createClient, createVerifier, isCountersignError } from 'countersign'
import { describe, expect, test } from 'vitest'
import { requestWith } from '../../../packages/sdk/src/testing/requests.ts'
import {
  deflated,
  LIST_URI,
  listAnswer,
  type ListContent,
  signStatusList,
  statusOf,
} from '../../../packages/sdk/src/testing/status-lists.ts'
import {
  createTestKey,
  GOOD_PAYLOAD,
  headerOf,
  machineSecretOf,
  RECEIVER,
  signToken,
  TEST_ISSUER,
  TEST_NOW_MS,
} from '../../../packages/sdk/src/testing/tokens.ts'

/** Attacks by way of status lists, at every door. The token itself is good. */

const key = await createTestKey('ES256', 'key')
const stranger = await createTestKey('ES256', 'key')
const NOW = TEST_NOW_MS / 1000

type Serve = (url: string) => Response | Promise<Response>

/** What each door says of a token; one word when they agree. */
const verdict = async (token: string, serve: Serve, asked: string[] = []): Promise<string> => {
  const common = {
    jwks: { keys: [key.publicJwk] },
    clock: () => TEST_NOW_MS,
    fetch: async (url: string) => {
      asked.push(url)
      return serve(url)
    },
  }
  const machine = { apiUrl: TEST_ISSUER, machineSecretKey: machineSecretOf(RECEIVER) }
  const codeOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => 'accepted',
      (error: unknown) => (isCountersignError(error) ? error.code : String(error)),
    )
  const { authenticate } = createAuthenticator({ ...machine, ...common })
  const state = await authenticate(requestWith(`Bearer ${token}`), { acceptsToken: 'm2m_token' })
  const verdicts = new Set([
    await codeOf(
      createVerifier({ issuer: TEST_ISSUER, audience: RECEIVER, ...common }).verify(token),
    ),
    await codeOf(createClient({ ...machine, ...common }).m2m.verify({ token })),
    state.isAuthenticated ? 'accepted' : (state.error?.code ?? 'refused'),
  ])
  return [...verdicts].join(' and ')
}

const tokenAt = (idx: unknown, uri: unknown = LIST_URI): Promise<string> =>
  signToken(key, { ...GOOD_PAYLOAD, status: statusOf(idx, uri) })

const token = await tokenAt(3)

const serving =
  (content: ListContent, by = key): Serve =>
  async () =>
    listAnswer(await signStatusList(by, content))

test('the list as it should be says what it says', async () => {
  expect(await verdict(token, serving({}))).toBe('accepted')
  expect(await verdict(token, serving({ revoked: [3] }))).toBe('token-revoked')
})

describe('a list that is', () => {
  const payload = (members: object): ListContent => ({ payload: { ...members } })
  test.each<[string, ListContent]>([
    ['older than its exp', payload({ iat: NOW - 4_000, exp: NOW - 400 })],
    ['from the future', payload({ iat: NOW + 60 })],
    ['of another issuer', payload({ iss: 'https://other.test' })],
    ['about another address', payload({ sub: `${LIST_URI}2` })],
    ['about no address', payload({ sub: undefined })],
    ['of another type', { header: { typ: 'JWT' } }],
    ['of no type', { header: { typ: undefined } }],
    ['of the class of machine tokens', { header: { cat: 'cl_B7d4PD333AAA' } }],
    ['without an age', payload({ iat: undefined })],
    ['of three bits', payload({ status_list: { bits: 3, lst: 'eNrbuRgAAhcBXQ' } })],
    ['not deflated', payload({ status_list: { bits: 1, lst: 'AAAA' } })],
    ['not base64url', payload({ status_list: { bits: 1, lst: 'eNrb+/==' } })],
    ['cut short in its deflate', payload({ status_list: { bits: 1, lst: 'eNrbuRg' } })],
    ['without statuses', payload({ status_list: {} })],
  ])('%s says nothing, and the token is refused', async (_, content) => {
    expect(await verdict(token, serving(content))).toBe('status-unavailable')
  })

  test('signed by a key of somebody else under the same name', async () => {
    expect(await verdict(token, serving({}, stranger))).toBe('status-unavailable')
  })

  test('truncated', async () => {
    const list = await signStatusList(key)
    for (const text of [list.slice(0, -4), list.split('.').slice(0, 2).join('.'), '', 'x']) {
      expect(await verdict(token, () => listAnswer(text))).toBe('status-unavailable')
    }
  })

  test('a zlib bomb', async () => {
    const lst = await deflated(new Uint8Array(64 * 1_048_576))
    const content = { payload: { status_list: { bits: 1, lst } } }
    expect(await verdict(token, serving(content))).toBe('status-unavailable')
  })

  test('shorter than the place of the token', async () => {
    expect(await verdict(await tokenAt(64), serving({}))).toBe('token-claim-invalid')
  })
})

test.each([-1, 1.5, '3', null, [3], 2 ** 53])('a place that is %j', async (idx) => {
  const asked: string[] = []
  expect(await verdict(await tokenAt(idx), serving({}), asked)).toBe('token-claim-invalid')
  expect(asked).toEqual([])
})

test.each([
  'https://evil.test/list',
  `${TEST_ISSUER}.evil.test/list`,
  `${TEST_ISSUER}@evil.test/list`,
  `${TEST_ISSUER}/a/../../b`,
  `${TEST_ISSUER}/a?b`,
  'http://169.254.169.254/latest',
  'file:///etc/passwd',
  '//evil.test/list',
  '',
  7,
])('a list that is somewhere else is not asked for: %j', async (uri) => {
  const asked: string[] = []
  expect(await verdict(await tokenAt(3, uri), serving({}), asked)).toBe('token-claim-invalid')
  expect(asked).toEqual([])
})

test.each([1, 'x', [], {}, { status_list: [] }, { status_list: { idx: 3 } }, null])(
  'a status of another shape: %j',
  async (status) => {
    const odd = await signToken(key, { ...GOOD_PAYLOAD, status })
    expect(await verdict(odd, serving({}))).toBe('token-claim-invalid')
  },
)

const list = await signStatusList(key)

describe('an answer that is', () => {
  test.each<[string, Serve]>([
    ['HTML', () => listAnswer('<html>', 'text/html')],
    ['a list by another media type', () => listAnswer(list, 'application/jwt')],
    ['JSON', () => listAnswer('{}', 'application/json')],
    ['empty', () => new Response(null, { status: 204 })],
    ['not modified', () => new Response(null, { status: 304 })],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: '/' } })],
    ['an error', () => new Response(list, { status: 500 })],
    ['too large', () => listAnswer('A'.repeat(300_000))],
    ['a machine token', async () => listAnswer(await tokenAt(1))],
    ['broken off', () => Promise.reject(new TypeError('reset'))],
  ])('%s says nothing', async (_, serve) => {
    expect(await verdict(token, serve)).toBe('status-unavailable')
  })
})

test('a list offered as a machine token', async () => {
  expect(await verdict(await signStatusList(key), serving({}))).toBe('token-class-mismatch')
})

test('an invalid token costs no fetch of a list', async () => {
  const asked: string[] = []
  const members = { ...GOOD_PAYLOAD, status: statusOf(3) }
  for (const odd of [
    await signToken(stranger, members),
    await signToken(key, { ...members, exp: NOW - 60 }),
    await signToken(key, { ...members, aud: ['mch_other'] }),
    await signToken(key, members, { ...headerOf(key), typ: 'at+jwt' }),
  ]) {
    expect(await verdict(odd, serving({}), asked)).not.toBe('accepted')
  }
  expect(asked).toEqual([])
})
