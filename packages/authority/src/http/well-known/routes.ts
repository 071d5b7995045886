import type { Hono } from 'hono'
import type { SigningKeys } from '../../domain/signing-keys.ts'
import { publicJson } from '../respond.ts'

/** How long a verifier may keep the key set before it looks again. */
export const KEY_SET_MAX_AGE_SECONDS = 300

/** What anyone may know. */
export function routeWellKnown(app: Hono, signingKeys: SigningKeys): void {
  app.get('/.well-known/jwks.json', () =>
    publicJson(signingKeys.publicSet, KEY_SET_MAX_AGE_SECONDS),
  )
}
