import { openInstanceKeys } from '../app.ts'
import type { InstanceKeys } from '../domain/instance-keys.ts'
import { defineCommand, type Noun, yes } from './shell/command.ts'
import { LOCAL_FLAGS, type LocalInput, withInstance } from './shell/local.ts'
import type { Shell } from './shell/shell.ts'
import { showTime, table } from './shell/show.ts'

export const instanceKeys: Noun = {
  about:
    'The secret keys (sk_…) that administer the instance. These commands open the database itself, with the root key, and work while the authority runs.',
  commands: {
    create: defineCommand({
      about: 'Makes another instance key and prints it, once.',
      details:
        'To roll a key: create one, give it to those who use the old one, revoke the old one.',
      examples: [['instance-keys create', 'beside the others, which go on working']],
      words: {},
      flags: LOCAL_FLAGS,
      run: (input, shell) =>
        withKeys(input, shell, async (keys) => {
          const { id, secret } = await keys.create()
          return {
            data: { id, secretKey: secret },
            lines: [secret],
            notes: [`Above is the secret key ${id}. It is not printed again.`],
          }
        }),
    }),

    list: defineCommand({
      about: 'Lists the instance keys, without their secrets.',
      examples: [['instance-keys list', 'all of them, also revoked ones']],
      words: {},
      flags: LOCAL_FLAGS,
      run: (input, shell) =>
        withKeys(input, shell, async (keys) => {
          const data = (await keys.list()).map(({ id, createdAt, revokedAt }) => ({
            id,
            createdAt,
            revokedAt,
          }))
          const rows = data.map(({ id, createdAt, revokedAt }) => [
            id,
            showTime(createdAt, shell),
            revokedAt === null ? 'live' : `revoked ${showTime(revokedAt, shell)}`,
          ])
          return { data, lines: table(['id', 'created', 'state'], rows, shell) }
        }),
    }),

    revoke: defineCommand({
      about: 'Ends an instance key at once.',
      examples: [
        ['instance-keys revoke isk_1qj4hgHJy5Pi4NsoZSYFHrG2tMI', 'asks first, on a terminal'],
      ],
      words: { id: 'The id of the key, isk_… from instance-keys list.' },
      flags: { ...LOCAL_FLAGS, yes },
      run: (input, shell) =>
        withKeys(input, shell, async (keys) => {
          if (!input.yes) await shell.confirm(`Revoke ${input.id}? All who use it are shut out.`)
          await keys.revoke(input.id)
          return { data: { id: input.id, revoked: true }, lines: [`${input.id} is revoked.`] }
        }),
    }),
  },
}

function withKeys<Result>(
  input: LocalInput,
  shell: Shell,
  use: (keys: InstanceKeys) => Promise<Result>,
): Promise<Result> {
  return withInstance(input, shell, async (config, ports) =>
    use(await openInstanceKeys(config, ports)),
  )
}
