import { createServer } from 'node:http'
import { countersignMiddleware, getAuth, requireAuth, requireMachine } from 'countersign/express'
import express, { type RequestHandler } from 'express'
import express4 from 'express-v4'
import { describe, expect, test } from 'vitest'
import { type AppSettings, testAdapter } from './cases.ts'
import { listen } from './listen.ts'

const createApp = (make: () => express.Express, { env, clock }: AppSettings): express.Express => {
  const app = make()
  app.use(countersignMiddleware({ env, clock }))
  app.get('/public', (_, res) => void res.json({ ok: true }))
  app.get('/machine', requireMachine(), machine)
  app.get('/from-worker', requireMachine({ from: [env.WORKER_ID] }), machine)
  app.get('/any', requireAuth({ acceptsToken: 'any' }), async (req, res) => {
    const auth = await getAuth(req, { acceptsToken: 'any' })
    res.json({ subject: auth.subject, tokenType: auth.tokenType })
  })
  app.get('/session', requireAuth({ acceptsToken: 'session_token' }), (_, res) => {
    res.json({ ok: true })
  })
  app.get('/whoami', async (req, res) => {
    const found = await Promise.all([
      getAuth(req, { acceptsToken: 'm2m_token' }),
      getAuth(req, { acceptsToken: 'any' }),
      getAuth(req, { acceptsToken: ['api_key', 'm2m_token'] }),
    ])
    res.json({ subjects: found.map(({ subject = null }) => subject) })
  })
  const inner = make()
  const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = env
  inner.use(countersignMiddleware({ apiUrl, machineSecretKey, clock }))
  inner.get('/machine', requireMachine(), machine)
  app.use('/inner', inner)
  return app
}

const machine: RequestHandler = async (req, res) => {
  const { subject, tokenType } = await getAuth(req, { acceptsToken: 'm2m_token' })
  res.json({ subject, tokenType })
}

testAdapter('Express 5', (settings) => listen(createServer(createApp(express, settings))))
testAdapter('Express 4', (settings) => listen(createServer(createApp(express4, settings))))

describe('without the middleware', () => {
  test('a guard and getAuth say which line to add, and the route stays shut', async () => {
    const app = express()
    let said: unknown
    app.get('/guarded', requireMachine(), machine)
    app.get('/asked', machine)
    app.use(((error, _, res, _next) => {
      said = error
      res.status(500).end()
    }) satisfies express.ErrorRequestHandler)
    const running = await listen(createServer(app))
    for (const path of ['/guarded', '/asked']) {
      expect((await fetch(running.url + path)).status).toBe(500)
      expect(said).toMatchObject({ code: 'configuration-invalid' })
      expect(String(said)).toContain('app.use(countersignMiddleware())')
    }
    await running.close()
  })
})
