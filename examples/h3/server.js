import { countersignMiddleware, getAuth, requireAuth, requireMachine } from 'countersign/h3'
import { H3, serve } from 'h3'

const app = new H3()
app.use(countersignMiddleware())

// Open to all: no token is looked at.
app.get('/health', () => ({ ok: true }))

// Every machine that may call this one. Others are answered by the guard.
app.get(
  '/orders',
  async (event) => {
    const { machineId, scopes } = await getAuth(event, { acceptsToken: 'm2m_token' })
    return { machineId, scopes }
  },
  { middleware: [requireMachine()] },
)

// One machine, and no other.
const onlyWorker = requireMachine({ from: [process.env.WORKER_ID ?? ''] })
app.get('/refunds', () => ({ refunds: [] }), { middleware: [onlyWorker] })

// Machines, and whoever has an API key, for all that is below a path.
app.use('/reports', requireAuth({ acceptsToken: ['m2m_token', 'api_key'] }))
app.get('/reports', async (event) => {
  const { tokenType, subject } = await getAuth(event, { acceptsToken: ['m2m_token', 'api_key'] })
  return { tokenType, subject }
})

serve(app, { port: Number(process.env.PORT ?? 3000) })
