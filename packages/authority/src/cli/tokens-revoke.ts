import { parseCredential } from 'countersign/token'
import {
  countFlag,
  defineCommand,
  instantFlag,
  onSwitch,
  type Report,
  textFlag,
  yes,
} from './shell/command.ts'
import { CommandError } from './shell/failure.ts'
import {
  type Caller,
  connectAsMachine,
  machineId,
  MACHINE_FLAGS,
  type MachineInput,
} from './shell/remote.ts'
import type { Shell } from './shell/shell.ts'
import { tokenText } from './shell/token-word.ts'

const { machine: _, ...KEY_FLAGS } = MACHINE_FLAGS

export const revoke = defineCommand({
  about: 'Ends a token, or all that fit: opaque ones at once, JWTs within seconds.',
  details:
    'A verifier that checks the status of JWTs refuses a revoked one within the lifetime of the status list, 15 seconds. A JWT of a stateless machine has no status and cannot be revoked. Options that choose tokens narrow one another. Where there is an instance key it is used, and COUNTERSIGN_MACHINE_SECRET_KEY only without one.',
  examples: [
    ['tokens revoke mt_01… --reason "laptop lost"', 'by the id, or by the token itself'],
    ['tokens revoke --machine worker --dry-run', 'how many tokens of worker are alive'],
    ['tokens revoke --machine worker --issued-before 15m', 'those made more than 15 minutes ago'],
    ['tokens revoke --kid key_2h… --yes', 'all that this key has signed'],
  ],
  words: { 'token?': 'The id of one token, or the token; - reads it from standard input.' },
  flags: {
    machine: textFlag('MACHINE', 'All tokens of this machine.'),
    secretVersion: countFlag('N', 'Those made with this version of its secret.'),
    issuedBefore: instantFlag(
      'Those made before a time (2026-01-31T12:00:00Z), or that long ago (1h).',
    ),
    kid: textFlag('KEY', 'JWTs signed by this key.'),
    receiver: textFlag('MACHINE', 'Those that this machine accepts.'),
    all: onSwitch('All tokens of the instance.'),
    dryRun: onSwitch('Count the tokens that would end, and end none.'),
    reason: textFlag('TEXT', 'Why, for the record.'),
    yes,
    ...KEY_FLAGS,
  },
  run(input, shell) {
    const { machine, secretVersion, issuedBefore, kid, receiver, all } = input
    const isMany = [machine, secretVersion, issuedBefore, kid, receiver].some(
      (value) => value !== undefined,
    )
    if (input.token !== undefined) {
      if (isMany || all || input.dryRun) {
        throw new CommandError('usage', 'Name one token, or say which tokens, not both.')
      }
      return revokeOne(input, input.token, shell)
    }
    if (!isMany && !all) {
      throw new CommandError(
        'usage',
        'TOKEN is missing, or one of --machine, --issued-before, --kid, --receiver, --all.',
      )
    }
    if (secretVersion !== undefined && machine === undefined) {
      throw new CommandError('usage', '--secret-version needs --machine.')
    }
    return revokeMany(input, shell)
  },
})

type KeyInput = Omit<MachineInput, 'machine'>

/** With the key that ends most: the environment may have that of a machine whose token it is not. */
async function connectToRevoke(
  input: KeyInput,
  shell: Shell,
): Promise<Pick<Caller, 'client' | 'owner'>> {
  const caller = await connectAsMachine({ ...input, machine: undefined }, shell)
  const isMachineChosen = input.machineSecretKeyFile !== undefined
  const client = caller.hasInstanceKey && !isMachineChosen ? caller.owner : caller.client
  return { client, owner: caller.owner }
}

async function revokeOne(
  input: KeyInput & { readonly reason: string | undefined },
  word: string,
  shell: Shell,
): Promise<Report> {
  const text = await tokenText(word, shell)
  const { client } = await connectToRevoke(input, shell)
  const token = await client.m2m.revokeToken({
    m2mTokenId: parseCredential(text)?.id ?? idOfJwt(text) ?? text,
    ...(input.reason !== undefined && { revocationReason: input.reason }),
  })
  return { data: token, lines: [`${token.id} is revoked.`] }
}

interface ManyInput extends KeyInput {
  readonly machine: string | undefined
  readonly secretVersion: number | undefined
  readonly issuedBefore: number | undefined
  readonly kid: string | undefined
  readonly receiver: string | undefined
  readonly all: boolean
  readonly dryRun: boolean
  readonly reason: string | undefined
  readonly yes: boolean
}

async function revokeMany(input: ManyInput, shell: Shell): Promise<Report> {
  const { client, owner } = await connectToRevoke(input, shell)
  const idOf = (word: string | undefined) =>
    word === undefined ? undefined : machineId(owner, word)
  const which = {
    machineId: await idOf(input.machine),
    secretVersion: input.secretVersion,
    issuedBefore: input.issuedBefore,
    kid: input.kid,
    receiverId: await idOf(input.receiver),
    ...(input.all && { entireInstance: true }),
  }
  const before = await client.m2m.revokeTokens({ ...which, dryRun: true })
  if (input.dryRun) {
    return { data: before, lines: [`${countOf(before.count)} would be revoked.`] }
  }
  if (!input.yes) await shell.confirm(`Revoke ${countOf(before.count)}?`)
  const { reason } = input
  const done = await client.m2m.revokeTokens({
    ...which,
    ...(reason !== undefined && { revocationReason: reason }),
  })
  return { data: done, lines: [`${countOf(done.count)} revoked.`] }
}

function countOf(count: number): string {
  return count === 1 ? '1 token' : `${count} tokens`
}

/** What the payload says; the authority knows whether there is such a token. */
function idOfJwt(text: string): string | null {
  const [, payload = ''] = text.split('.')
  try {
    const { jti } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { jti?: unknown }
    return typeof jti === 'string' ? jti : null
  } catch {
    return null
  }
}
