import { getAuth, requireAuth } from 'countersign/nextjs'

// Machines, and whoever has an API key.
export const GET = requireAuth({ acceptsToken: ['m2m_token', 'api_key'] })(async (request) => {
  const { tokenType, subject } = await getAuth(request, { acceptsToken: ['m2m_token', 'api_key'] })
  return Response.json({ tokenType, subject })
})
