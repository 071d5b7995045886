import { requireMachine } from 'countersign/nuxt'

// Every machine that may call this one. Others are answered by the guard.
export default defineEventHandler(
  requireMachine()(async (event) => {
    const { machineId, scopes } = await event.context.auth({ acceptsToken: 'm2m_token' })
    return { machineId, scopes }
  }),
)
