import { auth, requireMachine } from 'countersign/nextjs'

export const runtime = 'edge'

export const GET = requireMachine()(async () => {
  const { subject } = await auth({ acceptsToken: 'm2m_token' })
  return Response.json({ subject, runtime: process.env.NEXT_RUNTIME })
})
