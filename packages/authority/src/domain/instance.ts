import { createAudit } from './audit.ts'
import { OPERATOR } from './actors.ts'
import { createCredentials } from './credentials.ts'
import { createDataKeys, type DataKeys, openDataKeys } from './data-keys.ts'
import { createIdSource } from './id-source.ts'
import { mintInstanceKey } from './instance-keys.ts'
import { createSecretShelf } from './context.ts'
import type { Clock, KeyVault, Random, Store } from './ports.ts'
import type { Environment } from './records.ts'
import type { RootKey } from './root-key.ts'
import { createSigningKeySet } from './signing-keys.ts'

export interface NewInstance {
  readonly environment: Environment
  /** The first wraps the instance's keys. */
  readonly rootKeys: readonly RootKey[]
  /** Whether its instance key, too, can be read back. */
  readonly readBack: boolean
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly createVault: (dataKeys: DataKeys) => KeyVault
}

/**
 * Founds an instance in an empty store: its data keys, its signing keys and its first instance key,
 * in one command. `null` when the store has an instance already.
 */
export async function foundInstance(
  input: NewInstance,
): Promise<{ readonly instanceId: string; readonly secretKey: string } | null> {
  const { store, clock, random } = input
  const ids = createIdSource(input)
  if ((await store.instance()) !== null) return null
  const instance = {
    id: ids.create('instance'),
    environment: input.environment,
    createdAt: clock.now(),
  }
  const dataKeyRecords = createDataKeys(instance.id, input.rootKeys, input)
  const dataKeys = openDataKeys(instance.id, dataKeyRecords, input.rootKeys, input)
  const credentials = createCredentials(instance.id, dataKeys, random)
  const vault = input.createVault(dataKeys)
  const { row: instanceKey, secret } = mintInstanceKey({
    instance,
    clock,
    ids,
    credentials,
    secrets: createSecretShelf(dataKeys.secrets, input.readBack),
  })
  const outcome = await store.write(
    {
      type: 'create-instance',
      instance,
      dataKeys: dataKeyRecords,
      signingKeys: await createSigningKeySet({ vault, clock, ids }, credentials),
      instanceKey,
    },
    createAudit(clock, credentials)('instance.created', OPERATOR, { target: instance.id }),
  )
  return outcome === 'done' ? { instanceId: instance.id, secretKey: secret } : null
}
