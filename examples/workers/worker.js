import { getAuth, requireAuth, requireMachine, withCountersign } from 'countersign/workers'

/** @type {Record<string, (request: Request) => Response | Promise<Response>>} */
const routes = {
  // Open to all: no token is looked at.
  '/health': () => Response.json({ ok: true }),

  // Every machine that may call this one. Others are answered by the guard.
  '/orders': requireMachine()(async (request) => {
    const { machineId, scopes } = await getAuth(request, { acceptsToken: 'm2m_token' })
    return Response.json({ machineId, scopes })
  }),

  // Machines, and whoever has an API key.
  '/reports': requireAuth({ acceptsToken: ['m2m_token', 'api_key'] })(async (request) => {
    const auth = await getAuth(request, { acceptsToken: ['m2m_token', 'api_key'] })
    return Response.json({ tokenType: auth.tokenType, subject: auth.subject })
  }),
}

const notFound = () => new Response(null, { status: 404 })

export default {
  fetch: withCountersign((request) => (routes[new URL(request.url).pathname] ?? notFound)(request)),
}
