import type { Store } from '../domain/ports.ts'
import { json } from './respond.ts'
import type { App } from './http-app.ts'

/** `/livez`: the process answers. `/readyz`: it can do its work. Neither says more. */
export function routeHealth(app: App, store: Pick<Store, 'ping'>): void {
  app.get('/livez', () => json({ status: 'ok' }))
  app.get('/readyz', async () => {
    try {
      await store.ping()
      return json({ status: 'ok' })
    } catch {
      return json({ status: 'unavailable' }, 503)
    }
  })
}
