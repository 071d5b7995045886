import { requireAuth } from 'countersign/react-router'
import { answer } from './answer'

export const middleware = [requireAuth({ acceptsToken: 'any' })]
export const loader = answer('any')
