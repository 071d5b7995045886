import { writeFileSync } from 'node:fs'
import { parseRootKeys } from '../domain/root-key.ts'
import { defineCommand, type Noun, textFlag } from './shell/command.ts'
import { newRootKey } from './shell/data-folder.ts'
import { CommandError } from './shell/failure.ts'

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
  },
}

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
