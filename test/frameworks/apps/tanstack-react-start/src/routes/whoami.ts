import { createFileRoute } from '@tanstack/react-router'
import { auth, getAuth } from 'countersign/tanstack-react-start'

export const Route = createFileRoute('/whoami')({
  server: {
    handlers: {
      GET: async ({ context }) => {
        const found = await Promise.all([
          auth({ acceptsToken: 'm2m_token' }),
          auth({ acceptsToken: 'any' }),
          getAuth(context, { acceptsToken: ['api_key', 'm2m_token'] }),
        ])
        return Response.json({ subjects: found.map(({ subject = null }) => subject) })
      },
    },
  },
})
