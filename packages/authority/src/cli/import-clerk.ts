import { type Client, createClient, type Machine } from 'countersign'
import { explainError, isCountersignError } from 'countersign/token'
import { isLoopback } from '../settings.ts'
import { type ImportMap, openMap, openSecrets, type SecretSink } from './import-files.ts'
import { type ImportPlan, planImport } from './import-plan.ts'
import { reportImport } from './import-report.ts'
import { type Command, defineCommand, onSwitch, textFlag, yes } from './shell/command.ts'
import { CommandError } from './shell/failure.ts'
import { connectAsOwner, nonEmpty, readSecret, REMOTE_FLAGS } from './shell/remote.ts'
import type { Shell } from './shell/shell.ts'

const CLERK_URL = 'https://api.clerk.com'

/** Clerk's own bound is 500; a page of its largest machines keeps far below what is read at once. */
const PAGE = 100
/** More than an authority counts. */
const MAX_MACHINES = 10_000
const TIMEOUT_MS = 30_000

export const importClerk: Command = defineCommand({
  about: 'Brings the machines and scopes of a Clerk instance into an authority.',
  details:
    'Clerk is only read. Each machine gets a new id and a new secret key here, its name, its scopes and how long its tokens live. Secret keys, live tokens, API keys and all that is not of machines stay at Clerk. Run again, it brings what is new and changes nothing that is there: a machine is known by its line in the map or, without a map, by its name. It asks first, on a terminal. Exit code 1 when something is left out.',
  examples: [
    ['import clerk --dry-run', 'what would be brought; CLERK_SECRET_KEY has the key'],
    ['import clerk --map map.json --secrets keys.ndjson', 'keeps which became which, and the keys'],
  ],
  words: {},
  flags: {
    from: textFlag('URL', `Clerk's Backend API. Default: CLERK_API_URL, else ${CLERK_URL}.`),
    fromSecretKeyFile: textFlag(
      'FILE',
      'The secret key of the Clerk instance (sk_…); - is standard input. Default: CLERK_SECRET_KEY.',
    ),
    map: textFlag(
      'FILE',
      'A file of JSON that is kept: the old ids, the new ones, and the scopes that were brought.',
    ),
    secrets: textFlag(
      'FILE',
      'Append the new secret keys to this file, of mode 600, a line of JSON each, instead of printing them.',
    ),
    dryRun: onSwitch('Only say what would be done.'),
    yes,
    ...REMOTE_FLAGS,
  },
  async run({ from, fromSecretKeyFile, map: mapFile, secrets, dryRun, ...input }, shell) {
    const source = await connectToClerk(from, fromSecretKeyFile, shell)
    const client = await connectAsOwner(input, shell)
    const map = mapFile === undefined ? null : openMap(mapFile)
    const theirs = await readSource(source.client, source.secretKey)
    const ours = await readMachines(client.machines)
    if (theirs[0] !== undefined && theirs[0].instanceId === ours[0]?.instanceId) {
      throw new CommandError('usage', 'An authority cannot be imported into itself: see --from.')
    }
    const plan = planImport(theirs, ours, map)
    const options = { dryRun, secretsFile: secrets ?? null }
    if (dryRun) return reportImport(plan, options, shell)
    const [machines, scopes] = [count(plan.machines), count(plan.scopes)]
    if (!input.yes && machines + scopes > 0) {
      await shell.confirm(`Make ${machines} machines and ${scopes} scopes? (--dry-run shows them)`)
    }
    map?.save()
    const sink = secrets === undefined ? null : openSecrets(secrets)
    const printed = new Map<string, string>()
    const keep: SecretSink = sink ?? { add: ({ id, secretKey }) => void printed.set(id, secretKey) }
    const failure = await carryOut(plan, client, map, keep).catch((error: unknown) =>
      error instanceof Error ? error : new Error('Something that is no error was thrown.'),
    )
    return reportImport(plan, { ...options, secrets: printed, failure }, shell)
  },
})

function count(planned: readonly { readonly state: string }[]): number {
  return planned.filter(({ state }) => state === 'new').length
}

