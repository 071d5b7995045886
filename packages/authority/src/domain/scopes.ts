import type { Context } from './context.ts'
import type { RowIdentity } from './credentials.ts'
import type { ScopeRecord } from './records.ts'

/** A scope, proved to be granted by this authority, without storing it. */
export function grantScope(
  context: Context,
  fromMachineId: string,
  toMachineId: string,
): ScopeRecord {
  const mac = context.credentials.bind(identity(fromMachineId, toMachineId), [])
  return { fromMachineId, toMachineId, createdAt: context.clock.now(), mac }
}

/** The machines that a machine may make tokens for. */
export type ReceiverIdsOf = (fromMachineId: string) => Promise<readonly string[]>

/** A scope that somebody else wrote into the database grants nothing. */
export function createReceiverIdsOf({
  store,
  credentials,
}: Pick<Context, 'store' | 'credentials'>): ReceiverIdsOf {
  /** Of scopes that a store still has in memory. */
  const proved = new WeakMap<readonly ScopeRecord[], readonly string[]>()
  return async (fromMachineId) => {
    const scopes = await store.scopes(fromMachineId)
    const known = proved.get(scopes)
    if (known !== undefined) return known
    const ids = scopes
      .filter(({ toMachineId, mac }) =>
        credentials.isBound(identity(fromMachineId, toMachineId), mac, []),
      )
      .map(({ toMachineId }) => toMachineId)
    proved.set(scopes, ids)
    return ids
  }
}

function identity(fromMachineId: string, toMachineId: string): RowIdentity {
  return { kind: 'scope', id: `${fromMachineId} ${toMachineId}`, digest: '' }
}
