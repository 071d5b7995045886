import type { Actor } from './actors.ts'
import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'
import { grantScope } from './scopes.ts'
import { mintFirstMachineSecret } from './machine-secrets.ts'
import { newRevocation } from './revocations.ts'
import type { MachineQuery, Page } from './ports.ts'
import type { Algorithm, MachineRecord, ScopeRecord } from './records.ts'

/** The scopes that one machine can have. */
export const MAX_SCOPES = 150

/** A machine and the machines it may call. */
export interface Machine extends MachineRecord {
  readonly receivers: readonly MachineRecord[]
}

export interface NewMachine {
  readonly name: string
  readonly defaultTokenTtlSeconds: number
  readonly jwtAlgorithm: Algorithm | null
  readonly stateless: boolean
  readonly receiverIds: readonly string[]
}

export interface MachineChange {
  readonly name?: string | undefined
  readonly defaultTokenTtlSeconds?: number | undefined
  readonly jwtAlgorithm?: Algorithm | null | undefined
  readonly stateless?: boolean | undefined
}

/** Names machines and says who may call whom. */
export interface Machines {
  /** @throws {AuthorityError} `machine_unknown` when a receiver does not exist. */
  create(
    by: Actor,
    input: NewMachine,
  ): Promise<{ readonly machine: Machine; readonly secret: string }>
  list(query: MachineQuery): Promise<Page<Machine>>
  /** @throws {AuthorityError} `resource_not_found` */
  get(id: string): Promise<Machine>
  /** Changes what is given. @throws {AuthorityError} `resource_not_found` */
  update(by: Actor, id: string, change: MachineChange): Promise<Machine>
  /**
   * Ends the machine, its secrets, its scopes in both directions and every token it made, save JWTs
   * without a status.
   *
   * @throws {AuthorityError} `resource_not_found`
   */
  delete(by: Actor, id: string): Promise<void>
  /** @throws {AuthorityError} `resource_not_found`, `scope_exists`, `scopes_full` */
  addScope(by: Actor, fromMachineId: string, toMachineId: string): Promise<ScopeRecord>
  /**
   * @param reachLiveTokens Whether live tokens that were made by this scope are revoked; otherwise it
   *   counts from the next token on.
   * @throws {AuthorityError} `resource_not_found`
   */
  removeScope(
    by: Actor,
    fromMachineId: string,
    toMachineId: string,
    reachLiveTokens: boolean,
  ): Promise<void>
}

export function createMachines(context: Context): Machines {
  const { store, clock } = context

  const withReceivers = async (rows: readonly MachineRecord[]): Promise<Machine[]> => {
    const receivers = await store.receivers(rows.map((row) => row.id))
    return rows.map((row) => ({ ...row, receivers: receivers.get(row.id) ?? [] }))
  }

  const get = async (id: string): Promise<Machine> => {
    const row = await store.machine(id)
    if (row === null) throw new AuthorityError('resource_not_found')
    const [machine] = await withReceivers([row])
    return machine as Machine
  }

  return Object.freeze({
    get,

    async create(by: Actor, input: NewMachine) {
      const { row: secretRow, secret } = mintFirstMachineSecret(context)
      const now = clock.now()
      const machine: MachineRecord = {
        id: secretRow.machineId,
        name: input.name,
        defaultTokenTtlSeconds: input.defaultTokenTtlSeconds,
        jwtAlgorithm: input.jwtAlgorithm,
        stateless: input.stateless,
        policyVersion: 1,
        createdAt: now,
        updatedAt: now,
      }
      const receivers = [...new Set(input.receiverIds)]
      const outcome = await store.write(
        {
          type: 'create-machine',
          machine,
          secret: secretRow,
          scopes: receivers.map((id) => grantScope(context, machine.id, id)),
        },
        context.audit('machine.created', by, { target: machine.id, details: { receivers } }),
      )
      if (outcome === 'missing') {
        throw new AuthorityError('machine_unknown', { parameter: 'scoped_machines' })
      }
      const [created] = await withReceivers([machine])
      return { machine: created as Machine, secret }
    },

    async list(query: MachineQuery) {
      const page = await store.machines(query)
      return { rows: await withReceivers(page.rows), totalCount: page.totalCount }
    },

    async update(by: Actor, id: string, change: MachineChange) {
      const { name, ...settings } = change
      const details = { ...settings, ...(name !== undefined && { renamed: true }) }
      const entry = context.audit('machine.updated', by, { target: id, details })
      const at = clock.now()
      const outcome = await store.write({ type: 'update-machine', id, at, ...change }, entry)
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
      return get(id)
    },

    async delete(by: Actor, id: string) {
      const reason = 'The machine was deleted.'
      const revocation = newRevocation(context, { machineId: id }, reason)
      const entry = context.audit('machine.deleted', by, {
        target: id,
        details: { revocation: revocation.id },
      })
      const outcome = await store.write({ type: 'delete-machine', id, revocation }, entry)
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
    },

    async addScope(by: Actor, fromMachineId: string, toMachineId: string) {
      const scope = grantScope(context, fromMachineId, toMachineId)
      const entry = context.audit('scope.added', by, {
        target: fromMachineId,
        details: { to: toMachineId },
      })
      const outcome = await store.write({ type: 'create-scope', scope, limit: MAX_SCOPES }, entry)
      if (outcome === 'exists') throw new AuthorityError('scope_exists')
      if (outcome === 'full') throw new AuthorityError('scopes_full')
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
      return scope
    },

    async removeScope(
      by: Actor,
      fromMachineId: string,
      toMachineId: string,
      reachLiveTokens: boolean,
    ) {
      const predicate = { machineId: fromMachineId, receiverId: toMachineId }
      const revocation = reachLiveTokens
        ? newRevocation(context, predicate, 'The scope was removed.')
        : null
      const entry = context.audit('scope.removed', by, {
        target: fromMachineId,
        details: { to: toMachineId, ...(revocation !== null && { revocation: revocation.id }) },
      })
      const command = { type: 'delete-scope', fromMachineId, toMachineId, revocation } as const
      const outcome = await store.write(command, entry)
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
    },
  })
}
