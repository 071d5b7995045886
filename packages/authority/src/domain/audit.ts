import type { Actor } from './actors.ts'
import type { Credentials } from './credentials.ts'
import type { AuditEntry, Clock } from './ports.ts'
import type { AuditRecord } from './records.ts'

/**
 * What the audit log tells of. The part before the dot says of what kind the target is; an agent's call
 * has whatever it is about.
 */
export type AuditAction =
  | 'instance.created'
  | 'instance_key.created'
  | 'instance_key.revoked'
  | 'machine.created'
  | 'machine.updated'
  | 'machine.deleted'
  | 'machine_secret.rotated'
  | 'machine_secret.read'
  | 'machine_secret.ended'
  | 'scope.added'
  | 'scope.removed'
  | 'm2m_token.created'
  | 'm2m_token.revoked'
  | 'm2m_tokens.revoked'
  | 'api_key.created'
  | 'api_key.updated'
  | 'api_key.revoked'
  | 'api_key.deleted'
  | 'api_key.read'
  | 'signing_keys.rotated'
  | 'signing_keys.maintained'
  | 'signing_key.revoked'
  | 'root_key.rotated'
  | 'data_keys.forgotten'
  | 'credential.leaked'
  | 'caller.refused'
  | 'agent.called'
  | 'audit_key.created'
  | 'audit_log.pruned'
  | 'webhook.created'
  | 'webhook.deleted'
  | 'webhook.replayed'
  | 'webhook.disabled'

/** What an entry says besides who and when. Never a secret, a token or a claim. */
export interface AuditFacts {
  /** The id of what it was done to. */
  readonly target: string | null
  readonly reason?: string | null
  readonly details?: Readonly<Record<string, unknown>>
}

/** Writes an entry for a change that `by` makes now. */
export type Audit = (action: AuditAction, by: Actor, facts: AuditFacts) => AuditEntry

export function createAudit(clock: Clock, credentials: Credentials): Audit {
  return (action, by, { target, reason = null, details = {} }) => {
    const { address, ...who } = by
    const at = clock.now()
    const text = JSON.stringify({ at, action, by: who, from: address, target, reason, details })
    return { text, mac: credentials.bind(IDENTITY, [text]) }
  }
}

/** What an entry says. */
export interface AuditStatement {
  readonly at: number
  readonly action: string
  readonly by: Readonly<Record<string, unknown>>
  readonly from: string | null
  readonly target: string | null
  readonly reason: string | null
  readonly details: Readonly<Record<string, unknown>>
}

/** `null` for what no authority wrote. */
export function parseAuditEntry(text: string): AuditStatement | null {
  try {
    const entry = JSON.parse(text) as Partial<AuditStatement> | null
    const isEntry = typeof entry?.at === 'number' && typeof entry.action === 'string'
    return isEntry && typeof entry.by === 'object' ? (entry as AuditStatement) : null
  } catch {
    return null
  }
}

/** Whether the authority itself wrote this entry. */
export function isOwnEntry(credentials: Credentials, { entry, mac }: AuditRecord): boolean {
  return credentials.isBound(IDENTITY, mac, [entry])
}

/** An entry has no id of its own: its place is bound by the chain. */
const IDENTITY = { kind: 'audit-entry', id: '', digest: '' } as const
