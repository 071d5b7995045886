import type { Hono } from 'hono'
import { routeSigningKeys, type SigningKeysParts } from './signing-keys.ts'

/** What administration stands on. */
export type AdminParts = SigningKeysParts

/** What no client of Clerk's knows: our own dialect, for the command line and the dashboard. */
export function routeAdmin(app: Hono, parts: AdminParts): void {
  routeSigningKeys(app, parts)
}
