import { getAuth, type NuxtEvent, requireAuth, requireMachine } from 'countersign/nuxt'

/** The routes that every adapter is tried with: test/adapters/cases.ts. */

const ok = () => ({ ok: true })

async function machine(event: NuxtEvent) {
  const { subject, tokenType } = await getAuth(event, { acceptsToken: 'm2m_token' })
  return { subject, tokenType }
}

const routes: Record<string, (event: NuxtEvent) => unknown> = {
  '/public': ok,
  '/machine': requireMachine()(machine),
  '/from-worker': requireMachine({ from: [process.env.WORKER_ID ?? ''] })(machine),
  '/any': requireAuth({ acceptsToken: 'any' })(async (event) => {
    const { subject, tokenType } = await getAuth(event, { acceptsToken: 'any' })
    return { subject, tokenType }
  }),
  '/session': requireAuth({ acceptsToken: 'session_token' })(ok),
  '/whoami': async (event) => {
    const found = await Promise.all([
      getAuth(event, { acceptsToken: 'm2m_token' }),
      getAuth(event, { acceptsToken: 'any' }),
      getAuth(event, { acceptsToken: ['api_key', 'm2m_token'] }),
    ])
    return { subjects: found.map(({ subject = null }) => subject) }
  },
}

export default defineEventHandler((event) => routes[event.path]?.(event))
