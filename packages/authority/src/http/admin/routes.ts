import type { App } from '../http-app.ts'
import { type AgentCallsParts, routeAgentCalls } from './agent-calls.ts'
import { type AuditLogParts, routeAuditLog } from './audit-log.ts'
import { type MachineSecretsParts, routeMachineSecrets } from './machine-secrets.ts'
import { type RevocationsParts, routeRevocations } from './revocations.ts'
import { routeSigningKeys, type SigningKeysParts } from './signing-keys.ts'
import { routeWebhooks, type WebhooksParts } from './webhooks.ts'

/** What administration stands on. */
export type AdminParts = MachineSecretsParts &
  SigningKeysParts &
  RevocationsParts &
  AuditLogParts &
  AgentCallsParts &
  WebhooksParts

/** What no client of Clerk's knows: our own dialect, for the command line and the dashboard. */
export function routeAdmin(app: App, parts: AdminParts): void {
  routeMachineSecrets(app, parts)
  routeSigningKeys(app, parts)
  routeRevocations(app, parts)
  routeAuditLog(app, parts)
  routeAgentCalls(app, parts)
  routeWebhooks(app, parts)
}
