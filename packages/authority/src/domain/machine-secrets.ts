import { parseId } from 'countersign/token'
import type { Actor } from './actors.ts'
import type { Context } from './context.ts'
import type { Bound } from './credentials.ts'
import { AuthorityError } from './errors.ts'
import type { MachineSecretRecord } from './records.ts'
import { machineSecretPlace } from './places.ts'

/** A machine secret has the rights of its machine, which its id already names. */
export const MACHINE_SECRET_RIGHTS: Bound = []

/** A machine's secret keys, in versions: the newest is current, older ones end with their grace. */
export interface MachineSecrets {
  /** @throws {AuthorityError} `resource_not_found`, `read_back_disabled` */
  readBack(by: Actor, machineId: string): Promise<string>
  /**
   * Makes a new secret; every older one works for `graceSeconds` more, 0 for not at all.
   *
   * @throws {AuthorityError} `resource_not_found`
   */
  rotate(by: Actor, machineId: string, graceSeconds: number): Promise<string>
}

const ROTATION_ATTEMPTS = 8

export function createMachineSecrets(context: Context): MachineSecrets {
  return Object.freeze({
    async readBack(by: Actor, machineId: string) {
      const row = await context.store.currentMachineSecret(machineId)
      if (row === null) throw new AuthorityError('resource_not_found')
      const secret = context.secrets.read(
        machineSecretPlace(row.machineId, row.version),
        row.sealed,
      )
      if (secret === null) throw new AuthorityError('read_back_disabled')
      await context.store.write(
        { type: 'record-event' },
        context.audit('machine_secret.read', by, {
          target: machineId,
          details: { version: row.version },
        }),
      )
      return secret
    },

    async rotate(by: Actor, machineId: string, graceSeconds: number) {
      for (let attempt = 0; attempt < ROTATION_ATTEMPTS; attempt++) {
        const current = await context.store.currentMachineSecret(machineId)
        if (current === null) throw new AuthorityError('resource_not_found')
        const { row, secret } = mintMachineSecret(
          context,
          parseId('machine', machineId),
          current.version + 1,
        )
        // At once means for ever, also for a clock that is set back.
        const previousExpiresAt = graceSeconds === 0 ? 0 : context.clock.now() + graceSeconds * 1000
        const outcome = await context.store.write(
          { type: 'rotate-machine-secret', secret: row, previousExpiresAt },
          context.audit('machine_secret.rotated', by, {
            target: machineId,
            details: { version: row.version, graceSeconds },
          }),
        )
        if (outcome === 'done') return secret
        if (outcome === 'missing') throw new AuthorityError('resource_not_found')
      }
      throw new AuthorityError('conflict')
    },
  })
}

/** Makes the first secret of a machine together with the machine's id. */
export function mintFirstMachineSecret(context: Context): {
  readonly row: MachineSecretRecord
  readonly secret: string
} {
  return mintMachineSecret(context, context.ids.bytes('machine'), 1)
}

function mintMachineSecret(
  context: Context,
  idBytes: Uint8Array,
  version: number,
): { readonly row: MachineSecretRecord; readonly secret: string } {
  const minted = context.credentials.mint({
    kind: 'machine-secret',
    prefix: 'ak_',
    idKind: 'machine',
    idBytes,
    secretVersion: version,
    bound: MACHINE_SECRET_RIGHTS,
  })
  const row = {
    machineId: minted.id,
    version,
    mac: minted.mac,
    sealed: context.secrets.keep(machineSecretPlace(minted.id, version), minted.text),
    createdAt: context.clock.now(),
    expiresAt: null,
  }
  return { row, secret: minted.text }
}
