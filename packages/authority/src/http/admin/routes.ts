import type { App } from '../http-app.ts'
import { type AuditLogParts, routeAuditLog } from './audit-log.ts'
import { type RevocationsParts, routeRevocations } from './revocations.ts'
import { routeSigningKeys, type SigningKeysParts } from './signing-keys.ts'
import { routeWebhooks, type WebhooksParts } from './webhooks.ts'

/** What administration stands on. */
export type AdminParts = SigningKeysParts & RevocationsParts & AuditLogParts & WebhooksParts

/** What no client of Clerk's knows: our own dialect, for the command line and the dashboard. */
export function routeAdmin(app: App, parts: AdminParts): void {
  routeSigningKeys(app, parts)
  routeRevocations(app, parts)
  routeAuditLog(app, parts)
  routeWebhooks(app, parts)
}
