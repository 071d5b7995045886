import type { APIContext, APIRoute } from 'astro'
import { requireAuth, requireMachine } from 'countersign/astro'

/** The routes that every adapter is tried with: test/adapters/cases.ts. */

const ok = () => Response.json({ ok: true })

async function machine({ locals }: Pick<APIContext, 'locals'>) {
  const { subject, tokenType } = await locals.auth({ acceptsToken: 'm2m_token' })
  return Response.json({ subject, tokenType })
}

const routes: Record<string, APIRoute> = {
  '/public': ok,
  '/machine': requireMachine()(machine),
  '/inner/machine': requireMachine()(machine),
  '/from-worker': requireMachine({ from: [process.env.WORKER_ID ?? ''] })(machine),
  '/any': requireAuth({ acceptsToken: 'any' })(async ({ locals }) => {
    const { subject, tokenType } = await locals.auth({ acceptsToken: 'any' })
    return Response.json({ subject, tokenType })
  }),
  '/session': requireAuth({ acceptsToken: 'session_token' })(ok),
  '/whoami': async ({ locals }) => {
    const found = await Promise.all([
      locals.auth({ acceptsToken: 'm2m_token' }),
      locals.auth({ acceptsToken: 'any' }),
      locals.auth({ acceptsToken: ['api_key', 'm2m_token'] }),
    ])
    return Response.json({ subjects: found.map(({ subject = null }) => subject) })
  },
}

export const GET: APIRoute = (context) =>
  routes[context.url.pathname]?.(context) ?? new Response(null, { status: 404 })
