import type { Bound } from './credentials.ts'
import { OPERATOR } from './actors.ts'
import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'
import type { InstanceKeyRecord } from './records.ts'
import { instanceKeyPlace } from './places.ts'

/**
 * The keys that administer an instance, for who holds its database and root key. Several can live at
 * once, so that one can be rolled.
 */
export interface InstanceKeys {
  create(): Promise<{ readonly id: string; readonly secret: string }>
  list(): Promise<readonly InstanceKeyRecord[]>
  /** Ends the key at once. @throws {AuthorityError} `resource_not_found` */
  revoke(id: string): Promise<void>
  /** The newest live key that was kept for reading back; `null` when there is none. */
  readBack(): Promise<string | null>
}

/** An instance key has every right of its instance, so there is nothing to bind but its id. */
export const INSTANCE_KEY_RIGHTS: Bound = []

export function createInstanceKeys(context: Context): InstanceKeys {
  return Object.freeze({
    async create() {
      const { row, secret } = mintInstanceKey(context)
      await context.store.write(
        { type: 'create-instance-key', instanceKey: row },
        context.audit('instance_key.created', OPERATOR, { target: row.id }),
      )
      return { id: row.id, secret }
    },

    list: () => context.store.instanceKeys(),

    async revoke(id: string) {
      const at = context.clock.now()
      const outcome = await context.store.write(
        { type: 'revoke-instance-key', id, at },
        context.audit('instance_key.revoked', OPERATOR, { target: id }),
      )
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
    },

    async readBack() {
      const rows = await context.store.instanceKeys()
      for (const row of rows.toSorted((a, b) => b.createdAt - a.createdAt)) {
        if (row.revokedAt !== null) continue
        const secret = context.secrets.read(instanceKeyPlace(row.id), row.sealed)
        if (secret !== null) return secret
      }
      return null
    },
  })
}

/** Makes a key and its row, without storing it. */
export function mintInstanceKey(
  context: Pick<Context, 'instance' | 'clock' | 'ids' | 'credentials' | 'secrets'>,
): { readonly row: InstanceKeyRecord; readonly secret: string } {
  const minted = context.credentials.mint({
    kind: 'instance-secret',
    prefix: context.instance.environment === 'live' ? 'sk_live_' : 'sk_test_',
    idKind: 'instanceKey',
    idBytes: context.ids.bytes('instanceKey'),
    bound: INSTANCE_KEY_RIGHTS,
  })
  const row = {
    id: minted.id,
    mac: minted.mac,
    sealed: context.secrets.keep(instanceKeyPlace(minted.id), minted.text),
    createdAt: context.clock.now(),
    revokedAt: null,
  }
  return { row, secret: minted.text }
}
