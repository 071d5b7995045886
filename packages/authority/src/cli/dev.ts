import process from 'node:process'
import {
  type AuthorityConfig,
  createAuthority,
  initializeInstance,
  openInstanceKeys,
} from '../app.ts'
import { type Config, loadConfig, readRootKeyFile } from '../config.ts'
import type { Store } from '../domain/ports.ts'
import { createLog } from '../log.ts'
import { type Command, defineCommand, onSwitch, textFlag } from './shell/command.ts'
import {
  DATA_FOLDER,
  type DataFolder,
  dataFolder,
  type FolderLock,
  lockFolder,
  prepareDataFolder,
  runningAuthority,
} from './shell/data-folder.ts'
import { CommandError, EXIT, type ExitCode } from './shell/failure.ts'
import { listen } from './shell/listen.ts'
import { openStore, vaultPort } from './shell/local.ts'
import { version } from './shell/program.ts'
import type { Shell } from './shell/shell.ts'
import { columns } from './shell/text.ts'

const HOST = '127.0.0.1'

/** What `--json` prints once the authority answers. */
interface Ready {
  readonly event: 'ready'
  readonly url: string
  readonly issuer: string
  readonly jwksUri: string
  readonly instanceId: string
  readonly secretKey: string
}

export const dev: Command = defineCommand({
  about: 'Runs an authority of your own on this machine, for work and trials.',
  details:
    'It keeps what it has in one folder, made at the first start and reused after, with a root key of its own, and listens on 127.0.0.1 only. It ends on Ctrl-C or SIGTERM. Logs go to standard error.',
  examples: [
    ['dev', 'start; the banner says what to try'],
    ['dev --demo --once', 'watch machines, tokens and refusals at work, then end'],
    ['dev --port 0 --json', 'for scripts: a free port, and one line of JSON when it is ready'],
  ],
  words: {},
  flags: {
    port: textFlag('PORT', 'The port; 0 takes a free one. Default: COUNTERSIGN_PORT, else 4100.'),
    data: textFlag('DIR', 'The data folder. Default: COUNTERSIGN_DATA, else .countersign.'),
    demo: onSwitch('Show the authority at work, and stay up.'),
    once: onSwitch('Show it and end, with exit code 0 only if every step came out as it should.'),
  },
  async run(input, shell) {
    const stopped = shell.untilStopped()
    const config = devConfig(input, shell)
    const folder = dataFolder(config.dataDir)
    prepareDataFolder(folder, config.rootKeys.length === 0)
    const lock = await takeFolder(folder)
    try {
      return await runAuthority(config, folder, async (ready, keyReused) => {
        lock.announce({ pid: process.pid, url: ready.url })
        if (input.json) shell.print(JSON.stringify(ready))
        if (!keyReused) shell.note(KEY_REPLACED)
        const showing = input.demo || input.once
        const came = showing ? await demonstrate(ready, input.json, shell) : true
        if (input.once) return endOfDemonstration(came, input.json, shell)
        const tries = showing ? TRIES_AFTER_DEMONSTRATION : FIRST_TRIES
        if (!input.json) shell.print(banner(ready, folder, tries, shell).join('\n'))
        await stopped
        return EXIT.ok
      })
    } finally {
      lock.release()
    }
  },
})

const KEY_REPLACED =
  'The secret key of the last start cannot be read back (COUNTERSIGN_READ_BACK is or was off), so a new one was made. End the old one with: countersign instance-keys revoke'

function devConfig(
  { port, data }: { readonly port: string | undefined; readonly data: string | undefined },
  { env }: Shell,
): Config {
  const options = {
    ...(port !== undefined && { port }),
    ...(data !== undefined && { dataDir: data }),
  }
  return loadConfig({ env, options })
}

async function takeFolder(folder: DataFolder): Promise<FolderLock> {
  const lock = await lockFolder(folder)
  if (lock !== null) return lock
  const running = await runningAuthority(folder)
  const where = running === null ? '' : `: ${running.url} (process ${running.pid})`
  throw new CommandError('dev-running', `An authority already runs on ${folder.path}${where}.`)
}

