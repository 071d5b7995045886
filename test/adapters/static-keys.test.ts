import { createClient } from 'countersign'
import { getAuth, withCountersign } from 'countersign/workers'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { startTestAuthority, type TestAuthority } from '../support/authority.ts'

/** COUNTERSIGN_JWT_KEY: JWTs are verified by keys that were set, and no key is fetched. */

let authority: TestAuthority
let token: string
let keySet: { readonly keys: readonly { readonly kid: string }[] }
let audience: string

beforeAll(async () => {
  authority = await startTestAuthority()
  const { machines } = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
  const api = await machines.create({ name: 'api' })
  const worker = await machines.create({ name: 'worker', scopedMachines: [api.id] })
  const { m2m } = createClient({ apiUrl: authority.url, machineSecretKey: worker.secretKey })
  token = (await m2m.createToken({ tokenFormat: 'jwt' })).token ?? ''
  keySet = (await (await fetch(`${authority.url}/.well-known/jwks.json`)).json()) as typeof keySet
  audience = api.id
})

afterAll(() => authority.close())

const ask = async (jwtKey: string, options: { readonly revocation?: null }) => {
  const calls: string[] = []
  const handler = withCountersign(
    async (request: Request) => {
      const { isAuthenticated } = await getAuth(request, { acceptsToken: 'm2m_token' })
      return Response.json({ isAuthenticated })
    },
    {
      ...options,
      audience,
      env: { COUNTERSIGN_URL: authority.url, COUNTERSIGN_JWT_KEY: jwtKey },
      fetch: (url, init) => {
        calls.push(url.slice(authority.url.length))
        return fetch(url, init)
      },
    },
  )
  const headers = { authorization: `Bearer ${token}` }
  const answer = await handler(new Request('https://api.test/', { headers }))
  return { ...((await answer.json()) as { readonly isAuthenticated: boolean }), calls }
}

test.each(['a key set', 'one key'])('%s is enough, and no other key is fetched', async (form) => {
  const jwtKey = JSON.stringify(form === 'one key' ? keySet.keys[0] : keySet)
  const { isAuthenticated, calls } = await ask(jwtKey, {})
  expect(isAuthenticated).toBe(true)
  // That a token has not been revoked is asked all the same.
  expect(calls).toEqual([expect.stringMatching(/^\/status-lists\//)])
})

test('without the check of the status nothing is fetched at all', async () => {
  const found = await ask(JSON.stringify(keySet), { revocation: null })
  expect(found).toEqual({ isAuthenticated: true, calls: [] })
})

test('a key of another authority lets nobody in', async () => {
  await using other = await startTestAuthority()
  const theirs = await (await fetch(`${other.url}/.well-known/jwks.json`)).text()
  const found = await ask(theirs, { revocation: null })
  expect(found).toEqual({ isAuthenticated: false, calls: [] })
})
