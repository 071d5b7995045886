import { getAuth, requireMachine } from 'countersign/nextjs'

export const config = { runtime: 'edge' }

export default requireMachine()(async (request) => {
  const { subject } = await getAuth(request, { acceptsToken: 'm2m_token' })
  return Response.json({ subject, runtime: process.env.NEXT_RUNTIME })
})
