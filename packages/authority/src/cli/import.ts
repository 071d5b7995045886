import { importClerk } from './import-clerk.ts'
import type { Noun } from './shell/command.ts'

export const importing: Noun = {
  about: 'Brings machines and scopes from another authority.',
  commands: { clerk: importClerk },
}
