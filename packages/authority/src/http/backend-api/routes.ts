import type { Hono } from 'hono'
import type { ApiKeys } from '../../domain/api-keys.ts'
import type { M2MTokens } from '../../domain/m2m-tokens.ts'
import type { MachineSecrets } from '../../domain/machine-secrets.ts'
import type { Machines } from '../../domain/machines.ts'
import type { Clock } from '../../domain/ports.ts'
import type { SigningKeys } from '../../domain/signing-keys.ts'
import type { Doorkeeper } from '../caller.ts'
import { json } from '../respond.ts'
import { routeApiKeys } from './api-keys.ts'
import { routeM2MTokens } from './m2m-tokens.ts'
import { routeMachines } from './machines.ts'

/** What Clerk's dialect stands on. */
export interface BackendApiParts {
  readonly instanceId: string
  readonly clock: Clock
  readonly doorkeeper: Doorkeeper
  readonly machines: Machines
  readonly machineSecrets: MachineSecrets
  readonly m2mTokens: M2MTokens
  readonly apiKeys: ApiKeys
  readonly signingKeys: SigningKeys
}

/** The machine half of Clerk's Backend API, so that its clients work here unchanged. */
export function routeBackendApi(app: Hono, parts: BackendApiParts): void {
  routeMachines(app, parts)
  routeM2MTokens(app, parts)
  routeApiKeys(app, parts)

  app.get('/jwks', async (c) => {
    await parts.doorkeeper.anyone(c.req.raw, 'clerk_key_invalid')
    return json(parts.signingKeys.publicSet)
  })
}
