import { createFileRoute } from '@tanstack/react-router'
import { auth, requireAuth } from 'countersign/tanstack-react-start'

export const Route = createFileRoute('/any')({
  server: {
    middleware: [requireAuth({ acceptsToken: 'any' })],
    handlers: {
      GET: async () => {
        const { subject, tokenType } = await auth({ acceptsToken: 'any' })
        return Response.json({ subject, tokenType })
      },
    },
  },
})
