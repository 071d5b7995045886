import { afterEach, beforeEach } from 'vitest'
import type { Outcome, Store } from '../../domain/ports.ts'
import { aMachine, aScope, aSecret } from '../fixtures.ts'

/** The store that a test of the contract gets, and what several of them do with it. */
export interface Contract {
  /** The one of the test that runs. */
  readonly store: Store
  /** Another one, with nothing in it. */
  readonly open: () => Promise<Store>
  readonly withMachines: (...ids: string[]) => Promise<void>
  readonly addScope: (
    fromMachineId: string,
    toMachineId: string,
    limit?: number,
  ) => Promise<Outcome>
  readonly receiverIds: (id: string) => Promise<string[] | undefined>
  readonly policyVersion: (id: string) => Promise<number | undefined>
}

/** Opens a store for each test, and closes it. */
export function openForEach(open: () => Promise<Store>): Contract {
  let opened: Store

  beforeEach(async () => {
    opened = await open()
  })

  afterEach(async () => {
    await store.close()
  })

  const store = new Proxy({} as Store, {
    get: (_, name): unknown => Reflect.get(opened, name),
  })

  const withMachines = async (...ids: string[]): Promise<void> => {
    for (const id of ids) {
      await store.write({
        type: 'create-machine',
        machine: aMachine({ id }),
        secret: aSecret({ machineId: id }),
        scopes: [],
      })
    }
  }

  const addScope = (fromMachineId: string, toMachineId: string, limit = 150): Promise<Outcome> =>
    store.write({
      type: 'create-scope',
      scope: aScope(fromMachineId, toMachineId),
      limit,
    })

  const receiverIds = async (id: string): Promise<string[] | undefined> =>
    (await store.receivers([id])).get(id)?.map((machine) => machine.id)

  const policyVersion = async (id: string): Promise<number | undefined> =>
    (await store.machine(id))?.policyVersion

  return {
    store,
    open,
    withMachines,
    addScope,
    receiverIds,
    policyVersion,
  }
}
