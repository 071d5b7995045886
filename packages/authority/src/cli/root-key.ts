import { writeFileSync } from 'node:fs'
import { setTimeout } from 'node:timers/promises'
import { openRootKeyRotation } from '../app.ts'
import { OPERATOR } from '../domain/actors.ts'
import { parseRootKeys } from '../domain/root-key.ts'
import { defineCommand, type Noun, textFlag } from './shell/command.ts'
import { newRootKey } from './shell/data-folder.ts'
import { CommandError } from './shell/failure.ts'
import { LOCAL_FLAGS, withInstance } from './shell/local.ts'

export const rootKey: Noun = {
  about: 'The key that wraps every other key of an authority, and never enters its database.',
  commands: {
    generate: defineCommand({
      about: 'Makes a root key: 32 random bytes in base64.',
      details:
        'Keep it apart from the database and its backups: with both, every credential can be made; without it, none, not even by you.',
      examples: [
        ['root-key generate --out root.key', 'into a new file with mode 0600'],
        ['root-key generate', 'to standard output, for a secret store'],
      ],
      words: {},
      flags: { out: textFlag('FILE', 'Write it into this file, which must not exist yet.') },
      async run({ out }) {
        const text = newRootKey()
        const id = parseRootKeys(text)[0]?.id ?? null
        if (out === undefined) return { data: { rootKey: text, id }, lines: [text] }
        writeNew(out, text)
        return {
          data: { file: out, id },
          lines: [`Root key ${id} is in ${out}.`],
          notes: [`Use it with: COUNTERSIGN_ROOT_KEY_FILE=${out}`],
        }
      },
    }),

    rotate: defineCommand({
      about: 'Makes the first of the configured root keys the only one that is needed.',
      details:
        'Give every process of the authority both keys first, the new one before the old: COUNTERSIGN_ROOT_KEY="$NEW,$OLD", or both in the file, a line each. The authority goes on serving: data keys are wrapped by the new key, new ones are added, and what is sealed is sealed again. No credential changes. Afterwards take the old key away, and keep it with the backups that were made under it. It can be run again when it was interrupted.',
      examples: [['root-key rotate', 'beside the running authority']],
      words: {},
      flags: LOCAL_FLAGS,
      run: (input, shell) =>
        withInstance(input, shell, async (config, ports) => {
          const rotation = await openRootKeyRotation(config, ports)
          const [current] = config.rootKeys
          if (await rotation.begin(OPERATOR)) {
            shell.note('Waiting until every process knows the new data keys.')
          }
          while (!(await rotation.settled())) await setTimeout(POLL_MS)
          const { count, unopened } = await rotation.finish()
          return {
            data: { rootKey: current?.id ?? null, resealed: count, unopened },
            lines: [
              `Root key ${current?.id} is the only one that is needed. ${count} values were sealed again.`,
            ],
            notes:
              unopened === 0
                ? []
                : [`${unopened} values do not open: they were altered. They cannot be read back.`],
          }
        }),
    }),
  },
}

const POLL_MS = 500

/** A root key is never overwritten: the database that it belongs to would be lost. */
function writeNew(file: string, text: string): void {
  try {
    writeFileSync(file, `${text}\n`, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    throw new CommandError('data-folder-unusable', `${file} exists already or cannot be written.`, {
      remedy: 'Name a new file with --out.',
      cause: error,
    })
  }
}
