import { countersignPlugin, getAuth, requireAuth, requireMachine } from 'countersign/fastify'
import fastify, { type FastifyRequest } from 'fastify'
import { describe, expect, test } from 'vitest'
import { type RunningApp, type AppSettings, testAdapter } from './cases.ts'

const startApp = async ({ env, clock }: AppSettings): Promise<RunningApp> => {
  const app = fastify()
  await app.register(countersignPlugin, { env, clock })
  app.get('/public', () => ({ ok: true }))
  app.get('/machine', { onRequest: requireMachine() }, machine)
  app.get('/from-worker', { onRequest: requireMachine({ from: [env.WORKER_ID] }) }, machine)
  app.get('/any', { onRequest: requireAuth({ acceptsToken: 'any' }) }, async (request) => {
    const { subject, tokenType } = await getAuth(request, { acceptsToken: 'any' })
    return { subject, tokenType }
  })
  app.get('/session', { preHandler: requireAuth({ acceptsToken: 'session_token' }) }, () => ({
    ok: true,
  }))
  app.get('/whoami', async (request) => {
    const found = await Promise.all([
      getAuth(request, { acceptsToken: 'm2m_token' }),
      getAuth(request, { acceptsToken: 'any' }),
      getAuth(request, { acceptsToken: ['api_key', 'm2m_token'] }),
    ])
    return { subjects: found.map(({ subject = null }) => subject) }
  })
  await app.register(
    async (inner) => {
      const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = env
      await inner.register(countersignPlugin, { apiUrl, machineSecretKey, clock })
      inner.get('/machine', { onRequest: requireMachine() }, machine)
    },
    { prefix: '/inner' },
  )
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
}

const machine = async (request: FastifyRequest): Promise<object> => {
  const { subject, tokenType } = await getAuth(request, { acceptsToken: 'm2m_token' })
  return { subject, tokenType }
}

testAdapter('Fastify 5', startApp)

describe('without the plugin', () => {
  test('a guard and getAuth say which line to add, and the route stays shut', async () => {
    const app = fastify()
    app.get('/guarded', { onRequest: requireMachine() }, machine)
    app.get('/asked', machine)
    for (const url of ['/guarded', '/asked']) {
      const answer = await app.inject({ url })
      expect(answer.statusCode).toBe(500)
      expect(answer.json<{ message: string }>().message).toContain(
        'await fastify.register(countersignPlugin)',
      )
    }
  })
})

test('a token is found where a test injects its request', async () => {
  const app = fastify()
  await app.register(countersignPlugin, { apiUrl: 'https://authority.test', audience: null })
  app.get('/machine', { onRequest: requireMachine() }, machine)
  const headers = { authorization: 'Bearer garbage' }
  const answer = await app.inject({ url: '/machine', headers })
  expect(answer.statusCode).toBe(401)
  expect(answer.headers['www-authenticate']).toBe('Bearer error="invalid_token"')
})
