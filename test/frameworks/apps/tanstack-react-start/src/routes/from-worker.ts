import { createFileRoute } from '@tanstack/react-router'
import { auth, requireMachine } from 'countersign/tanstack-react-start'

export const Route = createFileRoute('/from-worker')({
  server: {
    middleware: [requireMachine({ from: [process.env.WORKER_ID ?? ''] })],
    handlers: {
      GET: async () => {
        const { subject, tokenType } = await auth({ acceptsToken: 'm2m_token' })
        return Response.json({ subject, tokenType })
      },
    },
  },
})
