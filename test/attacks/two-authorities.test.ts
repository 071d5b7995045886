import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** Two authorities on one SQLite file: what one has acknowledged holds at the other (A20, R12, R14). */

let folder: string
let one: TestAuthority
let other: TestAuthority
let api: { readonly id: string; readonly secret: string }

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-'))
  const storage = join(folder, 'countersign.db')
  one = await startTestAuthority({ storage, publicUrl: 'https://authority.test' })
  other = await startTestAuthority({ storage, publicUrl: 'https://authority.test' })
  api = await createMachine('api')
})

afterAll(async () => {
  await other.close()
  await one.close()
  await rm(folder, { recursive: true })
})

async function createMachine(
  name: string,
  scopes: string[] = [],
): Promise<{ id: string; secret: string }> {
  const body = { name, scoped_machines: scopes }
  const answer = await call(one, 'POST', '/v1/machines', one.secretKey, body)
  return { id: answer.body['id'] as string, secret: answer.body['secret_key'] as string }
}

const administer = (at: TestAuthority, method: string, path: string, body?: object) =>
  call(at, method, path, one.secretKey, body)

const issue = (at: TestAuthority, secret: string, format: string) =>
  call(at, 'POST', '/m2m_tokens', secret, { token_format: format })

async function isGood(at: TestAuthority, token: unknown): Promise<boolean> {
  return (await call(at, 'POST', '/m2m_tokens/verify', api.secret, { token })).status === 200
}

describe('two authorities on one database', () => {
  it('rotate/rotate: of many new secrets without grace exactly one works', async () => {
    const { id } = await createMachine('rotated', [api.id])
    const path = `/v1/machines/${id}/secret_key/rotate`
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, turn) =>
        administer(turn % 2 === 0 ? one : other, 'POST', path, { previous_token_ttl: 0 }),
      ),
    )
    expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
    const secrets = answers
      .filter(({ status }) => status === 200)
      .map(({ body }) => body['secret'] as string)
    expect(new Set(secrets).size).toBe(secrets.length)
    const uses = await Promise.all(secrets.map((secret) => issue(other, secret, 'opaque')))
    expect(uses.filter(({ status }) => status === 201)).toHaveLength(1)
  })

  it('revoke/verify: no check that begins after the answer finds the token good', async () => {
    const worker = await createMachine('revoking', [api.id])
    for (let round = 0; round < 25; round++) {
      const { body } = await issue(one, worker.secret, 'opaque')
      const { id, token } = body
      const before = Promise.all([isGood(one, token), isGood(other, token)])
      await call(one, 'POST', `/m2m_tokens/${String(id)}/revoke`, worker.secret, {})
      expect([await isGood(other, token), await isGood(one, token)]).toEqual([false, false])
      await before
    }
  })

  it('revoke/revoke: the first reason stands for both', async () => {
    const worker = await createMachine('revoking twice', [api.id])
    const { body } = await issue(one, worker.secret, 'opaque')
    const path = `/m2m_tokens/${String(body['id'])}/revoke`
    const answers = await Promise.all(
      ['a', 'b', 'c', 'd'].map((reason, turn) =>
        administer(turn % 2 === 0 ? one : other, 'POST', path, { revocation_reason: reason }),
      ),
    )
    expect(new Set(answers.map((answer) => answer.body['revocation_reason'])).size).toBe(1)
  })

  it.each(['opaque', 'jwt'])('delete/issue: no %s token outlives its machine', async (format) => {
    for (let round = 0; round < 6; round++) {
      const worker = await createMachine('deleted', [api.id])
      const issuing = Array.from({ length: 6 }, () => issue(other, worker.secret, format))
      await administer(one, 'DELETE', `/v1/machines/${worker.id}`)
      const late = await issue(other, worker.secret, format)
      expect(late.status).toBe(401)
      for (const { status, body } of await Promise.all(issuing)) {
        expect([201, 401]).toContain(status)
        if (status === 201) expect(await isGood(other, body['token'])).toBe(false)
      }
    }
  })

  it.each(['opaque', 'jwt'])(
    'scope-remove/issue: no %s token that is asked for later reaches the receiver',
    async (format) => {
      const worker = await createMachine('narrowed', [api.id])
      for (let round = 0; round < 10; round++) {
        const issuing = Array.from({ length: 6 }, () => issue(other, worker.secret, format))
        await administer(one, 'DELETE', `/v1/machines/${worker.id}/scopes/${api.id}`)
        const late = await issue(other, worker.secret, format)
        expect(late.body['scopes']).toEqual([])
        await Promise.all(issuing)
        const scope = { to_machine_id: api.id }
        await administer(one, 'POST', `/v1/machines/${worker.id}/scopes`, scope)
      }
    },
  )

  it('scope-add/scope-add: a scope is there once, and never above the limit', async () => {
    const receivers = await Promise.all(
      Array.from({ length: 152 }, (_, index) => createMachine(`receiver ${index}`)),
    )
    const first = receivers.slice(0, 148).map(({ id }) => id)
    const { id: from } = await createMachine('full', first)
    const add = (at: TestAuthority, to: string | undefined) =>
      administer(at, 'POST', `/v1/machines/${from}/scopes`, { to_machine_id: to })
    const answers = await Promise.all(
      receivers.slice(148).flatMap(({ id }) => [add(one, id), add(other, id)]),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(2)
    const { body } = await administer(other, 'GET', `/v1/machines/${from}`)
    expect(body['scoped_machines']).toHaveLength(150)
  })
})
