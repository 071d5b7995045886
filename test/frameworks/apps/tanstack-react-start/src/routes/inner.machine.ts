import { createFileRoute } from '@tanstack/react-router'
import { countersignMiddleware, getAuth, requireMachine } from 'countersign/tanstack-react-start'

const { INNER_URL: apiUrl, INNER_MACHINE_SECRET_KEY: machineSecretKey } = process.env

export const Route = createFileRoute('/inner/machine')({
  server: {
    middleware: [countersignMiddleware({ apiUrl, machineSecretKey }), requireMachine()],
    handlers: {
      GET: async ({ context }) => {
        const { subject, tokenType } = await getAuth(context, { acceptsToken: 'm2m_token' })
        return Response.json({ subject, tokenType })
      },
    },
  },
})
