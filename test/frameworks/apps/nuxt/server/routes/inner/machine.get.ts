import { getAuth, requireMachine } from 'countersign/nuxt'

export default defineEventHandler(
  requireMachine()(async (event) => {
    const { subject, tokenType } = await getAuth(event, { acceptsToken: 'm2m_token' })
    return { subject, tokenType }
  }),
)
