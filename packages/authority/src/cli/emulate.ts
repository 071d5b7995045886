import { readFileSync } from 'node:fs'
import { type Config, loadConfig } from '../config.ts'
import { createEmulatedAuthority, type EmulatedAuthority } from '../emulator/emulated-authority.ts'
import { parseSeed, type Seed } from '../emulator/seed.ts'
import { createLog } from '../log.ts'
import { type Command, defineCommand, textFlag } from './shell/command.ts'
import { CommandError, EXIT } from './shell/failure.ts'
import { listen } from './shell/listen.ts'
import { version } from './shell/program.ts'
import type { Shell } from './shell/shell.ts'
import { columns } from './shell/text.ts'

const HOST = '127.0.0.1'

export const emulate: Command = defineCommand({
  about: 'Emulates an authority for tests: seeded, told to fail, forgotten at its end.',
  details:
    'It is the production engine on storage in memory, on the wire of Clerk’s Backend API, so that tests run without a network. What a seed gives is the same at every start (docs/emulator.md). It refuses to start with NODE_ENV=production or beside a root key, and no authority takes what it issues.',
  examples: [
    ['emulate --seed test/authority.json', 'machines and secrets that tests have written down'],
    ['emulate --port 0 --json', 'for scripts: a free port, and one line of JSON when it is ready'],
  ],
  words: {},
  flags: {
    port: textFlag('PORT', 'The port; 0 takes a free one. Default: COUNTERSIGN_PORT, else 4100.'),
    host: textFlag('HOST', `The address to listen on. Default: ${HOST}, this machine alone.`),
    issuer: textFlag(
      'URL',
      'Where others reach it, and the iss of its JWTs. Default: its address.',
    ),
    seed: textFlag('FILE', 'A JSON file of machines, tokens and API keys. Default: none.'),
  },
  async run({ port, host = HOST, issuer, seed, json }, shell) {
    const stopped = shell.untilStopped()
    const config = emulatorConfig(port, shell)
    if (issuer !== undefined && !isPlace(issuer)) {
      throw new CommandError('usage', '--issuer must be an http(s) URL without query or fragment.')
    }
    const planted = seed === undefined ? parseSeed('{}') : readSeed(seed)
    const log = createLog({ level: config.logLevel ?? 'warn' })
    let emulated: EmulatedAuthority | undefined
    const server = await listen({
      host,
      port: config.port,
      log,
      hangsUpOn: (request) => emulated?.hangsUpOn(request) === true,
      async open(url) {
        const { jwtAlgorithm } = config
        emulated = await createEmulatedAuthority({
          issuer: issuer?.replace(/\/+$/, '') ?? url,
          seed: planted,
          log,
          jwtAlgorithm,
        })
        return emulated
      },
    })
    try {
      if (emulated === undefined) throw new TypeError('A server that listens is open.')
      const { url } = server
      if (json) shell.print(JSON.stringify(readyOf(url, emulated)))
      else shell.print(banner(url, emulated, shell).join('\n'))
      if (!isLoopback(host)) shell.note(NOT_ALONE)
      await stopped
      return EXIT.ok
    } finally {
      await server.close()
    }
  },
})

function readyOf(
  url: string,
  { issuer, instanceId, secretKey, machines }: EmulatedAuthority,
): object {
  const jwksUri = `${issuer}/.well-known/jwks.json`
  const emulator = true
  return { event: 'ready', emulator, url, issuer, jwksUri, instanceId, secretKey, machines }
}

function isPlace(url: string): boolean {
  return /^https?:\/\/[^\s?#@]+$/i.test(url) && URL.canParse(url)
}

const NOT_ALONE =
  'Others can reach this emulator. It holds nothing, but its secrets are no secrets, and anybody can reset it.'

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

/** @throws {CommandError} `emulator-refused` where there may be an authority in production. */
function emulatorConfig(port: string | undefined, { env }: Shell): Config {
  if (env['NODE_ENV'] === 'production') {
    throw new CommandError('emulator-refused', 'NODE_ENV is production.')
  }
  const config = loadConfig({ env, options: port === undefined ? {} : { port } })
  if (config.rootKeys.length > 0) {
    throw new CommandError('emulator-refused', 'The root key of an authority is configured here.')
  }
  return config
}

/** @throws {CommandError} `usage`, {SeedError} */
function readSeed(file: string): Seed {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new CommandError('usage', `${file} cannot be read.`, { cause })
  }
  return parseSeed(text)
}

function banner(
  url: string,
  { issuer, instanceId, secretKey, machines }: EmulatedAuthority,
  shell: Shell,
): string[] {
  const { bold, cyan, dim, yellow } = shell.style
  const facts = [
    [dim('issuer'), issuer],
    [dim('instance'), instanceId],
    [dim('secret key'), secretKey],
    ...machines.map(({ name, id, secretKey: secret }) => [dim(name), `${id}  ${secret}`]),
  ]
  return [
    '',
    `  ${bold('Countersign')} ${dim(version())}  ${yellow(bold('EMULATOR'))}, for tests only, at ${bold(cyan(url))}`,
    '',
    ...columns(facts).map((line) => `  ${line}`),
    '',
    `  ${dim('Everything is in memory and forgotten at the end. No authority takes these secrets.')}`,
    `  ${dim('A request with the header Countersign-Emulate: status=500; delay=200 fails so.')}`,
    `  ${dim(`POST ${url}/__emulate/reset goes back to the seed. docs/emulator.md says the rest.`)}`,
    `  ${dim('Ctrl-C ends it.')}`,
    '',
  ]
}
