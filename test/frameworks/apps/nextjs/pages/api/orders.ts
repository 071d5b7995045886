import { getAuth, requireMachine } from 'countersign/nextjs'
import type { NextApiRequest, NextApiResponse } from 'next'

export default requireMachine()(async (req: NextApiRequest, res: NextApiResponse) => {
  const { machineId, scopes } = await getAuth(req, { acceptsToken: 'm2m_token' })
  res.json({ machineId, scopes })
})
