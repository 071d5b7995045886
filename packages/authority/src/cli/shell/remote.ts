import { readFileSync } from 'node:fs'
import { type Client, createClient } from 'countersign'
import { isId, parseCredential } from 'countersign/token'
import { isLoopback } from '../../settings.ts'
import { type Flag, textFlag } from './command.ts'
import { DATA_FOLDER, dataFolder, runningAuthority } from './data-folder.ts'
import { CommandError } from './failure.ts'
import type { Shell } from './shell.ts'

const DEFAULT_URL = 'http://127.0.0.1:4100'

type TextFlag = Flag<string | undefined>

/** Which authority. */
export const TARGET_FLAGS: { readonly url: TextFlag; readonly data: TextFlag } = {
  url: textFlag('URL', `The authority. Default: COUNTERSIGN_URL, a running dev, ${DEFAULT_URL}.`),
  data: textFlag('DIR', `The folder to look for a running dev in. Default: ${DATA_FOLDER}.`),
}

/** For commands that call an authority with the instance key. */
export const REMOTE_FLAGS: typeof TARGET_FLAGS & { readonly secretKeyFile: TextFlag } = {
  secretKeyFile: textFlag(
    'FILE',
    'The instance key (sk_…); - is standard input. Default: COUNTERSIGN_SECRET_KEY, or the key of a running dev.',
  ),
  ...TARGET_FLAGS,
}

/** The word that names a machine. */
export const MACHINE = 'The machine: its id or its exact name.'

/** For commands that a machine may call, too. */
export const MACHINE_FLAGS: typeof REMOTE_FLAGS & {
  readonly machine: TextFlag
  readonly machineSecretKeyFile: TextFlag
} = {
  machine: textFlag('MACHINE', 'Act as this machine, with its key read back by the instance key.'),
  machineSecretKeyFile: textFlag(
    'FILE',
    'The key of a machine (ak_…); - is standard input. Default: COUNTERSIGN_MACHINE_SECRET_KEY.',
  ),
  ...REMOTE_FLAGS,
}

/** For commands that judge a token. */
export const VERIFY_FLAGS: typeof MACHINE_FLAGS & { readonly issuer: TextFlag } = {
  issuer: textFlag(
    'URL',
    'The issuer of its JWTs, where that is not the URL. Default: COUNTERSIGN_ISSUER.',
  ),
  ...MACHINE_FLAGS,
}

interface TargetInput {
  readonly url: string | undefined
  readonly data: string | undefined
}

export interface RemoteInput extends TargetInput {
  readonly secretKeyFile: string | undefined
}

export interface MachineInput extends RemoteInput {
  readonly machine: string | undefined
  readonly machineSecretKeyFile: string | undefined
  readonly issuer?: string | undefined
}

/** A client that may lack a key, and what it is pointed at. */
export interface Remote {
  readonly where: { readonly apiUrl: string; readonly issuer?: string }
  readonly client: Client
  readonly secretKey: string | null
}

/** A client, and whether it acts as a machine. */
export interface Caller {
  readonly client: Client
  readonly isMachine: boolean
  readonly where: Remote['where']
  /** The machine, where its key tells. */
  readonly machineId: string | null
  readonly hasInstanceKey: boolean
  /** For what needs the instance key; may lack one. */
  readonly owner: Client
}

/** A client with the instance key. @throws {CommandError} `key-missing` */
export async function connectAsOwner(input: RemoteInput, shell: Shell): Promise<Client> {
  const { client, secretKey } = await connectWithAnyKey(input, shell)
  if (secretKey === null)
    throw new CommandError('key-missing', 'There is no instance key to call with.')
  return client
}

/** A client with an instance key where one is found. */
export async function connectWithAnyKey(
  input: RemoteInput & { readonly issuer?: string | undefined },
  shell: Shell,
): Promise<Remote> {
  const target = await findAuthority(input, shell)
  const secretKey = await findSecretKey(input, target, shell)
  if (secretKey !== null) warnOfPlainHttp(target.url, shell)
  const where = { apiUrl: target.url, ...issuerOf(input, target, shell) }
  const client = createClient({ ...where, ...(secretKey !== null && { secretKey }) })
  return { where, client, secretKey }
}

/**
 * A client that acts as a machine where one is named or its key is given, else with the instance key.
 *
 * @throws {CommandError} `key-missing` when there is neither.
 */
