import type { Identity } from './actors.ts'
import type { Context } from './context.ts'
import type { Bound, Recognised } from './credentials.ts'
import { INSTANCE_KEY_RIGHTS } from './instance-keys.ts'
import { isLive, MACHINE_SECRET_RIGHTS } from './machine-secrets.ts'
import type { InstanceKeyRecord, MachineSecretRecord } from './records.ts'

/** Finds out whose secret key something is. Tells nobody why it is not one. */
export interface Authenticate {
  /** Whether this instance issued it, live or not. Costs no read. */
  isGenuine(secret: string): boolean
  /** `null` for everything that is not a live secret of this instance. */
  caller(secret: string): Promise<Identity | null>
}

type SecretRow = InstanceKeyRecord | MachineSecretRecord

/** The same few machines call again and again: the reading of their keys is remembered. */
const MAX_REMEMBERED = 1_000

export function createAuthenticate(context: Context): Authenticate {
  const recognise = createRecogniser(context)
  /** What was found to be the digest of a row that a store still has in memory. */
  const proved = new WeakMap<SecretRow, string>()

  const isBound = (recognised: Recognised, row: SecretRow, rights: Bound): boolean => {
    if (proved.get(row) === recognised.digest) return true
    if (!context.credentials.isBound(recognised, row.mac, rights)) return false
    proved.set(row, recognised.digest)
    return true
  }

  const authenticateInstanceKey = async (secret: string): Promise<Identity | null> => {
    const recognised = recognise('instance-secret', secret)
    if (recognised === null) return null
    const row = await context.store.instanceKey(recognised.id)
    if (row === null || row.revokedAt !== null) return null
    if (!isBound(recognised, row, INSTANCE_KEY_RIGHTS)) return null
    return { kind: 'instance', instanceKeyId: row.id }
  }

  const authenticateMachine = async (secret: string): Promise<Identity | null> => {
    const recognised = recognise('machine-secret', secret)
    if (recognised === null) return null
    const row = await context.store.machineSecret(recognised.id, recognised.secretVersion)
    if (row === null) return null
    if (!isLive(row, context.clock.now())) return null
    if (!isBound(recognised, row, MACHINE_SECRET_RIGHTS)) return null
    return { kind: 'machine', machineId: row.machineId, secretVersion: row.version }
  }

  return Object.freeze({
    isGenuine: (secret: string) => recognise(kindOf(secret), secret) !== null,
    caller: (secret: string) =>
      kindOf(secret) === 'instance-secret'
        ? authenticateInstanceKey(secret)
        : authenticateMachine(secret),
  })
}

function kindOf(secret: string): 'instance-secret' | 'machine-secret' {
  return secret.startsWith('sk_') ? 'instance-secret' : 'machine-secret'
}

/**
 * What a key says is a fact of its text, so it may be remembered; whether the key is live is not, and
 * is read each time. Only genuine keys are remembered: a stranger cannot push them out.
 */
function createRecogniser({
  credentials,
}: Pick<Context, 'credentials'>): (
  kind: 'instance-secret' | 'machine-secret',
  secret: string,
) => Recognised | null {
  const remembered = new Map<string, Recognised>()
  return (kind, secret) => {
    const known = remembered.get(secret)
    if (known?.kind === kind) return known
    const recognised = credentials.recognise(kind, secret)
    if (recognised === null) return null
    const [oldest] = remembered.keys()
    if (remembered.size >= MAX_REMEMBERED && oldest !== undefined) remembered.delete(oldest)
    remembered.set(secret, recognised)
    return recognised
  }
}
