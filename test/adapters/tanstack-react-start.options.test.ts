import { createClient, type Fetch } from 'countersign'
import { countersignMiddleware, getAuth } from 'countersign/tanstack-react-start'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** Start makes the middleware anew for each request: what it has learnt must outlive it. */

let authority: TestAuthority
let env: Readonly<Record<string, string>>
let token: string

beforeAll(async () => {
  authority = await startTestAuthority()
  const { machines } = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const api = await machines.create({ name: 'api' })
  const worker = await machines.create({ name: 'worker', scopedMachines: [api.id] })
  const { m2m } = createClient({ apiUrl: authority.url, machineSecretKey: worker.secretKey })
  token = (await m2m.createToken({ tokenFormat: 'jwt' })).token ?? ''
  env = {
    COUNTERSIGN_URL: authority.url,
    COUNTERSIGN_MACHINE_SECRET_KEY: api.secretKey ?? '',
  }
})

afterAll(() => authority.close())

type Options = Parameters<typeof countersignMiddleware>[0]

/** As Start does with a request. */
async function answer(options: Options): Promise<boolean> {
  const request = new Request('https://app.test/', {
    headers: { authorization: `Bearer ${token}` },
  })
  const { server } = countersignMiddleware(options).options as unknown as {
    readonly server: (call: object) => { readonly context: unknown }
  }
  const { context } = server({ request, next: (given: { readonly context: unknown }) => given })
  return (await getAuth(context, { acceptsToken: 'm2m_token' })).isAuthenticated
}

test('an environment may be given, also that of the process, which is no plain object', async () => {
  Object.assign(process.env, env)
  expect(await answer({ env: process.env })).toBe(true)
  expect(await answer({})).toBe(true)
})

test('of many requests with the same options only the first fetches keys and a list', async () => {
  const calls: string[] = []
  const fetchOnce: Fetch = (url, init) => {
    calls.push(new URL(url).pathname)
    return fetch(url, init)
  }
  for (let count = 0; count < 5; count++) {
    expect(await answer({ env: { ...env }, fetch: fetchOnce })).toBe(true)
  }
  expect(calls).toEqual(['/.well-known/jwks.json', expect.stringMatching(/^\/status-lists\//)])
})

describe('of functions among the options', () => {
  const counting = (calls: string[]): Fetch => {
    return (url, init) => {
      calls.push(new URL(url).pathname)
      return fetch(url, init)
    }
  }

  test('those that are made for each request have keys of their own, and let in the same', async () => {
    const calls: string[] = []
    for (let count = 0; count < 3; count++) {
      expect(await answer({ env, fetch: counting(calls), revocation: null })).toBe(true)
    }
    expect(calls).toEqual(Array(3).fill('/.well-known/jwks.json'))
  })

  test('those that are made once are one instance, also where the rest is written anew', async () => {
    const calls: string[] = []
    const [once, clock] = [counting(calls), () => Date.now()]
    for (let count = 0; count < 3; count++) {
      expect(await answer({ env: { ...env }, fetch: once, clock, revocation: null })).toBe(true)
    }
    expect(calls).toEqual(['/.well-known/jwks.json'])
  })
})
