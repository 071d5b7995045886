import type { Context } from './context.ts'
import { MACHINE_SECRET_RIGHTS } from './machine-secrets.ts'
import { INSTANCE_KEY_RIGHTS } from './instance-keys.ts'

/** Who asks, once their secret key has proved it. */
export type Caller =
  | { readonly kind: 'instance'; readonly instanceKeyId: string }
  | { readonly kind: 'machine'; readonly machineId: string; readonly secretVersion: number }

/**
 * Finds out whose secret key this is. `null` for everything that is not a live secret of this
 * instance; why is told to nobody, and what the authority never issued costs no read.
 */
export async function authenticate(context: Context, secret: string): Promise<Caller | null> {
  return secret.startsWith('sk_')
    ? authenticateInstanceKey(context, secret)
    : authenticateMachine(context, secret)
}

async function authenticateInstanceKey(context: Context, secret: string): Promise<Caller | null> {
  const recognised = context.credentials.recognise('instance-secret', secret)
  if (recognised === null) return null
  const row = await context.store.instanceKey(recognised.id)
  if (row === null || row.revokedAt !== null) return null
  if (!context.credentials.isBound(recognised, row.mac, INSTANCE_KEY_RIGHTS)) return null
  return { kind: 'instance', instanceKeyId: row.id }
}

async function authenticateMachine(context: Context, secret: string): Promise<Caller | null> {
  const recognised = context.credentials.recognise('machine-secret', secret)
  if (recognised === null) return null
  const row = await context.store.machineSecret(recognised.id, recognised.secretVersion)
  if (row === null) return null
  if (row.expiresAt !== null && context.clock.now() >= row.expiresAt) return null
  if (!context.credentials.isBound(recognised, row.mac, MACHINE_SECRET_RIGHTS)) return null
  return { kind: 'machine', machineId: row.machineId, secretVersion: row.version }
}
