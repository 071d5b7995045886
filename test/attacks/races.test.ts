import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type AuthorityPorts,
  createAuthority,
  createMemoryStore,
  initializeInstance,
  openSqliteStore,
  type Store,
} from '@countersign/authority'
import { describe, expect, it } from 'vitest'
import { connect } from '../../packages/authority/src/storage/sqlite/driver.ts'
import { TEST_ROOT_KEY } from '../support/authority.ts'

/** What an attacker, or bad luck, does between two steps of ours (security checklist A20, A21). */

const ISSUER = 'http://authority.test'
const rootKeys = [TEST_ROOT_KEY]

interface Stage {
  readonly call: (
    method: string,
    path: string,
    secret: string,
    body?: unknown,
  ) => Promise<{ status: number; body: Record<string, unknown> }>
  readonly instanceKey: string
  readonly api: { readonly id: string; readonly secret: string }
  readonly worker: { readonly id: string; readonly secret: string }
}

/** An authority on a store that a test may do things between the steps of. */
async function stage(
  wrap: (store: Store) => Store = (store) => store,
  inner = createMemoryStore(),
): Promise<Stage> {
  const ports: AuthorityPorts = { store: inner }
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, ports)
  const instanceKey = founded?.secretKey ?? ''
  const config = { issuer: ISSUER, rootKeys }
  const authority = await createAuthority(config, { store: wrap(inner) })
  const call: Stage['call'] = async (method, path, secret, body) => {
    const answer = await authority.fetch(
      new Request(ISSUER + path, {
        method,
        headers: { authorization: `Bearer ${secret}` },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      }),
    )
    return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
  }
  const create = async (name: string, scopes: string[]) => {
    const { body } = await call('POST', '/machines', instanceKey, { name, scoped_machines: scopes })
    return { id: body['id'] as string, secret: body['secret_key'] as string }
  }
  const api = await create('api', [])
  return { call, instanceKey, api, worker: await create('worker', [api.id]) }
}

describe.each(['opaque', 'jwt'])('while a token of format %s is being issued', (token_format) => {
  it('a scope that is removed is not in it any more', async () => {
    let removeScope = (): Promise<unknown> => Promise.resolve()
    const { call, instanceKey, api, worker } = await stage((store) => ({
      ...store,
      async scopes(id) {
        const scopes = await store.scopes(id)
        const remove = removeScope
        removeScope = () => Promise.resolve()
        await remove()
        return scopes
      },
    }))
    removeScope = () => call('DELETE', `/machines/${worker.id}/scopes/${api.id}`, instanceKey)
    const { status, body } = await call('POST', '/m2m_tokens', worker.secret, { token_format })
    expect(status).toBe(201)
    expect(body['scopes']).toEqual([])
    const verified = await call('POST', '/m2m_tokens/verify', api.secret, { token: body['token'] })
    expect(verified.status).toBe(404)
  })

  it('a secret that ends, and whose tokens are ended, makes none any more', async () => {
    let end = (): Promise<unknown> => Promise.resolve()
    const { call, instanceKey, worker } = await stage((store) => ({
      ...store,
      async machine(id) {
        const during = end
        end = () => Promise.resolve()
        await during()
        return store.machine(id)
      },
    }))
    end = async () => {
      const path = `/machines/${worker.id}/secret_key/rotate`
      const rotated = await call('POST', path, instanceKey, { previous_token_ttl: 0 })
      expect(rotated.status).toBe(200)
      const made = { machine_id: worker.id, secret_version: 1 }
      expect((await call('POST', '/m2m_tokens/revoke', instanceKey, made)).status).toBe(200)
    }
    const { status, body } = await call('POST', '/m2m_tokens', worker.secret, { token_format })
    expect(status).toBe(401)
    expect(body['token']).toBeUndefined()
  })

  it('a machine that is deleted gets none', async () => {
    let remove = (): Promise<unknown> => Promise.resolve()
    const { call, instanceKey, worker } = await stage((store) => ({
      ...store,
      async scopes(id) {
        const scopes = await store.scopes(id)
        await remove()
        return scopes
      },
    }))
    remove = () => call('DELETE', `/machines/${worker.id}`, instanceKey)
    const { status, body } = await call('POST', '/m2m_tokens', worker.secret, { token_format })
    expect(status).toBe(401)
    expect(body['token']).toBeUndefined()
  })
})

