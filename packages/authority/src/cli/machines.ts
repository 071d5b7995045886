import type { Machine } from 'countersign'
import { machineSecrets } from './machine-secrets.ts'
import {
  choiceFlag,
  countFlag,
  defineCommand,
  durationFlag,
  type Noun,
  type Report,
  textFlag,
  textsFlag,
  yes,
} from './shell/command.ts'
import { formatDuration } from './shell/duration.ts'
import { connectAsOwner, MACHINE, machineId, REMOTE_FLAGS } from './shell/remote.ts'
import { facts, pageNote, safe, showTime, table } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'

const ttl = durationFlag('How long its tokens live unless asked otherwise. Default: 1h.')
const algorithm = choiceFlag(
  ['RS256', 'ES256', 'EdDSA'],
  'What its JWTs are signed with. Default: as the instance.',
)

const stateless = choiceFlag(
  ['true', 'false'],
  'Whether its JWTs have no status: then nothing is kept of them, and none can be revoked. Default: false.',
)

export const machines: Noun = {
  about: 'Machines are services, jobs and agents: whatever calls, or is called.',
  commands: {
    create: defineCommand({
      about: 'Makes a machine and prints its secret key.',
      examples: [
        ['machines create api', 'a machine that may call no other'],
        ['machines create worker --scope api --ttl 15m', 'one whose tokens api accepts'],
      ],
      words: { name: 'What it is called; need not be unique.' },
      flags: {
        scope: textsFlag('MACHINE', 'A machine that it may call.'),
        ttl,
        algorithm,
        stateless,
        ...REMOTE_FLAGS,
      },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const scopedMachines = await Promise.all(input.scope.map((word) => machineId(client, word)))
        const machine = await client.machines.create({
          name: input.name,
          scopedMachines,
          ...(input.ttl !== undefined && { defaultTokenTtl: input.ttl }),
          ...(input.algorithm !== undefined && { jwtAlgorithm: input.algorithm }),
          ...(input.stateless !== undefined && { stateless: input.stateless === 'true' }),
        })
        return describe(machine, shell)
      },
    }),

    list: defineCommand({
      about: 'Lists machines, newest first.',
      examples: [
        ['machines list', 'the newest ten'],
        ['machines list --query work --sort name --limit 100', 'those with work in their name'],
      ],
      words: {},
      flags: {
        query: textFlag('TEXT', 'Part of a name, or an id.'),
        sort: choiceFlag(
          ['name', '-name', 'created_at', '-created_at'],
          'The order; - is descending. Default: -created_at.',
        ),
        limit: countFlag('N', 'How many, at most 500. Default: 10.'),
        offset: countFlag('N', 'How many to leave out first.'),
        ...REMOTE_FLAGS,
      },
      async run({ query, sort, limit, offset, ...input }, shell) {
        const client = await connectAsOwner(input, shell)
        const page = await client.machines.list({
          ...(query !== undefined && { query }),
          ...(sort !== undefined && { orderBy: sort }),
          ...(limit !== undefined && { limit }),
          ...(offset !== undefined && { offset }),
        })
        const rows = page.data.map((machine) => [
          safe(machine.name),
          machine.id,
          formatDuration(machine.defaultTokenTtl),
          machine.scopedMachines.map(({ name }) => safe(name)).join(', '),
        ])
        return {
          data: page,
          lines: table(['name', 'id', 'ttl', 'may call'], rows, shell),
          notes: pageNote(page, offset ?? 0),
        }
      },
    }),

    get: defineCommand({
      about: 'Shows a machine.',
      examples: [['machines get worker', 'what it is and whom it may call']],
      words: { machine: MACHINE },
      flags: REMOTE_FLAGS,
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const id = await machineId(client, input.machine)
        return describe(await client.machines.get(id), shell)
      },
    }),

    update: defineCommand({
      about: 'Changes a machine; what is not given stays as it is.',
      examples: [['machines update worker --name nightly --ttl 5m', 'from now on']],
      words: { machine: MACHINE },
      flags: { name: textFlag('NAME', 'A new name.'), ttl, algorithm, stateless, ...REMOTE_FLAGS },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const machine = await client.machines.update({
          machineId: await machineId(client, input.machine),
          ...(input.name !== undefined && { name: input.name }),
          ...(input.ttl !== undefined && { defaultTokenTtl: input.ttl }),
          ...(input.algorithm !== undefined && { jwtAlgorithm: input.algorithm }),
          ...(input.stateless !== undefined && { stateless: input.stateless === 'true' }),
        })
        return describe(machine, shell)
      },
    }),

    delete: defineCommand({
      about: 'Deletes a machine, its keys, its scopes and its tokens.',
      examples: [['machines delete worker', 'asks first, on a terminal']],
      words: { machine: MACHINE },
      flags: { yes, ...REMOTE_FLAGS },
      async run(input, shell) {
        const client = await connectAsOwner(input, shell)
        const id = await machineId(client, input.machine)
        if (!input.yes) await shell.confirm(`Delete ${input.machine}? Its tokens end at once.`)
        const deleted = await client.machines.delete(id)
        return { data: deleted, lines: [`${id} is deleted.`] }
      },
    }),

    ...machineSecrets,
  },
}

function describe(machine: Machine, shell: Shell): Report {
  const calls = machine.scopedMachines.map(({ name, id }) => `${safe(name)} ${shell.style.dim(id)}`)
  const lines = facts(
    [
      ['name', safe(machine.name)],
      ['id', machine.id],
      ['tokens live', formatDuration(machine.defaultTokenTtl)],
      ['signed with', machine.jwtAlgorithm ?? 'the algorithm of the instance'],
      ...(calls.length === 0
        ? [['may call', 'no other machine'] as const]
        : calls.map((call, index) => [index === 0 ? 'may call' : '', call] as const)),
      ['created', showTime(machine.createdAt, shell)],
      ...(machine.secretKey === undefined ? [] : [['secret key', machine.secretKey] as const]),
    ],
    shell,
  )
  return { data: machine, lines }
}
