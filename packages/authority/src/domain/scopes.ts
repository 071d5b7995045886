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

/**
 * The machines that a machine may make tokens for. A scope that somebody else wrote into the
 * database grants nothing.
 */
export async function receiverIdsOf(
  context: Context,
  fromMachineId: string,
): Promise<readonly string[]> {
  const scopes = await context.store.scopes(fromMachineId)
  return scopes
    .filter((scope) =>
      context.credentials.isBound(identity(fromMachineId, scope.toMachineId), scope.mac, []),
    )
    .map((scope) => scope.toMachineId)
}

function identity(fromMachineId: string, toMachineId: string): RowIdentity {
  return { kind: 'scope', id: `${fromMachineId} ${toMachineId}`, digest: '' }
}