export async function connectAsMachine(input: MachineInput, shell: Shell): Promise<Caller> {
  const owner = await connectWithAnyKey(input, shell)
  const machineSecretKey = await findMachineKey(input, owner, shell)
  const common = {
    where: owner.where,
    owner: owner.client,
    hasInstanceKey: owner.secretKey !== null,
  }
  if (machineSecretKey === null) {
    if (owner.secretKey !== null) {
      return { ...common, client: owner.client, isMachine: false, machineId: null }
    }
    throw new CommandError(
      'key-missing',
      'There is neither a machine key nor an instance key to call with.',
      {
        remedy: 'Set COUNTERSIGN_MACHINE_SECRET_KEY or COUNTERSIGN_SECRET_KEY, or see --help.',
      },
    )
  }
  const client = createClient({ ...owner.where, machineSecretKey })
  const credential = parseCredential(machineSecretKey)
  const id = credential?.kind === 'machine-secret' ? credential.id : null
  return { ...common, client, isMachine: true, machineId: id }
}

/**
 * The id of a machine that is named by its id or its name.
 *
 * @throws {CommandError} `not-found`, `name-ambiguous`
 */
export async function machineId(client: Client, word: string): Promise<string> {
  if (isId('machine', word)) return word
  const found = await client.machines.list({ query: word, limit: 500 })
  const named = found.data.filter((machine) => machine.name === word)
  const [only, ...others] = named
  if (only === undefined) throw new CommandError('not-found', `No machine is named "${word}".`)
  if (others.length === 0) return only.id
  const ids = named.map(({ id }) => id).join(', ')
  throw new CommandError('name-ambiguous', `${named.length} machines are named "${word}": ${ids}.`)
}

/** Where a command goes. */
export interface Target {
  readonly url: string
  /** The folder of the dev authority that runs there, when it is one. */
  readonly devFolder: string | null
}

/** Finds the authority that a command is for, without calling it. @throws {CommandError} `usage` */
export async function findAuthority(input: TargetInput, shell: Shell): Promise<Target> {
  const { env } = shell
  const named = input.url ?? nonEmpty(env['COUNTERSIGN_URL'])
  const path = input.data ?? nonEmpty(env['COUNTERSIGN_DATA']) ?? DATA_FOLDER
  const running = await runningAuthority(dataFolder(path))
  const url = (named ?? running?.url ?? DEFAULT_URL).replace(/\/+$/, '')
  if (!URL.canParse(url)) throw new CommandError('usage', `"${url}" is not a URL.`)
  return { url, devFolder: running?.url === url ? path : null }
}

function warnOfPlainHttp(url: string, shell: Shell): void {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'http:' || isLoopback(hostname)) return
  shell.note(`${shell.noteStyle.yellow('warning')} The key goes to ${url} unencrypted.`)
}

/** What dev runs is its own issuer. */
function issuerOf(
  input: { readonly issuer?: string | undefined },
  target: Target,
  shell: Shell,
): { readonly issuer?: string } {
  const configured = target.devFolder === null ? shell.env['COUNTERSIGN_ISSUER'] : undefined
  const issuer = input.issuer ?? nonEmpty(configured)
  return issuer === undefined ? {} : { issuer }
}

async function findSecretKey(
  input: RemoteInput,
  target: Target,
  shell: Shell,
): Promise<string | null> {
  if (input.secretKeyFile !== undefined) return readSecret(input.secretKeyFile, shell)
  const fromEnv = nonEmpty(shell.env['COUNTERSIGN_SECRET_KEY'])
  if (fromEnv !== undefined) return fromEnv
  if (target.devFolder === null) return null
  // Only towards the very authority that holds the folder's lock: no other program is told the key.
  const { readDevKey } = await import('./dev-key.ts')
  return readDevKey(target.devFolder, shell)
}

async function findMachineKey(
  input: MachineInput,
  owner: Remote,
  shell: Shell,
): Promise<string | null> {
  if (input.machine !== undefined) {
    if (owner.secretKey === null) {
      throw new CommandError('key-missing', '--machine needs the instance key.')
    }
    const id = await machineId(owner.client, input.machine)
    return (await owner.client.machines.getSecretKey(id)).secret
  }
  if (input.machineSecretKeyFile !== undefined) return readSecret(input.machineSecretKeyFile, shell)
  return nonEmpty(shell.env['COUNTERSIGN_MACHINE_SECRET_KEY']) ?? null
}

/** A secret in a file, or on standard input for `-`. @throws {CommandError} `usage` */
export async function readSecret(file: string, shell: Shell): Promise<string> {
  const text = file === '-' ? await shell.readInput() : readFile(file)
  if (text === '')
    throw new CommandError('usage', `${file === '-' ? 'Standard input' : file} is empty.`)
  return text
}

function readFile(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new CommandError('usage', `${file} cannot be read.`, { cause: error })
  }
}

/** A variable that is set to nothing is not set. */
export function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
