import { requireAuth } from 'countersign/astro'

// Machines, and whoever has an API key.
const acceptsToken = ['m2m_token', 'api_key'] as const

export const GET = requireAuth({ acceptsToken })(async ({ locals }) => {
  const { tokenType, subject } = await locals.auth({ acceptsToken })
  return Response.json({ tokenType, subject })
})
