import { createAuthority } from '../app.ts'
import { createLog } from '../log.ts'
import { type Command, defineCommand } from './shell/command.ts'
import { EXIT } from './shell/failure.ts'
import { listen } from './shell/listen.ts'
import { LOCAL_FLAGS, localConfig, openDatabase, vaultPort } from './shell/local.ts'
import { version } from './shell/program.ts'

export const serve: Command = defineCommand({
  about: 'Runs the authority in production.',
  details:
    'It is configured by environment and file (docs/configuration.md) and prints no secret. It refuses to start without the root key that the database was made with, without an instance, and on a database that must be migrated first; all of that before it listens. On SIGTERM it answers what is under way and ends.',
  examples: [
    ['serve', 'configured by the environment, after countersign init'],
    ['serve --config /etc/countersign.json', 'with the settings of a file'],
    ['serve --json', 'also prints one line of JSON when it is ready'],
  ],
  words: {},
  flags: LOCAL_FLAGS,
  async run(input, shell) {
    const stopped = shell.untilStopped()
    const config = localConfig(input, shell, ['issuer', 'rootKey'])
    const {
      host,
      port,
      rootKeys,
      readBack,
      jwtAlgorithm,
      keyRotationDays,
      leakedMachineSecrets,
      auditRetentionDays,
      webhooksAllowPrivate,
    } = config
    const issuer = config.issuer ?? ''
    const log = createLog({ level: config.logLevel ?? 'info' })
    for (const warning of config.warnings) log.warn('configuration', { warning })
    const store = await openDatabase(config)
    try {
      // Opened before the socket is: whoever can connect is answered.
      const settings = {
        issuer,
        rootKeys,
        readBack,
        jwtAlgorithm,
        keyRotationDays,
        leakedMachineSecrets,
        auditRetentionDays,
        webhooksAllowPrivate,
      }
      const authority = await createAuthority(settings, { store, log, ...vaultPort(config) })
      const open = (): Promise<typeof authority> => Promise.resolve(authority)
      const { trustedProxies } = config
      const server = await listen({ host, port, log, open, trustedProxies })
      const { url } = server
      const { instanceId } = authority
      log.info('listening', { url, issuer, instanceId, version: version() })
      if (input.json) {
        const jwksUri = `${issuer}/.well-known/jwks.json`
        shell.print(JSON.stringify({ event: 'ready', url, issuer, jwksUri, instanceId }))
      }
      await stopped
      log.info('stopping')
      await server.close()
      return EXIT.ok
    } finally {
      await store.close()
    }
  },
})
