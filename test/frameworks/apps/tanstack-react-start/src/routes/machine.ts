import { createFileRoute } from '@tanstack/react-router'
import { auth, requireMachine } from 'countersign/tanstack-react-start'

export const Route = createFileRoute('/machine')({
  server: {
    middleware: [requireMachine()],
    handlers: {
      GET: async () => {
        const { subject, tokenType } = await auth({ acceptsToken: 'm2m_token' })
        return Response.json({ subject, tokenType })
      },
    },
  },
})
