import { createClient, createVerifier, isCountersignError, type Machine } from 'countersign'
import { StatusList } from '@sd-jwt/jwt-status-list'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'

/** From end to end: a real authority behind a socket, a verifier of the SDK, one clock for both. */

let authority: TestAuthority
let clock: TestClock
let api: Machine
let worker: Machine

beforeEach(async () => {
  clock = createTestClock()
  authority = await startTestAuthority({ clock })
  api = await owner().machines.create({ name: 'api' })
  worker = await owner().machines.create({ name: 'worker', scopedMachines: [api.id] })
})

afterEach(() => authority.close())

const owner = () => createClient({ apiUrl: authority.url, secretKey: authority.secretKey })

const mint = async (machine: Machine = worker): Promise<{ id: string; token: string }> => {
  const { m2m } = createClient({ apiUrl: authority.url, machineSecretKey: machine.secretKey })
  const { id, token = '' } = await m2m.createToken({
    tokenFormat: 'jwt',
    secondsUntilExpiration: 86_400,
  })
  return { id, token }
}

const startedVerifier = (revocation: object = {}) => {
  const asked: string[] = []
  const beside: Promise<unknown>[] = []
  const verifier = createVerifier({
    issuer: authority.url,
    audience: api.id,
    revocation,
    clock: () => clock.now(),
    fetch: (url, init) => {
      asked.push(url.slice(authority.url.length))
      return fetch(url, init)
    },
    waitUntil: (work) => beside.push(work),
  })
  const verdict = async ({ token }: { readonly token: string }): Promise<string> => {
    try {
      await verifier.verify(token)
      return 'accepted'
    } catch (error) {
      return isCountersignError(error) ? error.code : String(error)
    }
  }
  return { verifier, asked, verdict, settle: () => Promise.all(beside.splice(0)) }
}

test('a JWT is refused within the ttl of its list after it is revoked, and no verification makes a call', async () => {
  const { verdict, asked, settle } = startedVerifier()
  const [doomed, other] = [await mint(), await mint()]
  expect(await verdict(doomed)).toBe('accepted')
  const before = asked.length
  for (let round = 0; round < 1_000; round++) {
    expect(await verdict(round % 2 === 0 ? doomed : other)).toBe('accepted')
  }
  expect(asked).toHaveLength(before)
  await owner().m2m.revokeToken({ m2mTokenId: doomed.id })
  for (let second = 0; second < 15; second++) {
    clock.advance(1_000)
    await verdict(doomed)
    await settle()
  }
  expect(await verdict(doomed)).toBe('token-revoked')
  expect(await verdict(other)).toBe('accepted')
  expect(asked.length - before).toBeLessThanOrEqual(2)
})

describe.each([
  ['its machine', () => ({ machineId: worker.id })],
  ['the version of its machine’s secret', () => ({ machineId: worker.id, secretVersion: 1 })],
  [
    'the time when it was made',
    () => ({ machineId: worker.id, issuedBefore: clock.now() + 1_000 }),
  ],
  ['its receiver', () => ({ receiverId: api.id })],
  ['the instance', () => ({ entireInstance: true })],
])('all tokens are revoked by %s', (_, predicate) => {
  test('and the verifier refuses them when the ttl is over', async () => {
    const { verdict } = startedVerifier()
    const tokens = [await mint(), await mint()]
    for (const token of tokens) expect(await verdict(token)).toBe('accepted')
    expect((await owner().m2m.revokeTokens(predicate())).count).toBe(2)
    clock.advance(15_000)
    for (const token of tokens) expect(await verdict(token)).toBe('token-revoked')
    clock.advance(1_000)
    expect(await verdict(await mint())).toBe('accepted')
  })
})

test('tokens of a deleted machine, and of a scope that was removed with its tokens, are refused too', async () => {
  const { verdict } = startedVerifier()
  const other = await owner().machines.create({ name: 'other', scopedMachines: [api.id] })
  const tokens = [await mint(), await mint(other)]
  for (const token of tokens) expect(await verdict(token)).toBe('accepted')
  await owner().machines.delete(worker.id)
  await owner().machines.deleteScope(other.id, api.id, { applyToLiveTokens: true })
  clock.advance(15_000)
  for (const token of tokens) expect(await verdict(token)).toBe('token-revoked')
})

test('with the authority gone tokens are accepted until their list is too old, then refused', async () => {
  const patient = startedVerifier()
  const lenient = startedVerifier({ maxStaleSeconds: 60, whenUnavailable: 'accept' })
  const token = await mint()
  for (const { verdict } of [patient, lenient]) expect(await verdict(token)).toBe('accepted')
  await authority.close()
  for (let time = 0; time < 12; time++) {
    clock.advance(23_000)
    expect(await patient.verdict(token)).toBe('accepted')
    await patient.settle()
  }
  clock.advance(24_000)
  expect(await patient.verdict(token)).toBe('status-unavailable')
  expect(patient.verifier.isReady()).toBe(false)
  expect(await lenient.verdict(token)).toBe('accepted')
  const late = startedVerifier()
  expect(await late.verdict(token)).toBe('keys-unavailable')
  await expect(late.verifier.warm()).rejects.toMatchObject({ code: 'keys-unavailable' })
  expect(late.verifier.isReady()).toBe(false)
})

test('with push a revocation is known after the next beat of the authority', async () => {
  const { verifier, verdict, asked, settle } = startedVerifier({ push: true })
  const token = await mint()
  expect(await verdict(token)).toBe('accepted')
  await expect
    .poll(() => asked.filter((path) => path === '/.well-known/status-events'))
    .toHaveLength(1)
  await owner().m2m.revokeToken({ m2mTokenId: token.id })
  // The clock stands still: no list grows old, so it is the event that brings it.
  await expect
    .poll(
      async () => {
        await authority.tick()
        await settle()
        return verdict(token)
      },
      { timeout: 10_000 },
    )
    .toBe('token-revoked')
  verifier.close()
})

test('a warmed verifier needs no call for its first token', async () => {
  const token = await mint()
  const { verifier, verdict, asked } = startedVerifier()
  await verifier.warm()
  const before = asked.length
  expect(await verdict(token)).toBe('accepted')
  expect(asked).toHaveLength(before)
})

test('another reader of status lists finds the same', async () => {
  const tokens = await Promise.all(Array.from({ length: 8 }, () => mint()))
  for (const { id } of tokens.slice(0, 4)) await owner().m2m.revokeToken({ m2mTokenId: id })
  const references = tokens.map(
    ({ token }) =>
      decodeJwt<{ status: { status_list: { idx: number; uri: string } } }>(token).status,
  )
  const [first] = references
  const text = await (await fetch(first?.status_list.uri ?? '')).text()
  const { status_list: list } = decodeJwt<{ status_list: { bits: 1; lst: string } }>(text)
  const read = StatusList.decompressStatusList(list.lst, list.bits)
  expect(references.map(({ status_list: { idx } }) => read.getStatus(idx))).toEqual([
    1, 1, 1, 1, 0, 0, 0, 0,
  ])
})
