import { defineCommand, type Noun, onSwitch } from './shell/command.ts'
import { connectAsOwner, machineId, REMOTE_FLAGS } from './shell/remote.ts'
import { safe, table } from './shell/show.ts'

const FROM = 'The machine that calls: its id or its exact name.'
const TO = 'The machine that is called: its id or its exact name.'

export const scopes: Noun = {
  about: 'A scope lets one machine call another, one way. It holds for tokens made from then on.',
  commands: {
    add: defineCommand({
      about: 'Lets a machine call another.',
      examples: [['scopes add worker api', 'api accepts the tokens that worker makes from now on']],
      words: { from: FROM, to: TO },
      flags: REMOTE_FLAGS,
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const [from, to] = [await machineId(client, input.from), await machineId(client, input.to)]
        const scope = await client.machines.createScope(from, to)
        return { data: scope, lines: [`${input.from} may call ${input.to}.`] }
      },
    }),

    list: defineCommand({
      about: 'Lists the machines that a machine may call.',
      examples: [['scopes list worker', 'whom worker may call']],
      words: { from: FROM },
      flags: REMOTE_FLAGS,
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const { scopedMachines } = await client.machines.get(await machineId(client, input.from))
        const rows = scopedMachines.map(({ name, id }) => [safe(name), id])
        return { data: scopedMachines, lines: table(['may call', 'id'], rows, shell) }
      },
    }),

    remove: defineCommand({
      about: 'Ends a scope.',
      details:
        'Tokens that were made under it live on until they expire, unless they are to end, too.',
      examples: [
        ['scopes remove worker api', 'new tokens of worker no longer reach api'],
        ['scopes remove worker api --apply-to-live-tokens', 'those that do are revoked'],
      ],
      words: { from: FROM, to: TO },
      flags: {
        applyToLiveTokens: onSwitch('Revoke the live tokens that were made by it.'),
        ...REMOTE_FLAGS,
      },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const [from, to] = [await machineId(client, input.from), await machineId(client, input.to)]
        const { applyToLiveTokens } = input
        await client.machines.deleteScope(from, to, { applyToLiveTokens })
        return {
          data: { fromMachineId: from, toMachineId: to, deleted: true },
          lines: [`${input.from} may no longer call ${input.to}.`],
        }
      },
    }),
  },
}
