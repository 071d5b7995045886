import { requireMachine } from 'countersign/nextjs'

// One machine, and no other. The build loads this file too, without the settings of the server.
export const GET = (request: Request) =>
  requireMachine({ from: [process.env.WORKER_ID ?? ''] })(() => Response.json({ refunds: [] }))(
    request,
  )
