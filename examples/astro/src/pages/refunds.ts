import { requireMachine } from 'countersign/astro'

// One machine, and no other.
export const GET = requireMachine({ from: [process.env.WORKER_ID ?? ''] })(() =>
  Response.json({ refunds: [] }),
)
