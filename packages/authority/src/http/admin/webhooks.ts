import * as v from 'valibot'
import type { WebhookRecord } from '../../domain/records.ts'
import type { Webhooks } from '../../domain/webhooks.ts'
import type { Doorkeeper } from '../caller.ts'
import type { App } from '../http-app.ts'
import { json } from '../respond.ts'
import * as rule from '../rules.ts'
import { checkBody, parseId } from '../validate.ts'

const ACTIONS = 'must be an array of at most 50 actions, such as machine.deleted'

const createBody = rule.body({
  url: rule.text(1, 2048),
  actions: v.optional(
    v.pipe(
      v.array(rule.pattern(/^[a-z0-9_]{1,32}\.[a-z0-9_]{1,32}$/, ACTIONS), ACTIONS),
      v.maxLength(50, ACTIONS),
    ),
    [],
  ),
})

const replayBody = rule.body({ from: rule.wholeNumber(1, 999_999_999_999) })

export interface WebhooksParts {
  readonly doorkeeper: Doorkeeper
  readonly webhooks: Webhooks
}

/** Webhooks, for whoever administers the instance. */
export function routeWebhooks(app: App, { doorkeeper, webhooks }: WebhooksParts): void {
  const idOf = (text: string): string => parseId('webhook', text, 'resource_not_found')

  app.post('/webhooks', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const { webhook, secret } = await webhooks.create(caller, checkBody(createBody, body))
    return json({ ...toWire(webhook), secret }, 201)
  })

  app.get('/webhooks', async (c) => {
    await doorkeeper.instance(c)
    return json({ data: (await webhooks.list()).map(toWire) })
  })

  app.delete('/webhooks/:id', async (c) => {
    const { caller } = await doorkeeper.instance(c)
    const id = idOf(c.req.param('id'))
    await webhooks.delete(caller, id)
    return json({ object: 'webhook', id, deleted: true })
  })

  app.post('/webhooks/:id/replay', async (c) => {
    const { caller, body } = await doorkeeper.instance(c)
    const id = idOf(c.req.param('id'))
    const { from } = checkBody(replayBody, body)
    return json(toWire(await webhooks.replay(caller, id, from)))
  })
}

function toWire(webhook: WebhookRecord): object {
  return {
    object: 'webhook',
    id: webhook.id,
    url: webhook.url,
    actions: webhook.actions,
    created_at: webhook.createdAt,
    delivered_through: webhook.cursor,
    failures: webhook.failures,
    disabled_at: webhook.disabledAt,
    disabled_reason: webhook.disabledReason,
  }
}
