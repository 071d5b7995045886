import { auth, createCountersign, getAuth, requireAuth, requireMachine } from 'countersign/nextjs'

/** The routes that every adapter is tried with: test/adapters/cases.ts. */

const env = process.env
const ok = () => Response.json({ ok: true })

async function machine() {
  const { subject, tokenType } = await auth({ acceptsToken: 'm2m_token' })
  return Response.json({ subject, tokenType })
}

const inner = createCountersign({
  apiUrl: env.INNER_URL,
  machineSecretKey: env.INNER_MACHINE_SECRET_KEY,
})

const routes: Record<string, (request: Request) => Response | Promise<Response>> = {
  '/public': ok,
  '/machine': requireMachine()(machine),
  '/from-worker': (request) => requireMachine({ from: [env.WORKER_ID ?? ''] })(machine)(request),
  '/any': requireAuth({ acceptsToken: 'any' })(async () => {
    const { subject, tokenType } = await auth({ acceptsToken: 'any' })
    return Response.json({ subject, tokenType })
  }),
  '/session': requireAuth({ acceptsToken: 'session_token' })(ok),
  '/whoami': async (request) => {
    const found = await Promise.all([
      auth({ acceptsToken: 'm2m_token' }),
      getAuth(request, { acceptsToken: 'any' }),
      getAuth(request, { acceptsToken: ['api_key', 'm2m_token'] }),
    ])
    return Response.json({ subjects: found.map(({ subject = null }) => subject) })
  },
  '/inner/machine': inner.requireMachine()(async () => {
    const { subject, tokenType } = await inner.auth({ acceptsToken: 'm2m_token' })
    return Response.json({ subject, tokenType })
  }),
}

export async function GET(request: Request) {
  const route = routes[new URL(request.url).pathname]
  return route === undefined ? new Response(null, { status: 404 }) : route(request)
}
