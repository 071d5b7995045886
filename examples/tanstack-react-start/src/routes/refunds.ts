import { createFileRoute } from '@tanstack/react-router'
import { requireMachine } from 'countersign/tanstack-react-start'

// One machine, and no other.
export const Route = createFileRoute('/refunds')({
  server: {
    middleware: [requireMachine({ from: [process.env.WORKER_ID ?? ''] })],
    handlers: { GET: () => Response.json({ refunds: [] }) },
  },
})
