import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { countersignMiddleware, getAuth, requireAuth, requireMachine } from 'countersign/hono'
import { type Context, Hono } from 'hono'
import { describe, expect, test } from 'vitest'
import { type AppSettings, testAdapter } from './cases.ts'
import { listen } from './listen.ts'

const createApp = ({ env, clock }: AppSettings): Hono => {
  const app = new Hono()
  app.use(countersignMiddleware({ env, clock }))
  app.get('/public', (c) => c.json({ ok: true }))
  app.get('/machine', requireMachine(), machine)
  app.get('/from-worker', requireMachine({ from: [env.WORKER_ID] }), machine)
  app.get('/any', requireAuth({ acceptsToken: 'any' }), async (c) => {
    const { subject, tokenType } = await getAuth(c, { acceptsToken: 'any' })
    return c.json({ subject, tokenType })
  })
  app.get('/session', requireAuth({ acceptsToken: 'session_token' }), (c) => c.json({ ok: true }))
  app.get('/whoami', async (c) => {
    const found = await Promise.all([
      getAuth(c, { acceptsToken: 'm2m_token' }),
      getAuth(c, { acceptsToken: 'any' }),
      getAuth(c, { acceptsToken: ['api_key', 'm2m_token'] }),
    ])
    return c.json({ subjects: found.map(({ subject = null }) => subject) })
  })
  const inner = new Hono()
  const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = env
  inner.use(countersignMiddleware({ apiUrl, machineSecretKey, clock }))
  inner.get('/machine', requireMachine(), machine)
  app.route('/inner', inner)
  return app
}

const machine = async (c: Context): Promise<Response> => {
  const { subject, tokenType } = await getAuth(c, { acceptsToken: 'm2m_token' })
  return c.json({ subject, tokenType })
}

testAdapter('Hono 4', (settings) =>
  listen(createAdaptorServer({ fetch: createApp(settings).fetch }) as Server),
)

describe('without the middleware', () => {
  test('a guard and getAuth say which line to add, and the route stays shut', async () => {
    const said: string[] = []
    const app = new Hono()
    app.get('/guarded', requireMachine(), machine)
    app.get('/asked', machine)
    app.onError((error, c) => {
      said.push(error.message)
      return c.body(null, 500)
    })
    expect((await app.request('/guarded')).status).toBe(500)
    expect((await app.request('/asked')).status).toBe(500)
    for (const message of said) expect(message).toContain('app.use(countersignMiddleware())')
    expect(said).toHaveLength(2)
  })
})

describe('settings come from the bindings of a worker', () => {
  const app = new Hono()
  app.onError((_, c) => c.body(null, 500))
  app.use(countersignMiddleware())
  app.get('/public', (c) => c.text('open'))
  app.get('/machine', requireMachine(), machine)

  test('with the request', async () => {
    const env = {
      COUNTERSIGN_URL: 'https://authority.test',
      COUNTERSIGN_MACHINE_SECRET_KEY: 'ak_1',
      KV: { get: () => null },
    }
    expect((await app.request('/machine', {}, env)).status).toBe(401)
  })

  test('and while they are missing no route is open', async () => {
    expect((await app.request('/public', {}, {})).status).toBe(500)
    expect((await app.request('/machine', {}, {})).status).toBe(500)
  })
})
