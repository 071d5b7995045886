import { requireMachine } from 'countersign/react-router'

// One machine, and no other.
export const middleware = [requireMachine({ from: [process.env.WORKER_ID ?? ''] })]

export const loader = () => Response.json({ refunds: [] })
