import { createFileRoute } from '@tanstack/react-router'

// Open to all: no token is looked at.
export const Route = createFileRoute('/health')({
  server: { handlers: { GET: () => Response.json({ ok: true }) } },
})
