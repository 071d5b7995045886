import { createFileRoute } from '@tanstack/react-router'
import { auth, requireMachine } from 'countersign/tanstack-react-start'

// Every machine that may call this one. Others are answered by the guard.
export const Route = createFileRoute('/orders')({
  server: {
    middleware: [requireMachine()],
    handlers: {
      GET: async () => {
        const { machineId, scopes } = await auth({ acceptsToken: 'm2m_token' })
        return Response.json({ machineId, scopes })
      },
    },
  },
})
