import type { Context } from './context.ts'
import { AuthorityError } from './errors.ts'
import { grantScope } from './scopes.ts'
import { mintFirstMachineSecret } from './machine-secrets.ts'
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
  readonly receiverIds: readonly string[]
}

export interface MachineChange {
  readonly name?: string | undefined
  readonly defaultTokenTtlSeconds?: number | undefined
  readonly jwtAlgorithm?: Algorithm | null | undefined
}

/** Names machines and says who may call whom. */
export interface Machines {
  /** @throws {AuthorityError} `machine_unknown` when a receiver does not exist. */
  create(input: NewMachine): Promise<{ readonly machine: Machine; readonly secret: string }>
  list(query: MachineQuery): Promise<Page<Machine>>
  /** @throws {AuthorityError} `resource_not_found` */
  get(id: string): Promise<Machine>
  /** Changes what is given. @throws {AuthorityError} `resource_not_found` */
  update(id: string, change: MachineChange): Promise<Machine>
  /**
   * Ends the machine, its secrets, its scopes in both directions and every opaque token it made.
   *
   * @throws {AuthorityError} `resource_not_found`
   */
  delete(id: string): Promise<void>
  /** @throws {AuthorityError} `resource_not_found`, `scope_exists`, `scopes_full` */
  addScope(fromMachineId: string, toMachineId: string): Promise<ScopeRecord>
  /** @throws {AuthorityError} `resource_not_found` */
  removeScope(fromMachineId: string, toMachineId: string): Promise<void>
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

    async create(input: NewMachine) {
      const { row: secretRow, secret } = mintFirstMachineSecret(context)
      const now = clock.now()
      const machine: MachineRecord = {
        id: secretRow.machineId,
        name: input.name,
        defaultTokenTtlSeconds: input.defaultTokenTtlSeconds,
        jwtAlgorithm: input.jwtAlgorithm,
        policyVersion: 1,
        createdAt: now,
        updatedAt: now,
      }
      const outcome = await store.write({
        type: 'create-machine',
        machine,
        secret: secretRow,
        scopes: [...new Set(input.receiverIds)].map((id) => grantScope(context, machine.id, id)),
      })
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

    async update(id: string, change: MachineChange) {
      const outcome = await store.write({
        type: 'update-machine',
        id,
        at: clock.now(),
        ...change,
      })
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
      return get(id)
    },

    async delete(id: string) {
      const outcome = await store.write({ type: 'delete-machine', id })
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
    },

    async addScope(fromMachineId: string, toMachineId: string) {
      const scope = grantScope(context, fromMachineId, toMachineId)
      const outcome = await store.write({ type: 'create-scope', scope, limit: MAX_SCOPES })
      if (outcome === 'exists') throw new AuthorityError('scope_exists')
      if (outcome === 'full') throw new AuthorityError('scopes_full')
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
      return scope
    },

    async removeScope(fromMachineId: string, toMachineId: string) {
      const outcome = await store.write({ type: 'delete-scope', fromMachineId, toMachineId })
      if (outcome !== 'done') throw new AuthorityError('resource_not_found')
    },
  })
}
