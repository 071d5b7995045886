import { initializeInstance } from '../app.ts'
import { type Command, defineCommand } from './shell/command.ts'
import { dataFolder, prepareDataFolder } from './shell/data-folder.ts'
import { CommandError } from './shell/failure.ts'
import { LOCAL_FLAGS, localConfig, openStore, vaultPort } from './shell/local.ts'

export const init: Command = defineCommand({
  about: 'Founds the instance: makes the database, its keys, and the first instance key.',
  details:
    'The instance key administers everything and is printed here once. Refused where an instance is already.',
  examples: [
    ['init', 'with COUNTERSIGN_ROOT_KEY_FILE set'],
    ['init --data /var/lib/countersign --json', 'for scripts: the key as secretKey'],
  ],
  words: {},
  flags: LOCAL_FLAGS,
  async run(input, shell) {
    const config = localConfig(input, shell, ['rootKey'])
    const { databaseFile, environment, rootKeys, readBack } = config
    prepareDataFolder(dataFolder(config.dataDir), false)
    const store = await openStore(databaseFile, true)
    try {
      const founded = await initializeInstance(
        { environment, rootKeys, readBack },
        { store, ...vaultPort(config) },
      )
      if (founded === null) {
        throw new CommandError('instance-exists', `${databaseFile} has an instance already.`)
      }
      return {
        data: { ...founded, environment, databaseFile },
        lines: [founded.secretKey],
        notes: [
          `Instance ${founded.instanceId} is founded in ${databaseFile}.`,
          'Above is its secret key. Keep it like the key of a safe; it is not printed again.',
        ],
      }
    } finally {
      await store.close()
    }
  },
})
