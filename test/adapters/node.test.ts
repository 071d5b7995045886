import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { getAuth, requireAuth, requireMachine, withCountersign } from 'countersign/node'
import { expect, test } from 'vitest'
import { type AppSettings, testAdapter } from './cases.ts'
import { listen } from './listen.ts'

type Handler = (req: IncomingMessage, res: ServerResponse) => unknown

const answer = (res: ServerResponse, body: object): void => {
  res.setHeader('content-type', 'application/json').end(JSON.stringify(body))
}

const machine: Handler = async (req, res) => {
  const { subject, tokenType } = await getAuth(req, { acceptsToken: 'm2m_token' })
  answer(res, { subject, tokenType })
}

const createHandler = ({ env, clock }: AppSettings): Handler => {
  const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = env
  const routes: Readonly<Record<string, Handler>> = {
    '/public': (_, res) => {
      answer(res, { ok: true })
    },
    '/machine': requireMachine()(machine),
    '/from-worker': requireMachine({ from: [env.WORKER_ID] })(machine),
    '/any': requireAuth({ acceptsToken: 'any' })(
      async (req: IncomingMessage, res: ServerResponse) => {
        const { subject, tokenType } = await getAuth(req, { acceptsToken: 'any' })
        answer(res, { subject, tokenType })
      },
    ),
    '/session': requireAuth({ acceptsToken: 'session_token' })(
      (_: IncomingMessage, res: ServerResponse) => {
        answer(res, { ok: true })
      },
    ),
    '/whoami': async (req, res) => {
      const found = await Promise.all([
        getAuth(req, { acceptsToken: 'm2m_token' }),
        getAuth(req, { acceptsToken: 'any' }),
        getAuth(req, { acceptsToken: ['api_key', 'm2m_token'] }),
      ])
      answer(res, { subjects: found.map(({ subject = null }) => subject) })
    },
    '/inner/machine': withCountersign(requireMachine()(machine), {
      apiUrl,
      machineSecretKey,
      clock,
    }),
  }
  return withCountersign(
    (req: IncomingMessage, res: ServerResponse) => {
      const route = routes[req.url ?? '']
      return route === undefined ? res.writeHead(404).end() : route(req, res)
    },
    { env, clock },
  )
}

testAdapter('Node', (settings) => listen(createServer(createHandler(settings))))

test('without withCountersign a guard and getAuth say which line to add', async () => {
  const said: unknown[] = []
  const running = await listen(
    createServer((req, res) => {
      const handlers = [requireMachine()(machine), machine]
      void Promise.allSettled(handlers.map((handle) => handle(req, res))).then((settled) => {
        said.push(...settled.map((one) => (one.status === 'rejected' ? one.reason : null)))
        res.end()
      })
    }),
  )
  await fetch(running.url)
  expect(said).toHaveLength(2)
  for (const error of said) {
    expect(error).toMatchObject({ code: 'configuration-invalid' })
    expect(String(error)).toContain('createServer(withCountersign(handler))')
  }
  await running.close()
})
