import { auth, requireMachine } from 'countersign/nextjs'

// Every machine that may call this one. Others are answered by the guard.
export const GET = requireMachine()(async () => {
  const { machineId, scopes } = await auth({ acceptsToken: 'm2m_token' })
  return Response.json({ machineId, scopes })
})
