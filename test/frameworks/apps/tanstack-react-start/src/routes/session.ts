import { createFileRoute } from '@tanstack/react-router'
import { requireAuth } from 'countersign/tanstack-react-start'

export const Route = createFileRoute('/session')({
  server: {
    middleware: [requireAuth({ acceptsToken: 'session_token' })],
    handlers: { GET: () => Response.json({ ok: true }) },
  },
})
