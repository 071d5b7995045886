import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { getAuth, requireAuth, requireMachine, withCountersign } from 'countersign/workers'
import { expect, test } from 'vitest'
import { type AppSettings, testAdapter } from './cases.ts'
import { listen } from './listen.ts'

type Handler = (request: Request) => Response | Promise<Response>

const machine: Handler = async (request) => {
  const { subject, tokenType } = await getAuth(request, { acceptsToken: 'm2m_token' })
  return Response.json({ subject, tokenType })
}

/** A worker, whose platform gives its environment with each request. */
const createWorker = ({ env, clock }: AppSettings) => {
  const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = env
  const inner = { apiUrl, machineSecretKey, clock }
  const routes: Readonly<Record<string, Handler>> = {
    '/public': () => Response.json({ ok: true }),
    '/machine': requireMachine()(machine),
    '/from-worker': requireMachine({ from: [env.WORKER_ID] })(machine),
    '/any': requireAuth({ acceptsToken: 'any' })(async (request: Request) => {
      const { subject, tokenType } = await getAuth(request, { acceptsToken: 'any' })
      return Response.json({ subject, tokenType })
    }),
    '/session': requireAuth({ acceptsToken: 'session_token' })(() => Response.json({ ok: true })),
    '/whoami': async (request) => {
      const found = await Promise.all([
        getAuth(request, { acceptsToken: 'm2m_token' }),
        getAuth(request, { acceptsToken: 'any' }),
        getAuth(request, { acceptsToken: ['api_key', 'm2m_token'] }),
      ])
      return Response.json({ subjects: found.map(({ subject = null }) => subject) })
    },
    '/inner/machine': withCountersign(requireMachine()(machine), inner),
  }
  return {
    fetch: withCountersign(
      (request: Request, _env: object) =>
        routes[new URL(request.url).pathname]?.(request) ?? new Response(null, { status: 404 }),
      { clock },
    ),
  }
}

testAdapter('Workers', (settings) => {
  const worker = createWorker(settings)
  // A new object for each request, as some platforms have it.
  const fetch = (request: Request) => worker.fetch(request, { ...settings.env })
  return listen(createAdaptorServer({ fetch }) as Server)
})

test('without withCountersign a guard and getAuth say which line to add', async () => {
  for (const handler of [requireMachine()(machine), machine]) {
    const answer = Promise.resolve(handler(new Request('https://api.test/')))
    await expect(answer).rejects.toMatchObject({ code: 'configuration-invalid' })
    await expect(answer).rejects.toThrow('withCountersign(handler)')
  }
})

test('a setting that is missing is said by the first request, and no handler runs', () => {
  const handler = withCountersign(() => new Response('open'))
  expect(() => handler(new Request('https://api.test/'))).toThrow('COUNTERSIGN_URL')
})