/** Brings an authority up, runs `whileUp`, and takes it down whatever happens. */
async function runAuthority(
  config: Config,
  folder: DataFolder,
  whileUp: (ready: Ready, keyReused: boolean) => Promise<ExitCode>,
): Promise<ExitCode> {
  const {
    readBack,
    jwtAlgorithm,
    keyRotationDays,
    leakedMachineSecrets,
    auditRetentionDays,
    webhooksAllowPrivate,
  } = config
  const rootKeys =
    config.rootKeys.length > 0 ? config.rootKeys : readRootKeyFile(folder.rootKeyFile)
  const log = createLog({ level: config.logLevel ?? 'warn' })
  const store = await openStore(folder.databaseFile, true)
  try {
    const ports = { store, log, ...vaultPort(config) }
    // It would print the key of an instance in production, and sign under another issuer.
    if ((await store.instance())?.environment === 'live') {
      throw new CommandError('instance-live', `${folder.path} holds an instance in production.`)
    }
    const founded = await initializeInstance({ rootKeys, readBack, environment: 'test' }, ports)
    const settings = (issuer: string): AuthorityConfig => ({
      issuer,
      rootKeys,
      readBack,
      jwtAlgorithm,
      keyRotationDays,
      leakedMachineSecrets,
      auditRetentionDays,
      webhooksAllowPrivate,
    })
    const server = await listen({
      host: HOST,
      port: config.port,
      log,
      open: (url) => createAuthority(settings(url), ports),
    })
    try {
      const { url, authority } = server
      const key = await secretKey(founded?.secretKey, settings(url), store)
      const jwksUri = `${url}/.well-known/jwks.json`
      const { instanceId } = authority
      const ready = {
        event: 'ready',
        url,
        issuer: url,
        jwksUri,
        instanceId,
        secretKey: key.text,
      } as const
      return await whileUp(ready, key.reused)
    } finally {
      await server.close()
    }
  } finally {
    await store.close()
  }
}

/** The key of the first start, for as long as it can be read back. */
async function secretKey(
  founded: string | undefined,
  settings: AuthorityConfig,
  store: Store,
): Promise<{ readonly text: string; readonly reused: boolean }> {
  if (founded !== undefined) return { text: founded, reused: true }
  const keys = await openInstanceKeys(settings, { store })
  const kept = await keys.readBack()
  if (kept !== null) return { text: kept, reused: true }
  return { text: (await keys.create()).secret, reused: false }
}

async function demonstrate(ready: Ready, json: boolean, shell: Shell): Promise<boolean> {
  const { demonstration } = await import('./demonstration.ts')
  return demonstration({ ...ready, write: json ? shell.note : shell.print, shell })
}

function endOfDemonstration(came: boolean, json: boolean, shell: Shell): ExitCode {
  if (!came) return EXIT.failed
  if (!json) shell.print(`  Go on with: ${calledAs(shell.env)} dev\n`)
  return EXIT.ok
}

function banner(
  ready: Ready,
  { path }: DataFolder,
  tries: readonly string[],
  shell: Shell,
): string[] {
  const { bold, cyan, dim } = shell.style
  const facts = columns([
    [dim('issuer'), ready.issuer],
    [dim('key set'), ready.jwksUri],
    [dim('instance'), ready.instanceId],
    [dim('data'), path],
  ])
  const command = calledAs(shell.env)
  const where = path === DATA_FOLDER ? '' : ` --data ${path}`
  return [
    '',
    `  ${bold('Countersign')} ${dim(version())}  ready at ${bold(cyan(ready.url))}`,
    '',
    ...facts.map((line) => `  ${line}`),
    `  ${dim('secret key, the same at every start:')}`,
    ready.secretKey,
    '',
    `  ${dim('Try, in another terminal and this folder:')}`,
    ...tries.map((line) => `    ${command} ${line}${where}`),
    '',
    `  ${dim('Ctrl-C ends it.')}`,
    '',
  ]
}

const FIRST_TRIES = [
  'machines create api',
  'machines create worker --scope api',
  'tokens create --machine worker --format jwt',
] as const

const TRIES_AFTER_DEMONSTRATION = [
  'machines list',
  'tokens create --machine demo-worker --format jwt',
  'keys list',
] as const

/** How the reader can call this executable again. */
function calledAs(env: Shell['env']): string {
  return env['npm_execpath'] === undefined ? 'countersign' : 'npx countersign'
}
