import { createHmac } from 'node:crypto'
import { AUTHORITY } from './actors.ts'
import { type AuditStatement, parseAuditEntry } from './audit.ts'
import type { Context } from './context.ts'
import type { Sealer } from './data-keys.ts'
import type { Log, PostResult, PostWebhook, Random } from './ports.ts'
import type { AuditRecord, WebhookRecord } from './records.ts'
import { openWebhook } from './webhooks.ts'

/**
 * Delivers audit events to webhooks, at least once and in order, as Standard Webhooks say
 * (https://www.standardwebhooks.com). The audit log is the queue; each webhook has its cursor in it.
 */
export interface WebhookDeliveries {
  /** Begins what is due and does not wait for it. */
  start(): Promise<void>
  /** Waits for what is under way. */
  settle(): Promise<void>
  /** Breaks off what is under way, to be delivered again. */
  stop(): Promise<void>
}

/** Webhooks that are delivered to at once. */
const MAX_AT_ONCE = 8

/** Events in one go: a crash delivers as many again. */
const MAX_IN_A_ROW = 20

const PAGE = 200

/** How long a webhook is one process's; longer than {@link MAX_IN_A_ROW} calls take. */
const CLAIM_MS = 300_000

const FIRST_RETRY_MS = 5_000
const MAX_RETRY_MS = 3_600_000
const GIVE_UP_MS = 86_400_000

export function createWebhookDeliveries(
  context: Context,
  parts: {
    readonly sealer: Sealer
    readonly post: PostWebhook
    readonly random: Random
    readonly log: Log
  },
): WebhookDeliveries {
  const { store, clock, audit } = context
  const underWay = new Map<string, Promise<void>>()
  const stopping = new AbortController()
  const { signal } = stopping

  /** Keeps what became of it; `null` when somebody else has changed it meanwhile. */
  const keep = async (webhook: WebhookRecord, disabled?: string): Promise<WebhookRecord | null> => {
    const entry =
      disabled === undefined
        ? undefined
        : audit('webhook.disabled', AUTHORITY, { target: webhook.id, reason: disabled })
    const outcome = await store.write({ type: 'update-webhook', webhook }, entry)
    return outcome === 'done' ? { ...webhook, version: webhook.version + 1 } : null
  }

  const deliver = async (due: WebhookRecord): Promise<void> => {
    const claimed = await keep({ ...due, nextAttemptAt: clock.now() + CLAIM_MS })
    if (claimed === null) return
    const secret = openWebhook(context, parts.sealer, claimed)
    if (secret === null) {
      const disabledReason = 'the record in the database was altered'
      await keep({ ...claimed, disabledAt: clock.now(), disabledReason }, disabledReason)
      return
    }
    let { cursor } = claimed
    let result: PostResult = { status: 200 }
    for (const record of await nextEvents(context, claimed)) {
      if (record.statement !== null && fits(claimed, record.statement)) {
        result = await parts.post({
          url: claimed.url,
          signal,
          ...signedEvent(context.instance.id, record, secret, clock.now()),
        })
        if (!isDelivered(result)) break
      }
      cursor = record.seq
    }
    if (signal.aborted) {
      await keep({ ...claimed, cursor, nextAttemptAt: 0 })
      return
    }
    const after = planNext(claimed, { cursor, result, now: clock.now(), random: parts.random })
    await keep(after, after.disabledReason ?? undefined)
    if (!isDelivered(result)) {
      const what = 'status' in result ? { status: result.status } : { failure: result.failure }
      parts.log.warn('a webhook was not delivered', { webhookId: due.id, seq: cursor + 1, ...what })
    }
  }

  return Object.freeze({
    async start(): Promise<void> {
      if (signal.aborted) return
      const [head] = await store.auditLogBefore(Number.MAX_SAFE_INTEGER, 1)
      const now = clock.now()
      for (const webhook of await store.webhooks()) {
        if (underWay.size >= MAX_AT_ONCE) return
        const { id, cursor, disabledAt, nextAttemptAt } = webhook
        const isDue = disabledAt === null && nextAttemptAt <= now && cursor < (head?.seq ?? 0)
        if (!isDue || underWay.has(id)) continue
        const delivery = deliver(webhook)
          .catch((error: unknown) => {
            parts.log.error('a webhook failed', { webhookId: id }, error)
          })
          .finally(() => underWay.delete(id))
        underWay.set(id, delivery)
      }
    },

    async settle(): Promise<void> {
      await Promise.all(underWay.values())
    },

    async stop(): Promise<void> {
      stopping.abort()
      await Promise.all(underWay.values())
    },
  })
}

type Event = AuditRecord & { readonly statement: AuditStatement | null }

/** A page of what comes next, cut where enough of it is to be delivered. */
async function nextEvents(
  { store }: Pick<Context, 'store'>,
  webhook: WebhookRecord,
): Promise<readonly Event[]> {
  const page = await store.auditLog(webhook.cursor, PAGE)
  const records: Event[] = []
  let count = 0
  for (const record of page) {
    const statement = parseAuditEntry(record.entry)
    records.push({ ...record, statement })
    if (statement !== null && fits(webhook, statement)) count++
    if (count === MAX_IN_A_ROW) break
  }
  return records
}

function fits({ actions }: WebhookRecord, { action }: AuditStatement): boolean {
  return actions.length === 0 || actions.includes(action)
}

function isDelivered(result: PostResult): boolean {
  return 'status' in result && result.status >= 200 && result.status < 300
}

/** What becomes of a webhook by the result of its last call. */
export function planNext(
  webhook: WebhookRecord,
  event: {
    readonly cursor: number
    readonly result: PostResult
    readonly now: number
    readonly random: Random
  },
): WebhookRecord {
  const { cursor, result, now, random } = event
  if (isDelivered(result)) {
    return { ...webhook, cursor, failures: 0, failingSince: null, nextAttemptAt: 0 }
  }
  const failures = webhook.failures + 1
  const failingSince = webhook.failingSince ?? now
  const next = { ...webhook, cursor, failures, failingSince }
  const disable = (disabledReason: string): WebhookRecord => ({
    ...next,
    disabledAt: now,
    disabledReason,
  })
  if ('status' in result && result.status === 410) return disable('the endpoint answered 410 Gone')
  if (now - failingSince >= GIVE_UP_MS) return disable('every delivery failed for a day')
  const longest = Math.min(FIRST_RETRY_MS * 2 ** Math.min(failures - 1, 20), MAX_RETRY_MS)
  // Half of it is by chance, so that not all who failed together come together again.
  const chance = (random.bytes(1)[0] ?? 0) / 255
  return { ...next, nextAttemptAt: now + Math.round(longest * (0.5 + chance / 2)) }
}

/** The same id for every delivery of an event, so that its receiver can tell one that comes again. */
export function signedEvent(
  instanceId: string,
  { seq, statement }: Pick<Event, 'seq' | 'statement'>,
  secret: Uint8Array,
  now: number,
): { readonly headers: Readonly<Record<string, string>>; readonly body: string } {
  const id = `${instanceId}_${seq}`
  const timestamp = String(Math.floor(now / 1000))
  const body = JSON.stringify({
    type: statement?.action,
    timestamp: new Date(statement?.at ?? now).toISOString(),
    data: { seq, ...statement },
  })
  const signature = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`)
  return {
    headers: {
      'content-type': 'application/json',
      'user-agent': 'countersign-webhooks',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature.digest('base64')}`,
    },
    body,
  }
}
