import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Authority,
  createAuthority,
  createMemoryStore,
  initializeInstance,
  openSqliteStore,
  type Store,
} from '@countersign/authority'
import { createVerifier, type Verifier, type VerifierOptions } from 'countersign'
import { TEST_ROOT_KEY } from '../../support/authority.ts'
import { createTestClock, type TestClock } from '../../support/clock.ts'
import { ask, ISSUER } from '../../support/processes.ts'

/** Two processes of one authority on one storage, each of which can be ended and begun anew. */

export const STORAGES = ['memory', 'sqlite'] as const

export type Storage = (typeof STORAGES)[number]

export type Answer = Awaited<ReturnType<typeof ask>>

export interface World extends AsyncDisposable {
  readonly clock: TestClock
  /** The instance key. */
  readonly secretKey: string
  ask(process: number, method: string, path: string, key: string, body?: object): Promise<Answer>
  /** A verifier that knows nothing yet, and asks that process for keys and lists. */
  verifier(process: number, options?: Partial<VerifierOptions>): Verifier
  /** What each process does every second. */
  tick(): Promise<void>
  /** Ends a process and begins another in its place. */
  restart(process: number): Promise<void>
}

export interface WorldOptions {
  readonly storage: Storage
  /** Goes around the store of a process. */
  readonly wrap?: (store: Store) => Store
}

interface Process {
  readonly authority: Authority
  readonly store: Store
}

const PROCESSES = [0, 1] as const

const rootKeys = [TEST_ROOT_KEY]
const config = { issuer: ISSUER, rootKeys, jwtAlgorithm: 'ES256', keyRotationDays: 0 } as const

export async function createWorld({
  storage,
  wrap = (store) => store,
}: WorldOptions): Promise<World> {
  const clock = createTestClock()
  const folder = await mkdtemp(join(tmpdir(), 'countersign-history-'))
  const file = join(folder, 'countersign.db')
  const shared = storage === 'memory' ? createMemoryStore() : null
  const first = shared ?? (await openSqliteStore({ file, migrate: true }))
  const founded = await initializeInstance(
    { rootKeys, environment: 'test' },
    { store: first, clock },
  )
  if (shared === null) await first.close()

  const begin = async (): Promise<Process> => {
    const store = shared ?? (await openSqliteStore({ file }))
    return { store, authority: await createAuthority(config, { store: wrap(store), clock }) }
  }
  const end = async ({ authority, store }: Process): Promise<void> => {
    await authority.close()
    if (shared === null) await store.close()
  }
  const processes = await Promise.all(PROCESSES.map(begin))
  const at = (index: number): Process => {
    const process = processes[index % processes.length]
    if (process === undefined) throw new Error('There is no process.')
    return process
  }

  return {
    clock,
    secretKey: founded?.secretKey ?? '',
    ask: (process, ...call) => ask(at(process).authority, ...call),
    verifier: (process, options = {}) =>
      createVerifier({
        issuer: ISSUER,
        audience: null,
        clockToleranceSeconds: 0,
        clock: () => clock.now(),
        fetch: async (url, init) => at(process).authority.fetch(new Request(url, init)),
        ...options,
      }),
    async tick() {
      for (const { authority } of processes) await authority.tick()
    },
    async restart(process) {
      const index = process % processes.length
      await end(at(index))
      processes[index] = await begin()
    },
    async [Symbol.asyncDispose]() {
      for (const process of processes) await end(process)
      await shared?.close()
      await rm(folder, { recursive: true })
    },
  }
}
