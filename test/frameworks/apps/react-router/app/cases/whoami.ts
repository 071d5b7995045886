import { getAuth } from 'countersign/react-router'
import type { LoaderFunctionArgs } from 'react-router'

export async function loader(args: LoaderFunctionArgs) {
  const found = await Promise.all([
    getAuth(args, { acceptsToken: 'm2m_token' }),
    getAuth(args, { acceptsToken: 'any' }),
    getAuth(args, { acceptsToken: ['api_key', 'm2m_token'] }),
  ])
  return Response.json({ subjects: found.map(({ subject = null }) => subject) })
}
