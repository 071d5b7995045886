import { serve } from '@hono/node-server'
import { countersignMiddleware, getAuth, requireAuth, requireMachine } from 'countersign/hono'
import { Hono } from 'hono'

const app = new Hono()
app.use(countersignMiddleware())

// Open to all: no token is looked at.
app.get('/health', (c) => c.json({ ok: true }))

// Every machine that may call this one. Others are answered by the guard.
app.get('/orders', requireMachine(), async (c) => {
  const { machineId, scopes } = await getAuth(c, { acceptsToken: 'm2m_token' })
  return c.json({ machineId, scopes })
})

// One machine, and no other.
app.get('/refunds', requireMachine({ from: [process.env.WORKER_ID ?? ''] }), (c) =>
  c.json({ refunds: [] }),
)

// Machines, and whoever has an API key.
app.get('/reports', requireAuth({ acceptsToken: ['m2m_token', 'api_key'] }), async (c) => {
  const { tokenType, subject } = await getAuth(c, { acceptsToken: ['m2m_token', 'api_key'] })
  return c.json({ tokenType, subject })
})

serve({ fetch: app.fetch, port: Number(process.env.PORT ?? 3000) })
