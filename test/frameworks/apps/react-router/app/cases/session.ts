import { requireAuth } from 'countersign/react-router'

export const middleware = [requireAuth({ acceptsToken: 'session_token' })]
export const loader = () => Response.json({ ok: true })
