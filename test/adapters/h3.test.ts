import { createServer } from 'node:http'
import type { RequestAuth } from 'countersign'
import { countersignMiddleware, getAuth, requireAuth, requireMachine } from 'countersign/h3'
import { H3 } from 'h3'
import { toNodeHandler } from 'h3/node'
import * as v1 from 'h3-v1'
import { describe, expect, test } from 'vitest'
import { type AppSettings, testAdapter } from './cases.ts'
import { listen } from './listen.ts'

const createApp = ({ env, clock }: AppSettings): H3 => {
  const app = new H3()
  app.use(countersignMiddleware({ env, clock }))
  app.get('/public', () => ({ ok: true }))
  app.get('/machine', machine, { middleware: [requireMachine()] })
  app.get('/from-worker', machine, { middleware: [requireMachine({ from: [env.WORKER_ID] })] })
  app.get('/any', any, { middleware: [requireAuth({ acceptsToken: 'any' })] })
  app.get('/session', () => ({ ok: true }), {
    middleware: [requireAuth({ acceptsToken: 'session_token' })],
  })
  app.get('/whoami', whoami)
  const inner = new H3()
  const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = env
  inner.use(countersignMiddleware({ apiUrl, machineSecretKey, clock }))
  inner.get('/machine', machine, { middleware: [requireMachine()] })
  app.mount('/inner', inner)
  return app
}

type Event = Parameters<typeof getAuth>[0]

const machine = async (event: Event): Promise<object> => {
  const { subject, tokenType } = await getAuth(event, { acceptsToken: 'm2m_token' })
  return { subject, tokenType }
}

const any = async (event: Event): Promise<object> => {
  const { subject, tokenType } = await getAuth(event, { acceptsToken: 'any' })
  return { subject, tokenType }
}

const whoami = async (event: Event): Promise<object> => {
  const found = await Promise.all([
    getAuth(event, { acceptsToken: 'm2m_token' }),
    getAuth(event, { acceptsToken: 'any' }),
    getAuth(event, { acceptsToken: ['api_key', 'm2m_token'] }),
  ])
  return { subjects: found.map(({ subject = null }) => subject) }
}

/** What the adapter says of `h3`, for the name that h3 1 has here. */
declare module 'h3-v1' {
  interface H3EventContext {
    countersign?: RequestAuth
  }
}

/** As Nitro 2 and Nuxt have it. */
const createAppOfV1 = ({ env, clock }: AppSettings): v1.App => {
  const { createApp, createRouter, defineEventHandler, useBase } = v1
  const app = createApp()
  app.use(defineEventHandler(countersignMiddleware({ env, clock })))
  const behind = (guard: ReturnType<typeof requireMachine>, handler: typeof machine) =>
    defineEventHandler({
      onRequest: [],
      handler: async (event) => (await guard(event)) ?? handler(event),
    })
  const router = createRouter()
    .get(
      '/public',
      defineEventHandler(() => ({ ok: true })),
    )
    .get('/machine', behind(requireMachine(), machine))
    .get('/from-worker', behind(requireMachine({ from: [env.WORKER_ID] }), machine))
    .get('/any', behind(requireAuth({ acceptsToken: 'any' }), any))
    .get(
      '/session',
      behind(requireAuth({ acceptsToken: 'session_token' }), async () => ({ ok: true })),
    )
    .get('/whoami', defineEventHandler(whoami))
  const inner = createApp()
  const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = env
  inner.use(defineEventHandler(countersignMiddleware({ apiUrl, machineSecretKey, clock })))
  inner.use(createRouter().get('/machine', behind(requireMachine(), machine)))
  app.use('/inner', useBase('/inner', inner.handler))
  app.use(router)
  return app
}

testAdapter('h3 2', (settings) => listen(createServer(toNodeHandler(createApp(settings)))))
testAdapter('h3 1', (settings) => listen(createServer(v1.toNodeListener(createAppOfV1(settings)))))

describe('without the middleware', () => {
  test('a guard and getAuth say which line to add, and the route stays shut', async () => {
    const app = new H3({ silent: true })
    app.get('/guarded', machine, { middleware: [requireMachine()] })
    app.get('/asked', machine)
    for (const path of ['/guarded', '/asked']) {
      expect((await app.request(path)).status).toBe(500)
    }
    const event = { context: {}, req: new Request('https://api.test/') }
    await expect(machine(event)).rejects.toThrow('app.use(countersignMiddleware())')
  })
})

describe('inside of a cached handler of Nitro', () => {
  test('nobody is told who calls, by whatever way it is asked', async () => {
    const options = { apiUrl: 'https://authority.test', secretKey: 'sk_test_1', env: {} }
    const context: Event['context'] = {}
    const event = { context, req: new Request('https://api.test/') }
    countersignMiddleware(options)(event)
    expect(await requireMachine()(event)).toMatchObject({ status: 401 })
    const cached = { context: Object.assign(context, { cache: { options: {} } }), req: event.req }
    for (const ask of [
      () => requireMachine()(cached),
      () => requireAuth({ acceptsToken: 'any' })(cached),
      () => getAuth(cached),
      () => cached.context.countersign?.authenticate(),
    ]) {
      await expect((async () => ask())()).rejects.toThrow('cached handler')
    }
  })
})
