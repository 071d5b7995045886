import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Authority,
  type AuthorityConfig,
  type Clock,
  createAuthority,
  initializeInstance,
  openSqliteStore,
  type Store,
} from '@countersign/authority'
import { TEST_ROOT_KEY } from './authority.ts'

/** Several processes of one authority on one SQLite file, without sockets. */
export interface Processes extends AsyncDisposable {
  readonly authorities: readonly Authority[]
  readonly stores: readonly Store[]
  /** The instance key. */
  readonly secretKey: string
}

export const ISSUER = 'https://authority.test'

/** The clocks of the processes, one each; they may differ. */
export async function startProcesses(
  clocks: readonly [Clock, ...Clock[]],
  config: Partial<AuthorityConfig> = {},
): Promise<Processes> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-'))
  const file = join(folder, 'countersign.db')
  const first = await openSqliteStore({ file, migrate: true })
  const others = await Promise.all(clocks.slice(1).map(() => openSqliteStore({ file })))
  const stores = [first, ...others]
  const rootKeys = [TEST_ROOT_KEY]
  const ports = { store: first, clock: clocks[0] }
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, ports)
  const authorities = await Promise.all(
    stores.map((store, index) =>
      createAuthority(
        { issuer: ISSUER, rootKeys, ...config },
        { store, clock: clocks[index] ?? clocks[0] },
      ),
    ),
  )
  return {
    authorities,
    stores,
    secretKey: founded?.secretKey ?? '',
    async [Symbol.asyncDispose]() {
      for (const one of authorities) await one.close()
      for (const store of stores) await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** One request with a JSON body to one process. */
export async function ask(
  authority: Authority,
  method: string,
  path: string,
  key: string,
  body?: object,
): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> }> {
  const answer = await authority.fetch(
    new Request(ISSUER + path, {
      method,
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    }),
  )
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}
