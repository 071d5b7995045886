import type { JsonObject } from '../token/json.ts'
import type { Settings } from './options.ts'
import { about, done, idInPath, required } from './request.ts'
import type { Call, Send } from './transport.ts'
import type { CreateWebhookParams, ReplayWebhookParams, Webhook } from './types.ts'
import { toDeletedWebhook, toWebhook, toWebhooks } from './wire.ts'

/** Where a Countersign authority delivers its audit events. Every call needs `secretKey`. */
export interface WebhooksApi {
  /** The answer alone has the `secret` that deliveries are signed with (standardwebhooks.com). */
  create(params: CreateWebhookParams): Promise<Webhook>
  list(): Promise<Webhook[]>
  delete(webhookId: string): Promise<{ readonly id: string }>
  /** Delivers from an entry of the audit log on, also what was delivered, and enables it again. */
  replay(params: ReplayWebhookParams): Promise<Webhook>
}

export function createWebhooksApi(settings: Settings, send: Send): WebhooksApi {
  const ask = (
    call: Omit<Call, 'secret' | 'success'>,
    success: 200 | 201 = 200,
  ): Promise<JsonObject> =>
    send({ ...call, success, secret: required(settings.secretKey(), 'secretKey') })
  const pathOf = (webhookId: unknown): string => `/webhooks/${idInPath('webhookId', webhookId)}`

  return Object.freeze({
    async create({ url, actions }: CreateWebhookParams) {
      const path = '/webhooks'
      const call = { method: 'POST', path, body: { url, actions }, repeatable: false } as const
      const webhook = toWebhook(await ask(call, 201))
      return done(webhook, webhook.secret !== undefined, 'the answer to have the secret')
    },

    list: async () => toWebhooks(await ask({ method: 'GET', path: '/webhooks', repeatable: true })),

    async delete(webhookId: string) {
      const path = pathOf(webhookId)
      const answer = await ask({ method: 'DELETE', path, repeatable: false })
      return about(webhookId, toDeletedWebhook(answer))
    },

    async replay({ webhookId, from }: ReplayWebhookParams) {
      const path = `${pathOf(webhookId)}/replay`
      const answer = await ask({ method: 'POST', path, body: { from }, repeatable: true })
      return about(webhookId, toWebhook(answer))
    },
  })
}
