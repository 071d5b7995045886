import { json } from '../respond.ts'
import type { BackendApiParts } from './parts.ts'
import { routeApiKeys } from './api-keys.ts'
import { routeM2MTokens } from './m2m-tokens.ts'
import { routeMachines } from './machines.ts'
import type { App } from '../http-app.ts'

/** The machine half of Clerk's Backend API, so that its clients work here unchanged. */
export function routeBackendApi(app: App, parts: BackendApiParts): void {
  routeMachines(app, parts)
  routeM2MTokens(app, parts)
  routeApiKeys(app, parts)

  app.get('/jwks', async (c) => {
    await parts.doorkeeper.anyone(c, 'clerk_key_invalid')
    return json(parts.signingKeys.publicSet())
  })
}
