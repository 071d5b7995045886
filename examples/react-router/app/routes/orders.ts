import { getAuth, requireMachine } from 'countersign/react-router'
import type { LoaderFunctionArgs } from 'react-router'

// Every machine that may call this one. Others are answered by the guard.
export const middleware = [requireMachine()]

export async function loader(args: LoaderFunctionArgs) {
  const { machineId, scopes } = await getAuth(args, { acceptsToken: 'm2m_token' })
  return Response.json({ machineId, scopes })
}
