import { createClient } from 'countersign'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { createTestClock } from '../support/clock.ts'

/** Whoever finds a credential ends it by saying so; whoever guesses learns nothing. */

const clock = createTestClock()
let authority: TestAuthority
let machineId: string
let machineKey: string

beforeAll(async () => {
  authority = await startTestAuthority({ clock })
  const machine = await owner().machines.create({ name: 'worker' })
  machineId = machine.id
  machineKey = machine.secretKey ?? ''
})

afterAll(() => authority.close())

const owner = () => createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
const worker = () => createClient({ apiUrl: authority.url, machineSecretKey: machineKey })

const report = async (credentials: unknown, more: object = {}) => {
  // A minute later, so that no other test has used up what may be reported.
  clock.advance(60_000)
  const answer = await fetch(`${authority.url}/v1/leaked-credentials`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ credentials, ...more }),
  })
  const headers = [...answer.headers].filter(([name]) => name !== 'date')
  return { status: answer.status, text: await answer.text(), headers }
}

const entries = async () => {
  const log = await authority.store.auditLog(0, 10_000)
  return log
    .map(({ entry }) => JSON.parse(entry) as { action: string; target: string; details: object })
    .filter(({ action }) => action === 'credential.leaked')
}

describe('a live credential that is reported', () => {
  test.each(['opaque', 'jwt'] as const)(
    'as a token (%s) is revoked, and its owner is told',
    async (tokenFormat) => {
      const { id, token = '' } = await worker().m2m.createToken({ tokenFormat })
      expect((await report([token], { source: 'a test', url: 'https://x.test' })).status).toBe(202)
      const verify = await call(authority, 'POST', '/m2m_tokens/verify', authority.secretKey, {
        token,
      })
      expect(verify.status).toBe(404)
      expect((await entries()).at(-1)).toMatchObject({
        target: id,
        details: { kind: 'm2m_token', done: 'revoked', source: 'a test', url: 'https://x.test' },
      })
    },
  )

  test('as an API key is revoked', async () => {
    const key = await owner().apiKeys.create({ name: 'key', subject: machineId })
    await report([key.secret])
    expect((await owner().apiKeys.get(key.id)).revoked).toBe(true)
  })

  test('as a secret of a machine is reported, and goes on working unless it is set otherwise', async () => {
    await report([machineKey])
    expect((await entries()).at(-1)).toMatchObject({
      target: machineId,
      details: { kind: 'machine_secret', done: 'reported', version: 1 },
    })
    await worker().m2m.createToken()
  })

  test('as the key of the instance is reported', async () => {
    await report([authority.secretKey])
    expect((await entries()).at(-1)).toMatchObject({ details: { kind: 'instance_key' } })
    await owner().machines.list()
  })
})

test('a secret of a machine is ended where that is set, that version alone, and its service stops', async () => {
  await using strict = await startTestAuthority({ leakedMachineSecrets: 'revoke' })
  const admin = createClient({ apiUrl: strict.url, secretKey: strict.secretKey })
  const { id, secretKey: first = '' } = await admin.machines.create({ name: 'strict' })
  const { secret: second } = await admin.machines.rotateSecretKey({
    machineId: id,
    previousTokenTtl: 3600,
  })
  const mint = (machineSecretKey: string) =>
    createClient({ apiUrl: strict.url, machineSecretKey }).m2m.createToken()
  await mint(first)
  const body = JSON.stringify({ credentials: [first] })
  const headers = { 'content-type': 'application/json' }
  await fetch(`${strict.url}/v1/leaked-credentials`, { method: 'POST', headers, body })
  await expect(mint(first)).rejects.toMatchObject({ status: 401 })
  await mint(second)
  const log = (await strict.store.auditLog(0, 100)).map(({ entry }) => JSON.parse(entry))
  expect(log).toContainEqual(
    expect.objectContaining({
      action: 'machine_secret.ended',
      target: id,
      by: expect.objectContaining({ kind: 'stranger' }),
      details: { versions: [1] },
    }),
  )
})

test('every credential that is issued fits the one published pattern of its prefix', async () => {
  const answer = await fetch(`${authority.url}/.well-known/credential-patterns`)
  expect(answer.headers.get('cache-control')).toContain('public')
  const { patterns } = (await answer.json()) as { patterns: { kind: string; pattern: string }[] }
  const { token = '' } = await worker().m2m.createToken()
  const key = await owner().apiKeys.create({ name: 'fits', subject: machineId })
  const issued = [token, machineKey, key.secret ?? '', authority.secretKey]
  const fitting = issued.map((text) =>
    patterns
      .filter(({ pattern }) => new RegExp(`^(?:${pattern})$`).test(text))
      .map(({ kind }) => kind),
  )
  expect(fitting).toEqual([['m2m-token'], ['machine-secret'], ['api-key'], ['instance-secret']])
})

test('the answer is the same for what is live, dead, of somebody else, and nothing at all', async () => {
  await using other = await startTestAuthority()
  const { token: live = '' } = await worker().m2m.createToken()
  const { token: dead = '', id } = await worker().m2m.createToken()
  await owner().m2m.revokeToken({ m2mTokenId: id })
  const answers = []
  for (const text of [live, dead, live, other.secretKey, 'mt_garbage', 'x', 'a.b.c', 'sk_test_x']) {
    answers.push(await report([text]))
  }
  for (const answer of answers) expect(answer).toEqual(answers[0])
  expect(answers[0]?.status).toBe(202)
})

test('no credential is in the audit log, and what is not live is not in it at all', async () => {
  const { token = '' } = await worker().m2m.createToken()
  await report([token, 'mt_garbage', token])
  const before = (await entries()).length
  await report([token])
  expect(await entries()).toHaveLength(before)
  const log = await authority.store.auditLog(0, 10_000)
  expect(JSON.stringify(log.map(({ entry }) => entry))).not.toContain(token)
})

test.each([undefined, [], [1], 'text', Array.from({ length: 101 }, () => 'x'), ['']])(
  'a report that is none is refused: %#',
  async (credentials) => {
    expect((await report(credentials)).status).toBe(400)
  },
)

test('a flood of guesses is held back, and others may report soon again', async () => {
  clock.advance(60_000)
  const statuses: number[] = []
  for (let time = 0; time < 40; time++) {
    const answer = await fetch(`${authority.url}/leaked-credentials`, {
      method: 'POST',
      body: JSON.stringify({ credentials: ['mt_x'] }),
      headers: { 'content-type': 'application/json' },
    })
    statuses.push(answer.status)
    if (answer.status === 429) expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
  }
  expect(statuses.slice(0, 30)).toEqual(Array.from({ length: 30 }, () => 202))
  expect(statuses.slice(30)).toEqual(Array.from({ length: 10 }, () => 429))
  expect((await report(['mt_x'])).status).toBe(202)
})
