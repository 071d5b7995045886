import { type Command, defineCommand } from './shell/command.ts'
import { LOCAL_FLAGS, localConfig, openDatabase } from './shell/local.ts'

export const migrate: Command = defineCommand({
  about: 'Brings the database to the schema of this release.',
  details:
    'Wholly or not at all. Copy the database before: an older release cannot read it afterwards.',
  examples: [['migrate', 'the database in COUNTERSIGN_DATA']],
  words: {},
  flags: LOCAL_FLAGS,
  async run(input, shell) {
    const config = localConfig(input, shell)
    const store = await openDatabase(config, true)
    await store.close()
    return {
      data: { databaseFile: config.databaseFile, upToDate: true },
      lines: [`${config.databaseFile} has the schema of this release.`],
    }
  },
})
