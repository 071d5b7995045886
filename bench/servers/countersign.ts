import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  type Authority,
  createAuthority,
  createRootKey,
  initializeInstance,
  openSqliteStore,
  startServer,
  type Store,
} from '@countersign/authority'
import { createId } from 'countersign/token'
import { type Algorithm, call, createMachines, inBatches } from '../authority.ts'
import type { Started } from './protocol.ts'

export interface CountersignOptions {
  readonly jwtAlgorithm?: Algorithm
  /** How many opaque tokens the table holds when the first request comes. */
  readonly rows?: number
  /** How many of them can be presented; they are spread over the table. */
  readonly tokens?: number
}

export interface CountersignFacts {
  /** The secret key of the machine that makes tokens. */
  readonly issuerSecret: string
  /** The secret key of the machine that they are meant for. */
  readonly receiverSecret: string
  readonly tokens: readonly string[]
}

const LOG = { info: () => undefined, warn: () => undefined, error: console.error }

const ROOT_KEY_BYTES = 32

/** The authority as `countersign serve` runs it, on a new SQLite file. */
export async function start(options: CountersignOptions): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const store = await openSqliteStore({ file: join(folder, 'authority.db'), migrate: true })
  const rootKeys = [createRootKey(crypto.getRandomValues(new Uint8Array(ROOT_KEY_BYTES)))]
  const ports = { store, log: LOG }
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, ports)
  if (founded === null) throw new Error('The new database holds an instance.')
  const { jwtAlgorithm = 'RS256' } = options
  const server = await startServer({
    host: '127.0.0.1',
    port: 0,
    log: LOG,
    open: (url) => createAuthority({ issuer: url, rootKeys, jwtAlgorithm }, ports),
  })
  const { authority } = server
  const { issuerSecret, receiverSecret } = await createMachines(authority, founded.secretKey)
  const tokens = await fill(authority, store, issuerSecret, options)
  return {
    port: Number(new URL(server.url).port),
    facts: { issuerSecret, receiverSecret, tokens } satisfies CountersignFacts,
    // Writes the notes of use, which a verification leaves for later.
    settle: () => authority.close(),
    async stop() {
      await server.close()
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Issues the tokens that will be presented, each followed by its share of the rows between them. */
async function fill(
  authority: Authority,
  store: Store,
  issuerSecret: string,
  { rows = 0, tokens = 0 }: CountersignOptions,
): Promise<readonly string[]> {
  const share = Math.max(0, Math.round(rows / tokens) - 1)
  return inBatches(tokens, async () => {
    const body = { seconds_until_expiration: 3600 }
    const { id, token } = await call(authority, '/v1/m2m_tokens', issuerSecret, body)
    if (share > 0) await addRows(store, id as string, share)
    return token as string
  })
}

/** Rows like the one with this id, under ids of their own: nobody holds a token of theirs. */
async function addRows(store: Store, id: string, count: number): Promise<void> {
  const row = await store.m2mToken(id)
  const machine = row === null ? null : await store.machine(row.machineId)
  if (row === null || machine === null) throw new Error('A token just issued has no row.')
  const { policyVersion } = machine
  const newId = (): string =>
    createId('m2mToken', row.createdAt, crypto.getRandomValues(new Uint8Array(16)))
  const outcomes = await Promise.all(
    Array.from({ length: count }, () =>
      store.write({ type: 'create-m2m-token', token: { ...row, id: newId() }, policyVersion }),
    ),
  )
  if (outcomes.some((outcome) => outcome !== 'done')) throw new Error('A row was not written.')
}
