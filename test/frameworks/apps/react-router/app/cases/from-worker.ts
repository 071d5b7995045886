import { requireMachine } from 'countersign/react-router'
import { answer } from './answer'

export const middleware = [requireMachine({ from: [process.env.WORKER_ID ?? ''] })]
export const loader = answer('m2m_token')
