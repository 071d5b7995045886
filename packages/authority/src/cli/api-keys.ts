import type { ApiKey } from 'countersign'
import {
  countFlag,
  defineCommand,
  durationFlag,
  type Noun,
  objectFlag,
  onSwitch,
  type Report,
  textFlag,
  textsFlag,
  yes,
} from './shell/command.ts'
import { CommandError } from './shell/failure.ts'
import { connectAsOwner, REMOTE_FLAGS } from './shell/remote.ts'
import { facts, pageNote, safe, showTime, table } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'

const KEY = 'The id of the key, ak_ and 32 digits, from api-keys list.'
const SUBJECT = 'Who holds it: the id of a user, an organization or a machine.'
const MINE = 'mch_1qj4hgHJy5Pi4NsoZSYFHrG2tMI'

const content = {
  description: textFlag('TEXT', 'What it is for.'),
  scope: textsFlag('TEXT', 'Something that it allows, in your own words.'),
  claims: objectFlag('What it says besides.'),
  ttl: durationFlag('How long it lives. Default: until it is revoked.'),
}

export const apiKeys: Noun = {
  about: 'API keys: long-lived secrets that a user, an organization or a machine holds.',
  commands: {
    create: defineCommand({
      about: 'Makes an API key and prints its secret.',
      examples: [[`api-keys create deploys ${MINE} --ttl 90d`, 'for 90 days']],
      words: { name: 'What it is called; 3 characters or more.', subject: SUBJECT },
      flags: { ...content, ...REMOTE_FLAGS },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const key = await client.apiKeys.create({
          name: input.name,
          subject: input.subject,
          ...contentOf(input),
        })
        const expires =
          key.expiration === null ? 'does not expire' : `expires ${showTime(key.expiration, shell)}`
        return {
          data: key,
          lines: [key.secret ?? ''],
          notes: [`Above is ${key.id}; it ${expires}.`],
        }
      },
    }),

    list: defineCommand({
      about: 'Lists the API keys of a holder, newest first.',
      examples: [[`api-keys list ${MINE} --all`, 'also the revoked and the expired']],
      words: { subject: SUBJECT },
      flags: {
        all: onSwitch('Also those that are no longer valid.'),
        limit: countFlag('N', 'How many, at most 100. Default: 10.'),
        offset: countFlag('N', 'How many to leave out first.'),
        ...REMOTE_FLAGS,
      },
      async run({ subject, all, limit, offset, ...input }, shell) {
        const client = await connectAsOwner(input, shell)
        const page = await client.apiKeys.list({
          subject,
          includeInvalid: all,
          ...(limit !== undefined && { limit }),
          ...(offset !== undefined && { offset }),
        })
        const rows = page.data.map((key) => [
          safe(key.name),
          key.id,
          stateOf(key),
          showTime(key.expiration, shell),
        ])
        return {
          data: page,
          lines: table(['name', 'id', 'state', 'expires'], rows, shell),
          notes: pageNote(page, offset ?? 0),
        }
      },
    }),

    get: defineCommand({
      about: 'Shows an API key, without its secret.',
      examples: [['api-keys get ak_0123456789abcdef0123456789abcdef', 'what it is and allows']],
      words: { id: KEY },
      flags: REMOTE_FLAGS,
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        return describe(await client.apiKeys.get(input.id), shell)
      },
    }),

    update: defineCommand({
      about: 'Changes an API key; what is not given stays as it is.',
      examples: [
        ['api-keys update ak_0123… --scope read --scope write', 'other rights, same secret'],
      ],
      words: { id: KEY },
      flags: { ...content, ...REMOTE_FLAGS },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const { subject } = await client.apiKeys.get(input.id)
        const change = { apiKeyId: input.id, subject, ...contentOf(input) }
        return describe(await client.apiKeys.update(change), shell)
      },
    }),

    delete: defineCommand({
      about: 'Deletes an API key and what is known of it. To keep the record, revoke it.',
      examples: [['api-keys delete ak_0123…', 'asks first, on a terminal']],
      words: { id: KEY },
      flags: { yes, ...REMOTE_FLAGS },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        if (!input.yes) await shell.confirm(`Delete ${input.id}? Its holder is shut out at once.`)
        return { data: await client.apiKeys.delete(input.id), lines: [`${input.id} is deleted.`] }
      },
    }),

    secret: defineCommand({
      about: 'Prints the secret of an API key, where the authority can read it back.',
      examples: [['api-keys secret ak_0123…', 'the secret alone']],
      words: { id: KEY },
      flags: REMOTE_FLAGS,
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const { secret } = await client.apiKeys.getSecret(input.id)
        return { data: { id: input.id, secret }, lines: [secret] }
      },
    }),

    revoke: defineCommand({
      about: 'Ends an API key at once.',
      examples: [['api-keys revoke ak_0123… --reason "left the company"', 'with a reason']],
      words: { id: KEY },
      flags: { reason: textFlag('TEXT', 'Why, for the record.'), yes, ...REMOTE_FLAGS },
      async run({ reason, ...input }, shell) {
        const client = await connectAsOwner(input, shell)
        if (!input.yes) await shell.confirm(`Revoke ${input.id}? Its holder is shut out at once.`)
        const key = await client.apiKeys.revoke({
          apiKeyId: input.id,
          ...(reason !== undefined && { revocationReason: reason }),
        })
        return { data: key, lines: [`${key.id} is revoked.`] }
      },
    }),

    verify: defineCommand({
      about: 'Verifies the secret of an API key. Exit code 1 for one that is refused.',
      examples: [['api-keys verify - < key.txt', 'a secret is read from standard input only']],
      words: { secret: 'Must be -: the secret is read from standard input.' },
      flags: REMOTE_FLAGS,
      async run(input, shell) {
        if (input.secret !== '-') {
          throw new CommandError('usage', 'A secret is never an argument: give -, and pipe it in.')
        }
        const secret = await shell.readInput()
        const client = await connectAsOwner(input, shell)
        const { data, lines } = describe(await client.apiKeys.verify(secret), shell)
        return { data, lines: [`${shell.style.green('✓')} valid`, ...lines] }
      },
    }),
  },
}

interface Content {
  readonly description: string | undefined
  readonly scope: readonly string[]
  readonly claims: Record<string, unknown> | undefined
  readonly ttl: number | undefined
}

function contentOf({ description, scope, claims, ttl }: Content): {
  description?: string
  scopes?: string[]
  claims?: Record<string, unknown>
  secondsUntilExpiration?: number
} {
  return {
    ...(description !== undefined && { description }),
    ...(scope.length > 0 && { scopes: [...scope] }),
    ...(claims !== undefined && { claims }),
    ...(ttl !== undefined && { secondsUntilExpiration: ttl }),
  }
}

function stateOf(key: ApiKey): string {
  if (key.revoked) return 'revoked'
  return key.expired ? 'expired' : 'live'
}

function describe(key: ApiKey, shell: Shell): Report {
  const rows: (readonly [string, string])[] = [
    ['name', safe(key.name)],
    ['id', key.id],
    ['holder', key.subject],
    ['state', stateOf(key)],
    ['scopes', key.scopes.length === 0 ? 'none' : safe(key.scopes.join(', '))],
    ...(key.description === null ? [] : [['description', safe(key.description)] as const]),
    ...(key.claims === null ? [] : [['claims', safe(JSON.stringify(key.claims))] as const]),
    ['created', showTime(key.createdAt, shell)],
    ['expires', showTime(key.expiration, shell)],
    ['last used', showTime(key.lastUsedAt, shell)],
  ]
  return { data: key, lines: facts(rows, shell) }
}
