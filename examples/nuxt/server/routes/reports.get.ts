import { requireAuth } from 'countersign/nuxt'

// Machines, and whoever has an API key.
const acceptsToken = ['m2m_token', 'api_key'] as const

export default defineEventHandler(
  requireAuth({ acceptsToken })(async (event) => {
    const { tokenType, subject } = await event.context.auth({ acceptsToken })
    return { tokenType, subject }
  }),
)
