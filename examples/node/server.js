import { createServer } from 'node:http'
import { getAuth, requireAuth, requireMachine, withCountersign } from 'countersign/node'

/** @type {Record<string, import('node:http').RequestListener>} */
const routes = {
  // Open to all: no token is looked at.
  '/health': (req, res) => answer(res, { ok: true }),

  // Every machine that may call this one. Others are answered by the guard.
  '/orders': requireMachine()(async (req, res) => {
    const { machineId, scopes } = await getAuth(req, { acceptsToken: 'm2m_token' })
    answer(res, { machineId, scopes })
  }),

  // One machine, and no other.
  '/refunds': requireMachine({ from: [process.env.WORKER_ID ?? ''] })((req, res) =>
    answer(res, { refunds: [] }),
  ),

  // Machines, and whoever has an API key.
  '/reports': requireAuth({ acceptsToken: ['m2m_token', 'api_key'] })(async (req, res) => {
    const auth = await getAuth(req, { acceptsToken: ['m2m_token', 'api_key'] })
    answer(res, { tokenType: auth.tokenType, subject: auth.subject })
  }),
}

const server = createServer(
  withCountersign((req, res) => (routes[req.url ?? ''] ?? notFound)(req, res)),
)
server.listen(Number(process.env.PORT ?? 3000))

/** @type {(res: import('node:http').ServerResponse, body: object) => void} */
function answer(res, body) {
  res.setHeader('content-type', 'application/json').end(JSON.stringify(body))
}

/** @type {import('node:http').RequestListener} */
function notFound(req, res) {
  res.writeHead(404).end()
}
