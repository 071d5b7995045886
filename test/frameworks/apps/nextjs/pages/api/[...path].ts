import { createCountersign, getAuth, requireAuth, requireMachine } from 'countersign/nextjs'
import type { NextApiHandler, NextApiRequest, NextApiResponse } from 'next'

/** The routes that every adapter is tried with, by the pages router: test/adapters/cases.ts. */

const env = process.env
const ok: NextApiHandler = (_, res) => res.json({ ok: true })

async function machine(req: NextApiRequest, res: NextApiResponse) {
  const { subject, tokenType } = await getAuth(req, { acceptsToken: 'm2m_token' })
  res.json({ subject, tokenType })
}

const inner = createCountersign({
  apiUrl: env.INNER_URL,
  machineSecretKey: env.INNER_MACHINE_SECRET_KEY,
})

const routes: Record<string, NextApiHandler> = {
  '/api/public': ok,
  '/api/machine': requireMachine()(machine),
  '/api/from-worker': (req, res) =>
    requireMachine({ from: [env.WORKER_ID ?? ''] })(machine)(req, res),
  '/api/any': requireAuth({ acceptsToken: 'any' })(
    async (req: NextApiRequest, res: NextApiResponse) => {
      const { subject, tokenType } = await getAuth(req, { acceptsToken: 'any' })
      res.json({ subject, tokenType })
    },
  ),
  '/api/session': requireAuth({ acceptsToken: 'session_token' })(ok),
  '/api/whoami': async (req, res) => {
    const found = await Promise.all([
      getAuth(req, { acceptsToken: 'm2m_token' }),
      getAuth(req, { acceptsToken: 'any' }),
      getAuth(req, { acceptsToken: ['api_key', 'm2m_token'] }),
    ])
    res.json({ subjects: found.map(({ subject = null }) => subject) })
  },
  '/api/inner/machine': inner.requireMachine()(
    async (req: NextApiRequest, res: NextApiResponse) => {
      const { subject, tokenType } = await inner.getAuth(req, { acceptsToken: 'm2m_token' })
      res.json({ subject, tokenType })
    },
  ),
}

const handler: NextApiHandler = (req, res) => routes[req.url ?? '']?.(req, res)

export default handler
