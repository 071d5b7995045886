import { getAuth } from 'countersign/react-router'
import type { LoaderFunctionArgs } from 'react-router'

export const answer = (acceptsToken: 'any' | 'm2m_token') => async (args: LoaderFunctionArgs) => {
  const { subject, tokenType } = await getAuth(args, { acceptsToken: acceptsToken as 'any' })
  return Response.json({ subject, tokenType })
}
