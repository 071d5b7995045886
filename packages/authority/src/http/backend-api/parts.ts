import type { ApiKeys } from '../../domain/api-keys.ts'
import type { M2MTokens } from '../../domain/m2m-tokens.ts'
import type { MachineSecrets } from '../../domain/machine-secrets.ts'
import type { Machines } from '../../domain/machines.ts'
import type { Clock } from '../../domain/ports.ts'
import type { SigningKeys } from '../../domain/key-ring.ts'
import type { Doorkeeper } from '../caller.ts'

/** What Clerk's dialect stands on. */
export interface BackendApiParts {
  readonly instanceId: string
  readonly clock: Clock
  readonly doorkeeper: Doorkeeper
  readonly machines: Machines
  readonly machineSecrets: MachineSecrets
  readonly m2mTokens: M2MTokens
  readonly apiKeys: ApiKeys
  readonly signingKeys: SigningKeys
}
