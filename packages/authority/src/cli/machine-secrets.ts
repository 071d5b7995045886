import type { MachineSecretVersion } from 'countersign'
import {
  type Command,
  defineCommand,
  durationFlag,
  onSwitch,
  type Report,
  yes,
} from './shell/command.ts'
import { formatDuration } from './shell/duration.ts'
import { CommandError } from './shell/failure.ts'
import {
  connectAsOwner,
  MACHINE,
  machineId,
  REMOTE_FLAGS,
  type RemoteInput,
} from './shell/remote.ts'
import { safe, showTime, table } from './shell/show.ts'
import type { Shell } from './shell/shell.ts'

/** The commands of `machines` that are about secret keys. */
export const machineSecrets: Readonly<Record<string, Command>> = {
  secret: defineCommand({
    about: 'Prints the secret key of a machine, where the authority can read it back.',
    examples: [['machines secret worker > worker.key', 'into a file']],
    words: { machine: MACHINE },
    flags: REMOTE_FLAGS,
    async run(input, shell) {
      const client = await connectAsOwner(input, shell)
      const id = await machineId(client, input.machine)
      const { secret } = await client.machines.getSecretKey(id)
      return { data: { machineId: id, secret }, lines: [secret] }
    },
  }),

  secrets: defineCommand({
    about: 'Lists the versions of its secret key: until when they work, and who uses them.',
    examples: [['machines secrets worker', 'before an old key is ended']],
    words: { machine: MACHINE },
    flags: REMOTE_FLAGS,
    async run(input, shell) {
      const client = await connectAsOwner(input, shell)
      const versions = await client.machines.listSecretKeys(await machineId(client, input.machine))
      const rows = versions.map((version) => versionRow(version, shell))
      const columns = ['version', 'works until', 'made', 'last used', 'uses', 'last from']
      return { data: versions, lines: table(columns, rows, shell) }
    },
  }),

  'rotate-secret': defineCommand({
    about: 'Gives a machine a new secret key, and prints it.',
    details:
      'The old key goes on working for the grace, at most 8h, so that it can be replaced in peace. With --finish it ends sooner: as soon as everybody uses the new one. That is refused while the old one is still in use, and says by whom.',
    examples: [
      ['machines rotate-secret worker --grace 1h', 'both keys work for an hour'],
      ['machines rotate-secret worker --finish', 'everybody has the new one'],
      ['machines rotate-secret worker --yes', 'the old key ends now: it was stolen'],
    ],
    words: { machine: MACHINE },
    flags: {
      grace: durationFlag('How long the old key goes on working. Default: not at all.'),
      finish: onSwitch('Make no new key: end the old ones, if nobody uses them any more.'),
      quiet: durationFlag('With --finish: unused for this long is unused. Default: 10m.'),
      force: onSwitch('With --finish: also if they are in use.'),
      yes,
      ...REMOTE_FLAGS,
    },
    async run({ grace, finish, quiet, force, ...input }, shell) {
      if (finish) {
        if (grace !== undefined)
          throw new CommandError('usage', '--finish makes no new key, so it takes no --grace.')
        return finishRotation({ quiet, force, ...input }, shell)
      }
      if (quiet !== undefined || force)
        throw new CommandError('usage', '--quiet and --force go with --finish.')
      return rotate({ grace: grace ?? 0, ...input }, shell)
    },
  }),
}

interface OnMachine extends RemoteInput {
  readonly machine: string
  readonly yes: boolean
}

async function rotate(
  { grace, ...input }: OnMachine & { readonly grace: number },
  shell: Shell,
): Promise<Report> {
  const client = await connectAsOwner(input, shell)
  const id = await machineId(client, input.machine)
  if (grace === 0 && !input.yes) {
    await shell.confirm(`Rotate without grace? The key that ${input.machine} uses ends at once.`)
  }
  const rotated = { machineId: id, previousTokenTtl: grace }
  const { secret } = await client.machines.rotateSecretKey(rotated)
  const end = grace === 0 ? 'has ended' : `works for ${formatDuration(grace)} more`
  return {
    data: { machineId: id, secret, previousTokenTtl: grace },
    lines: [secret],
    notes: [`Above is the new key. The old one ${end}.`],
  }
}

async function finishRotation(
  {
    quiet,
    force,
    ...input
  }: OnMachine & {
    readonly quiet: number | undefined
    readonly force: boolean
  },
  shell: Shell,
): Promise<Report> {
  const client = await connectAsOwner(input, shell)
  const id = await machineId(client, input.machine)
  if (force && !input.yes) {
    await shell.confirm(`End the old keys of ${input.machine}, whoever uses them?`)
  }
  const ended = await client.machines.finishSecretKeyRotation({
    machineId: id,
    quietSeconds: quiet,
    force,
  })
  const versions = ended.join(', ')
  const what = ended.length === 1 ? `Version ${versions} has` : `Versions ${versions} have`
  return {
    data: { machineId: id, ended },
    lines: [ended.length === 0 ? 'No older key was left.' : `${what} ended.`],
  }
}

function versionRow(secret: MachineSecretVersion, shell: Shell): readonly string[] {
  const until = secret.expiresAt === null ? 'the newest' : showTime(secret.expiresAt, shell)
  const from = secret.callers.map(({ address }) => safe(address)).join(', ')
  return [
    String(secret.version),
    secret.live ? until : 'ended',
    showTime(secret.createdAt, shell),
    secret.lastUsedAt === null ? 'never' : showTime(secret.lastUsedAt, shell),
    String(secret.useCount),
    from,
  ]
}
