import { CommandError } from './failure.ts'
import type { Shell } from './shell.ts'

/** What is said of the argument. */
export const TOKEN_WORD = 'The token; - reads it from standard input.'

/** The token that a command is given. @throws {CommandError} `usage` */
export async function tokenText(word: string, shell: Shell): Promise<string> {
  const text = word === '-' ? await shell.readInput() : word
  if (text === '') throw new CommandError('usage', 'Standard input holds no token.')
  return text
}
