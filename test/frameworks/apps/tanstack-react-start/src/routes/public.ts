import { createFileRoute } from '@tanstack/react-router'

export const Route = createFileRoute('/public')({
  server: { handlers: { GET: () => Response.json({ ok: true }) } },
})