async function connectToClerk(
  from: string | undefined,
  keyFile: string | undefined,
  shell: Shell,
): Promise<{ readonly client: Client; readonly secretKey: string }> {
  const url = from ?? nonEmpty(shell.env['CLERK_API_URL']) ?? CLERK_URL
  if (!URL.canParse(url)) throw new CommandError('usage', `"${url}" is not a URL.`)
  const { protocol, hostname } = new URL(url)
  // The key opens every account of the instance.
  if (protocol !== 'https:' && !isLoopback(hostname)) {
    throw new CommandError('usage', `The key of Clerk would go to ${hostname} unencrypted.`)
  }
  const secretKey =
    keyFile === undefined
      ? nonEmpty(shell.env['CLERK_SECRET_KEY'])
      : await readSecret(keyFile, shell)
  if (secretKey === undefined) {
    throw new CommandError('key-missing', 'There is no secret key to read Clerk with.', {
      remedy: 'Set CLERK_SECRET_KEY, or give --from-secret-key-file.',
    })
  }
  return { client: createClient({ apiUrl: url, secretKey, timeoutMs: TIMEOUT_MS }), secretKey }
}

/** @throws {CommandError} `source-refused`, `source-unusable` */
async function readSource(client: Client, secretKey: string): Promise<readonly Machine[]> {
  try {
    const machines = await readMachines(client.machines)
    if (!machines.some(({ id, name }) => `${id} ${name}`.includes(secretKey))) return machines
    // It would be printed, and written down.
    throw new CommandError('source-unusable', 'A machine there has the secret key for its name.')
  } catch (error) {
    if (!isCountersignError(error)) throw error
    const isRefused = error.code === 'request-refused' && [401, 403].includes(error.status ?? 0)
    throw new CommandError(
      isRefused ? 'source-refused' : 'source-unusable',
      `Clerk: ${explainError(error)}`,
      { cause: error },
    )
  }
}

/** All machines, the oldest first: one that is made meanwhile comes last and moves no other. */
async function readMachines(machines: Client['machines']): Promise<readonly Machine[]> {
  const found = new Map<string, Machine>()
  let total = 0
  for (;;) {
    const page = await machines.list({ orderBy: 'created_at', limit: PAGE, offset: found.size })
    const before = found.size
    for (const machine of page.data) found.set(machine.id, machine)
    const hasShrunk = page.totalCount < total
    total = page.totalCount
    if (found.size > MAX_MACHINES) {
      throw new CommandError('source-unusable', `There are more than ${MAX_MACHINES} machines.`)
    }
    // One that was deleted meanwhile moved the others, and one of them was passed over; a page with
    // nothing new promises what it does not have.
    const isLast = found.size >= total
    if (hasShrunk || (found.size === before && !isLast)) {
      throw new CommandError('source-unusable', 'The list of machines changed while it was read.', {
        remedy: 'Run it again.',
      })
    }
    if (isLast) return [...found.values()]
  }
}

/**
 * Machines first, as scopes may form circles. Each is noted as soon as it is done. What the authority
 * refuses is left out; anything else ends the run.
 */
async function carryOut(
  { machines, scopes }: ImportPlan,
  client: Client,
  map: ImportMap | null,
  secrets: SecretSink,
): Promise<undefined> {
  for (const machine of machines) {
    const { source } = machine
    if (machine.state === 'new') {
      await unlessRefused(machine, async () => {
        const { name, defaultTokenTtl } = source
        const { id, secretKey = '' } = await client.machines.create({ name, defaultTokenTtl })
        machine.id = id
        machine.state = 'brought'
        secrets.add({ name, clerkId: source.id, id, secretKey })
      })
    }
    if (machine.id !== null) map?.addMachine(source.id, { id: machine.id, name: source.name })
  }
  for (const scope of scopes) {
    const { from, to } = scope
    if (scope.state === 'new' && from.id !== null && to.id !== null) {
      const [fromId, toId] = [from.id, to.id]
      await unlessRefused(scope, async () => {
        await client.machines.createScope(fromId, toId)
        scope.state = 'brought'
      })
    } else if (scope.state === 'new') {
      scope.state = 'left-out'
      scope.note = 'one of its machines is left out'
    }
    if (scope.state === 'brought' || scope.state === 'there') {
      map?.addScope(from.source.id, to.source.id)
    }
  }
  return undefined
}

/** A refusal that the input has caused: the same would be said again. */
async function unlessRefused(
  planned: { state: string; note: string | null },
  make: () => Promise<void>,
): Promise<void> {
  try {
    await make()
  } catch (error) {
    const isRefused = isCountersignError(error) && [400, 409, 422].includes(error.status ?? 0)
    if (!isRefused) throw error
    const [wire] = error.errors
    planned.state = wire?.code === 'scope_exists' ? 'there' : 'left-out'
    planned.note = wire?.longMessage ?? 'the authority refused it'
  }
}
