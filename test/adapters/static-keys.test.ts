import { createClient, type RequestAuth } from 'countersign'
import * as ofAstro from 'countersign/astro'
import { createCountersign } from 'countersign/nextjs'
import * as ofNuxt from 'countersign/nuxt'
import * as ofReactRouter from 'countersign/react-router'
import * as ofTanstackReactStart from 'countersign/tanstack-react-start'
import * as ofWorkers from 'countersign/workers'
import { RouterContextProvider } from 'react-router'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
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

const M2M = { acceptsToken: 'm2m_token' } as const

type Options = NonNullable<Parameters<typeof createCountersign>[0]>
type Ask = (options: Options, request: Request) => Promise<{ readonly isAuthenticated: boolean }>

/** What each framework would do with one request, by the parts that its adapter gives it. */
const ADAPTERS: Readonly<Record<string, Ask>> = {
  async astro(options, request) {
    const context = { request, locals: {} as App.Locals }
    await ofAstro.countersignMiddleware(options)(context, async () => new Response())
    return context.locals.auth(M2M)
  },

  // A route handler takes the headers that Next hands out, and there is no Next here: a page of Node's.
  nextjs: (options, { headers }) =>
    createCountersign(options).getAuth({ headers: Object.fromEntries(headers) }, M2M),

  nuxt(options, request) {
    const event: ofNuxt.NuxtEvent = { req: request, context: {} }
    ofNuxt.countersignMiddleware(options)(event)
    return ofNuxt.getAuth(event, M2M)
  },

  async 'react-router'(options, request) {
    const args = { request, context: new RouterContextProvider() }
    await ofReactRouter.countersignMiddleware(options)(args, async () => new Response())
    return ofReactRouter.getAuth(args, M2M)
  },

  'tanstack-react-start'(options, request) {
    const { server } = ofTanstackReactStart.countersignMiddleware(options).options as unknown as {
      readonly server: (call: object) => { readonly context: { countersign: RequestAuth } }
    }
    const { context } = server({ request, next: (given: object) => given })
    return ofTanstackReactStart.getAuth(context, M2M)
  },

  async workers(options, request) {
    const handler = ofWorkers.withCountersign(async (given: Request) => {
      const { isAuthenticated } = await ofWorkers.getAuth(given, M2M)
      return Response.json({ isAuthenticated })
    }, options)
    return (await (await handler(request)).json()) as { readonly isAuthenticated: boolean }
  },
}

describe.each(Object.entries(ADAPTERS))('%s', (_, askAdapter) => {
  const ask = async (jwtKey: string, options: { readonly revocation?: null }) => {
    const calls: string[] = []
    const headers = { authorization: `Bearer ${token}` }
    const { isAuthenticated } = await askAdapter(
      {
        ...options,
        audience,
        env: { COUNTERSIGN_URL: authority.url, COUNTERSIGN_JWT_KEY: jwtKey },
        fetch: (url, init) => {
          calls.push(url.slice(authority.url.length))
          return fetch(url, init)
        },
      },
      new Request('https://api.test/', { headers }),
    )
    return { isAuthenticated, calls }
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
})
