import { createFileRoute } from '@tanstack/react-router'
import { auth, requireAuth } from 'countersign/tanstack-react-start'

// Machines, and whoever has an API key.
const acceptsToken = ['m2m_token', 'api_key'] as const

export const Route = createFileRoute('/reports')({
  server: {
    middleware: [requireAuth({ acceptsToken })],
    handlers: {
      GET: async () => {
        const { tokenType, subject } = await auth({ acceptsToken })
        return Response.json({ tokenType, subject })
      },
    },
  },
})
