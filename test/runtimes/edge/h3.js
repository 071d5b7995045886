// h3 as a worker: its app is made with the first request, when the settings are known.
import { countersignMiddleware, getAuth, requireAuth, requireMachine } from 'countersign/h3'
import { H3 } from 'h3'

/** @type {H3 | undefined} */
let app

/** @param {object} env */
function createApp(env) {
  const app = new H3()
  app.use(countersignMiddleware({ env }))
  app.get('/health', () => ({ ok: true }))
  app.use('/orders', requireMachine())
  app.get('/orders', async (event) => {
    const { machineId } = await getAuth(event, { acceptsToken: 'm2m_token' })
    return { machineId }
  })
  app.use('/reports', requireAuth({ acceptsToken: ['m2m_token', 'api_key'] }))
  app.get('/reports', async (event) => {
    const { tokenType } = await getAuth(event, { acceptsToken: 'any' })
    return { tokenType }
  })
  return app
}

export default {
  /** @type {(request: Request, env: object) => Response | Promise<Response>} */
  fetch: (request, env) => (app ??= createApp(env)).fetch(request),
}
