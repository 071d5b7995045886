import type { InstanceCaller } from './actors.ts'
import type { Context } from './context.ts'
import type { Sealer } from './data-keys.ts'
import { AuthorityError } from './errors.ts'
import type { Random } from './ports.ts'
import type { WebhookRecord } from './records.ts'
import { webhookPlace } from './places.ts'

/** Where audit events are delivered to. */
export interface Webhooks {
  /** The secret is told here alone. @throws {AuthorityError} `bad_request`, `webhooks_full` */
  create(
    by: InstanceCaller,
    request: { readonly url: string; readonly actions: readonly string[] },
  ): Promise<{ readonly webhook: WebhookRecord; readonly secret: string }>
  list(): Promise<readonly WebhookRecord[]>
  /** @throws {AuthorityError} `resource_not_found` */
  delete(by: InstanceCaller, id: string): Promise<void>
  /**
   * Delivers from an entry on, those anew that were delivered, and enables what was disabled.
   *
   * @throws {AuthorityError} `resource_not_found`, `conflict`
   */
  replay(by: InstanceCaller, id: string, fromSeq: number): Promise<WebhookRecord>
}

export const MAX_WEBHOOKS = 20

const SECRET_BYTES = 32
const SECRET_PREFIX = 'whsec_'

export function createWebhooks(
  context: Context,
  ports: { readonly sealer: Sealer; readonly random: Random },
): Webhooks {
  const { store, clock, ids, credentials, audit } = context

  const find = async (id: string): Promise<WebhookRecord> => {
    const webhook = await store.webhook(id)
    if (webhook === null) throw new AuthorityError('resource_not_found')
    return webhook
  }

  return Object.freeze({
    async create(by: InstanceCaller, { url, actions }: Parameters<Webhooks['create']>[1]) {
      checkUrl(url)
      const id = ids.create('webhook')
      const bytes = ports.random.bytes(SECRET_BYTES)
      const [head] = await store.auditLogBefore(Number.MAX_SAFE_INTEGER, 1)
      const webhook: WebhookRecord = {
        id,
        url,
        actions,
        sealed: ports.sealer.seal(webhookPlace(id), bytes),
        mac: credentials.bind({ kind: 'webhook', id, digest: '' }, [url, JSON.stringify(actions)]),
        createdAt: clock.now(),
        version: 1,
        cursor: head?.seq ?? 0,
        failures: 0,
        failingSince: null,
        nextAttemptAt: 0,
        disabledAt: null,
        disabledReason: null,
      }
      const outcome = await store.write(
        { type: 'create-webhook', webhook, limit: MAX_WEBHOOKS },
        audit('webhook.created', by, { target: id, details: { host: new URL(url).host, actions } }),
      )
      if (outcome === 'full') throw new AuthorityError('webhooks_full')
      return { webhook, secret: SECRET_PREFIX + Buffer.from(bytes).toString('base64') }
    },

    list: () => store.webhooks(),

    async delete(by: InstanceCaller, id: string) {
      const entry = audit('webhook.deleted', by, { target: id })
      const outcome = await store.write({ type: 'delete-webhook', id }, entry)
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
    },

    async replay(by: InstanceCaller, id: string, fromSeq: number) {
      const before = await find(id)
      const [head] = await store.auditLogBefore(Number.MAX_SAFE_INTEGER, 1)
      const cursor = Math.min(fromSeq - 1, head?.seq ?? 0)
      const webhook = { ...before, ...FRESH, cursor }
      const entry = audit('webhook.replayed', by, { target: id, details: { from: fromSeq } })
      const outcome = await store.write({ type: 'update-webhook', webhook }, entry)
      if (outcome !== 'done') throw new AuthorityError('conflict')
      return find(id)
    },
  })
}

const FRESH = {
  failures: 0,
  failingSince: null,
  nextAttemptAt: 0,
  disabledAt: null,
  disabledReason: null,
} as const

/** The secret of a webhook as bytes; `null` when it, or where it delivers to, was altered. */
export function openWebhook(
  { credentials }: Pick<Context, 'credentials'>,
  sealer: Sealer,
  { id, url, actions, mac, sealed }: WebhookRecord,
): Uint8Array | null {
  const bound = [url, JSON.stringify(actions)]
  if (!credentials.isBound({ kind: 'webhook', id, digest: '' }, mac, bound)) return null
  return sealer.open(webhookPlace(id), sealed)
}

/** Whether the addresses behind it may be called is looked at with every call. */
function checkUrl(text: string): void {
  const url = URL.canParse(text) ? new URL(text) : null
  const refuse = (explanation: string): never => {
    throw new AuthorityError('bad_request', { explanation, parameter: 'url' })
  }
  if (url === null) return refuse('url must be a URL.')
  if (url.username !== '' || url.password !== '' || url.hash !== '') {
    refuse('url must have no user and no fragment.')
  }
  const isLoopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(url.hostname)
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback)) {
    refuse('url must be https, or http on a loopback host.')
  }
}
