import { requireMachine } from 'countersign/nuxt'

/** A guard around a cache: each caller is looked at, and what is kept is the same for all. */
const cached = defineCachedEventHandler(() => ({ kept: true }), { maxAge: 60 })

export default defineEventHandler(
  requireMachine()(async (event) => {
    const { subject } = await event.context.auth({ acceptsToken: 'm2m_token' })
    return { ...(await cached(event)), subject }
  }),
)
