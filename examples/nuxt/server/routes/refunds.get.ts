import { requireMachine } from 'countersign/nuxt'

// One machine, and no other.
export default defineEventHandler(
  requireMachine({ from: [process.env.WORKER_ID ?? ''] })(() => ({ refunds: [] })),
)
