import { parseId } from 'countersign/token'
import type { Actor } from './actors.ts'
import type { Context } from './context.ts'
import type { Bound } from './credentials.ts'
import { AuthorityError } from './errors.ts'
import type { MachineSecretRecord } from './records.ts'
import { machineSecretPlace } from './places.ts'
import type { SecretUses } from './secret-uses.ts'

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
  /**
   * The versions that are kept, the newest first, with how each is used.
   *
   * @throws {AuthorityError} `resource_not_found`
   */
  list(machineId: string): Promise<readonly MachineSecretRecord[]>
  /**
   * Ends every version but the newest, and says which. Refuses while one of them is still in use:
   * used within `quietSeconds`, or used at all while nobody has used the newest yet.
   *
   * @throws {AuthorityError} `resource_not_found`, `secret_in_use`
   */
  finishRotation(by: Actor, machineId: string, how: FinishRotation): Promise<readonly number[]>
}

export interface FinishRotation {
  readonly quietSeconds: number
  /** Whether they end even if they are in use. */
  readonly force: boolean
}

const ROTATION_ATTEMPTS = 8

export function createMachineSecrets(context: Context, uses: SecretUses): MachineSecrets {
  const versionsOf = async (machineId: string): Promise<Versions> => {
    // What this process knows of; others write theirs every few seconds.
    await uses.flush()
    const [newest, ...older] = await context.store.machineSecrets(machineId)
    if (newest === undefined) throw new AuthorityError('resource_not_found')
    return [newest, ...older]
  }

  return Object.freeze({
    async readBack(by: Actor, machineId: string) {
      const row = await context.store.currentMachineSecret(machineId)
      if (row === null) throw new AuthorityError('resource_not_found')
      if (!isLive(row, context.clock.now())) throw new AuthorityError('machine_secret_ended')
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

    list: versionsOf,

    async finishRotation(by: Actor, machineId: string, { quietSeconds, force }: FinishRotation) {
      const [newest, ...older] = await versionsOf(machineId)
      const now = context.clock.now()
      const live = older.filter((row) => isLive(row, now))
      const quietSince = now - quietSeconds * 1000
      const inUse = live.find(
        ({ lastUsedAt }) =>
          lastUsedAt !== null && (lastUsedAt > quietSince || newest.lastUsedAt === null),
      )
      if (inUse !== undefined && !force) {
        throw new AuthorityError('secret_in_use', { explanation: explainUse(inUse, newest, now) })
      }
      const versions = live.map(({ version }) => version)
      if (versions.length === 0) return versions
      const details = { versions, ...(inUse !== undefined && { inUse: inUse.version }) }
      await context.store.write(
        { type: 'end-machine-secrets', machineId, versions },
        context.audit('machine_secret.ended', by, { target: machineId, details }),
      )
      return versions
    },
  })
}

type Versions = readonly [newest: MachineSecretRecord, ...older: MachineSecretRecord[]]

/** Whether a version works at an instant. */
export function isLive(
  { expiresAt }: Pick<MachineSecretRecord, 'expiresAt'>,
  now: number,
): boolean {
  return expiresAt === null || now < expiresAt
}

function explainUse(
  { version, lastUsedAt, useCount, callers }: MachineSecretRecord,
  newest: MachineSecretRecord,
  now: number,
): string {
  const seconds = Math.max(0, Math.round((now - (lastUsedAt ?? now)) / 1000))
  const from = callers.map(({ address }) => address).join(', ')
  const unused = newest.lastUsedAt === null ? ` Version ${newest.version} was never used.` : ''
  const uses = `${useCount} ${useCount === 1 ? 'time' : 'times'} in all`
  return `Version ${version} was used ${seconds} s ago, ${uses}${from && `, last from ${from}`}.${unused}`
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
    lastUsedAt: null,
    useCount: 0,
    callers: [],
  }
  return { row, secret: minted.text }
}
