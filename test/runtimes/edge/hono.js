// Hono as a worker: its middleware takes the settings from the bindings.
import { countersignMiddleware, getAuth, requireAuth, requireMachine } from 'countersign/hono'
import { Hono } from 'hono'

const app = new Hono()
app.use(countersignMiddleware())
app.get('/health', (c) => c.json({ ok: true }))
app.get('/orders', requireMachine(), async (c) => {
  const { machineId } = await getAuth(c, { acceptsToken: 'm2m_token' })
  return c.json({ machineId })
})
app.get('/reports', requireAuth({ acceptsToken: ['m2m_token', 'api_key'] }), async (c) => {
  const { tokenType } = await getAuth(c, { acceptsToken: 'any' })
  return c.json({ tokenType })
})

export default { fetch: app.fetch }
