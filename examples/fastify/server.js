import { countersignPlugin, getAuth, requireAuth, requireMachine } from 'countersign/fastify'
import fastify from 'fastify'

const app = fastify()
await app.register(countersignPlugin)

// Open to all: no token is looked at.
app.get('/health', async () => ({ ok: true }))

// Every machine that may call this one. Others are answered by the guard.
app.get('/orders', { onRequest: requireMachine() }, async (request) => {
  const { machineId, scopes } = await getAuth(request, { acceptsToken: 'm2m_token' })
  return { machineId, scopes }
})

// One machine, and no other.
const onlyWorker = requireMachine({ from: [process.env.WORKER_ID ?? ''] })
app.get('/refunds', { onRequest: onlyWorker }, async () => ({ refunds: [] }))

// Machines, and whoever has an API key.
app.get(
  '/reports',
  { onRequest: requireAuth({ acceptsToken: ['m2m_token', 'api_key'] }) },
  async (request) => {
    const { tokenType, subject } = await getAuth(request, {
      acceptsToken: ['m2m_token', 'api_key'],
    })
    return { tokenType, subject }
  },
)

await app.listen({ port: Number(process.env.PORT ?? 3000) })