it('a secret that ends is not handed a token that is there already', async () => {
  let end = (): Promise<unknown> => Promise.resolve()
  const { call, instanceKey, worker } = await stage((store) => ({
    ...store,
    async reusableM2MToken(...query) {
      await end()
      return store.reusableM2MToken(...query)
    },
  }))
  const rotate = (previous_token_ttl: number) =>
    call('POST', `/machines/${worker.id}/secret_key/rotate`, instanceKey, { previous_token_ttl })
  const { body: rotated } = await rotate(3_600)
  const made = await call('POST', '/m2m_tokens', rotated['secret'] as string)
  expect(made.status).toBe(201)
  end = async () => {
    await rotate(0)
    const old = { machine_id: worker.id, secret_version: 1 }
    expect((await call('POST', '/m2m_tokens/revoke', instanceKey, old)).status).toBe(200)
  }
  const reuse = { min_remaining_ttl_seconds: 60 }
  const { status, body } = await call('POST', '/m2m_tokens', worker.secret, reuse)
  expect(status).toBe(401)
  expect(body['token']).toBeUndefined()
})

describe.each(['opaque', 'jwt'])('while a token of format %s is being issued', (token_format) => {
  it('a secret that another process ends, and then its tokens, makes none any more', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'countersign-'))
    const file = join(folder, 'authority.db')
    const opened = await openSqliteStore({ file, migrate: true })
    const other = await connect(file)
    let meanwhile = (): void => undefined
    const { call, worker } = await stage(
      (store) => ({
        ...store,
        machine(id) {
          // Before the event loop turns: what has been read already must not be gone by.
          meanwhile()
          return store.machine(id)
        },
      }),
      opened,
    )
    meanwhile = () => {
      other.exec('UPDATE machine_secrets SET expires_at = 0')
      other.exec('UPDATE machines SET policy_version = policy_version + 1')
      meanwhile = () => undefined
    }
    const { status, body } = await call('POST', '/m2m_tokens', worker.secret, { token_format })
    expect(status).toBe(401)
    expect(body['token']).toBeUndefined()
    other.close()
    await opened.close()
    await rm(folder, { recursive: true })
  })
})

it('rotations at once each give a secret of their own, and only the last is current', async () => {
  const { call, instanceKey, worker } = await stage()
  const path = `/machines/${worker.id}/secret_key`
  const rotate = () => call('POST', `${path}/rotate`, instanceKey, { previous_token_ttl: 0 })
  const rotations = await Promise.all(Array.from({ length: 8 }, rotate))
  const secrets = rotations.filter(({ status }) => status === 200).map(({ body }) => body['secret'])
  expect(new Set(secrets).size).toBe(secrets.length)
  const { body: current } = await call('GET', path, instanceKey)
  for (const secret of [worker.secret, ...secrets] as string[]) {
    const { status } = await call('POST', '/m2m_tokens', secret)
    expect(status).toBe(secret === current['secret'] ? 201 : 401)
  }
})

it('no verification that begins after a revocation was answered says yes', async () => {
  const { call, api, worker } = await stage()
  for (let round = 0; round < 200; round++) {
    const { body: token } = await call('POST', '/m2m_tokens', worker.secret)
    const verify = () => call('POST', '/m2m_tokens/verify', api.secret, { token: token['token'] })
    const early = verify()
    const revoked = await call('POST', `/m2m_tokens/${String(token['id'])}/revoke`, worker.secret)
    expect(revoked.status).toBe(200)
    expect((await verify()).status).toBe(404)
    await early
  }
})

it('changes of one API key at once are applied one after the other, and none half', async () => {
  const { call, instanceKey } = await stage()
  const subject = `user_${'a'.repeat(27)}`
  const { body: key } = await call('POST', '/api_keys', instanceKey, { name: 'key', subject })
  const path = `/api_keys/${String(key['id'])}`
  const changes = Array.from({ length: 6 }, (_, index) =>
    call('PATCH', path, instanceKey, { scopes: [`s${index}`], claims: { index } }),
  )
  const answers = await Promise.all(changes)
  expect(answers.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
  expect(answers.every(({ status }) => status === 200 || status === 409)).toBe(true)
  const { status, body } = await call('POST', '/api_keys/verify', instanceKey, {
    secret: key['secret'],
  })
  expect(status).toBe(200)
  const { index } = body['claims'] as { index: number }
  expect(body['scopes']).toEqual([`s${index}`])
})
