import { requireMachine } from 'countersign/astro'

// Every machine that may call this one. Others are answered by the guard.
export const GET = requireMachine()(async ({ locals }) => {
  const { machineId, scopes } = await locals.auth({ acceptsToken: 'm2m_token' })
  return Response.json({ machineId, scopes })
})
