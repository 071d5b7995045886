import { getAuth, requireAuth } from 'countersign/react-router'
import type { LoaderFunctionArgs } from 'react-router'

// Machines, and whoever has an API key.
const acceptsToken = ['m2m_token', 'api_key'] as const
export const middleware = [requireAuth({ acceptsToken })]

export async function loader(args: LoaderFunctionArgs) {
  const { tokenType, subject } = await getAuth(args, { acceptsToken })
  return Response.json({ tokenType, subject })
}
