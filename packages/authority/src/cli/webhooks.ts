import type { Webhook } from 'countersign'
import {
  countFlag,
  defineCommand,
  type Noun,
  type Report,
  textsFlag,
  yes,
} from './shell/command.ts'
import { CommandError } from './shell/failure.ts'
import { connectAsOwner, REMOTE_FLAGS } from './shell/remote.ts'
import { safe, showTime, table } from './shell/show.ts'

const ID = 'The id of the webhook, whk_… from webhooks list.'

export const webhooks: Noun = {
  about:
    'Webhooks are told of audit events, signed as Standard Webhooks say. docs/audit.md has what they get.',
  commands: {
    create: defineCommand({
      about: 'Makes a webhook and prints the secret that deliveries are signed with, once.',
      details:
        'It gets what happens from now on. An address on a private network is called only with COUNTERSIGN_WEBHOOKS_ALLOW_PRIVATE.',
      examples: [
        ['webhooks create https://example.com/hook', 'for every event'],
        [
          'webhooks create https://example.com/hook --action machine.deleted',
          'for one kind of them',
        ],
      ],
      words: { endpoint: 'A URL: https, or http on a loopback host.' },
      flags: { action: textsFlag('ACTION', 'Only events of this kind.'), ...REMOTE_FLAGS },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const webhook = await client.webhooks.create({ url: input.endpoint, actions: input.action })
        return {
          data: webhook,
          lines: [webhook.secret ?? ''],
          notes: [`Above is the secret of ${webhook.id}. It is not printed again.`],
        }
      },
    }),

    list: defineCommand({
      about: 'Lists the webhooks, how far they were delivered to, and what is wrong with them.',
      examples: [['webhooks list', 'all of them, also disabled ones']],
      words: {},
      flags: REMOTE_FLAGS,
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const found = await client.webhooks.list()
        const rows = found.map((webhook) => [
          webhook.id,
          safe(webhook.url),
          webhook.actions.length === 0 ? 'all' : safe(webhook.actions.join(' ')),
          String(webhook.deliveredThrough),
          stateOf(webhook, (at) => showTime(at, shell)),
        ])
        const lines = table(['id', 'url', 'actions', 'through', 'state'], rows, shell)
        return { data: found, lines }
      },
    }),

    delete: defineCommand({
      about: 'Ends a webhook.',
      examples: [['webhooks delete whk_1qj4hgHJy5Pi4NsoZSYFHrG2tMI', 'asks first, on a terminal']],
      words: { id: ID },
      flags: { ...REMOTE_FLAGS, yes },
      async run(input, shell): Promise<Report> {
        const client = await connectAsOwner(input, shell)
        if (!input.yes) await shell.confirm(`Delete ${input.id}?`)
        const { id } = await client.webhooks.delete(input.id)
        return { data: { id, deleted: true }, lines: [`${id} is deleted.`] }
      },
    }),

    replay: defineCommand({
      about: 'Delivers from an entry on, also what was delivered, and enables the webhook again.',
      examples: [
        ['webhooks replay whk_1qj4hgHJy5Pi4NsoZSYFHrG2tMI --from 812', 'entry 812 is the first'],
      ],
      words: { id: ID },
      flags: {
        from: countFlag('SEQ', 'The number of an entry in the audit log.'),
        ...REMOTE_FLAGS,
      },
      async run(input, shell) {
        const { from } = input
        if (from === undefined) throw new CommandError('usage', '--from is missing.')
        const client = await connectAsOwner(input, shell)
        const webhook = await client.webhooks.replay({ webhookId: input.id, from })
        return { data: webhook, lines: [`${webhook.id} is delivered to from entry ${from} on.`] }
      },
    }),
  },
}

function stateOf({ disabledAt, disabledReason, failures }: Webhook, show: (at: number) => string) {
  if (disabledAt !== null) return `disabled ${show(disabledAt)}: ${safe(disabledReason ?? '')}`
  return failures === 0 ? 'live' : `failed ${failures} times`
}
