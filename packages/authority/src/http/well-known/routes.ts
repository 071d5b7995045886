import type { Hono } from 'hono'
import { KEY_SET_MAX_AGE_SECONDS } from '../../domain/key-plan.ts'
import type { SigningKeys } from '../../domain/key-ring.ts'
import { publicJson } from '../respond.ts'

/** What anyone may know. */
export function routeWellKnown(app: Hono, signingKeys: SigningKeys): void {
  app.get('/.well-known/jwks.json', () =>
    publicJson(signingKeys.publicSet(), KEY_SET_MAX_AGE_SECONDS),
  )
}
