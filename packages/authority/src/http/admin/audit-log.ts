import * as v from 'valibot'
import type { AuditLine, AuditTrail } from '../../domain/audit-trail.ts'
import type { AuditCheckpointRecord } from '../../domain/records.ts'
import type { Doorkeeper } from '../caller.ts'
import type { App } from '../http-app.ts'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { parseQuery } from '../validate.ts'

const MAX_SEQ = 999_999_999_999

const limit = v.optional(rule.count(1, 500), '100')

const entriesQuery = v.strictObject({
  order: v.optional(v.picklist(['asc', 'desc'], 'must be asc or desc'), 'asc'),
  after: v.optional(rule.count(0, MAX_SEQ)),
  before: v.optional(rule.count(1, MAX_SEQ)),
  limit,
  action: v.optional(rule.text(1, 64)),
  target: v.optional(rule.text(1, 255)),
  actor: v.optional(rule.text(1, 80)),
  since: v.optional(rule.instantInQuery),
  until: v.optional(rule.instantInQuery),
  exact: v.optional(rule.flag, 'false'),
})

const checkpointsQuery = v.strictObject({
  after: v.optional(rule.count(0, MAX_SEQ), '0'),
  limit,
})

export interface AuditLogParts {
  readonly doorkeeper: Doorkeeper
  readonly auditTrail: AuditTrail
}

/** The audit log, for whoever administers the instance. */
export function routeAuditLog(app: App, { doorkeeper, auditTrail }: AuditLogParts): void {
  app.get('/audit_log', async (c) => {
    await doorkeeper.instance(c)
    const { order, after, before, exact, ...query } = parseQuery(entriesQuery, c.req.raw)
    rule.requireFit(before === undefined || order === 'desc', 'before', 'order to be desc')
    rule.requireFit(after === undefined || order === 'asc', 'after', 'order to be asc')
    const page = await auditTrail.find({
      ...query,
      order: order === 'asc' ? 'oldest-first' : 'newest-first',
      from: (order === 'asc' ? after : before) ?? null,
    })
    return json({ data: page.lines.map((line) => toEntry(line, exact)), next: page.next })
  })

  app.get('/audit_log/checkpoints', async (c) => {
    await doorkeeper.instance(c)
    const query = parseQuery(checkpointsQuery, c.req.raw)
    const found = await auditTrail.checkpoints(query.after, query.limit)
    return json({
      instance_id: auditTrail.instanceId,
      keys: auditTrail.publicKeys.map(({ version, publicKey }) => ({
        version,
        public_key: publicKey,
      })),
      data: found.map(toCheckpoint),
      next: found.length < query.limit ? null : (found.at(-1)?.seq ?? null),
    })
  })
}

/** `exact` adds what the chain is computed of. */
function toEntry({ seq, hash, mac, entry, statement }: AuditLine, exact: boolean): object {
  return {
    object: 'audit_entry',
    seq,
    at: statement?.at ?? null,
    action: statement?.action ?? null,
    by: statement === null ? null : toActor(statement.by),
    from: statement?.from ?? null,
    target: statement?.target ?? null,
    reason: statement?.reason ?? null,
    details: statement?.details ?? null,
    hash: base64url(hash),
    ...(exact && { mac: base64url(mac), entry }),
  }
}

function toActor(by: Readonly<Record<string, unknown>>): object {
  return {
    kind: by['kind'],
    machine_id: by['machineId'] ?? null,
    secret_version: by['secretVersion'] ?? null,
    instance_key_id: by['instanceKeyId'] ?? null,
    claimed_agent: by['claimedAgent'] ?? null,
  }
}

function toCheckpoint({ seq, hash, at, keyVersion, signature }: AuditCheckpointRecord): object {
  return {
    object: 'audit_checkpoint',
    seq,
    hash: base64url(hash),
    at,
    key_version: keyVersion,
    signature: base64url(signature),
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}
