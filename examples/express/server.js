import { countersignMiddleware, getAuth, requireAuth, requireMachine } from 'countersign/express'
import express from 'express'

const app = express()
app.use(countersignMiddleware())

// Open to all: no token is looked at.
app.get('/health', (req, res) => {
  res.json({ ok: true })
})

// Every machine that may call this one. Others are answered by the guard.
app.get('/orders', requireMachine(), async (req, res) => {
  const { machineId, scopes } = await getAuth(req, { acceptsToken: 'm2m_token' })
  res.json({ machineId, scopes })
})

// One machine, and no other.
app.get('/refunds', requireMachine({ from: [process.env.WORKER_ID ?? ''] }), (req, res) => {
  res.json({ refunds: [] })
})

// Machines, and whoever has an API key.
app.get('/reports', requireAuth({ acceptsToken: ['m2m_token', 'api_key'] }), async (req, res) => {
  const { tokenType, subject } = await getAuth(req, { acceptsToken: ['m2m_token', 'api_key'] })
  res.json({ tokenType, subject })
})

app.listen(Number(process.env.PORT ?? 3000))
