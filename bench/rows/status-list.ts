import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import {
  type Authority,
  createAuthority,
  createRootKey,
  initializeInstance,
  openSqliteStore,
  type Store,
} from '@countersign/authority'
import { createId } from 'countersign/token'
import { createVerifier, type Verifier } from 'countersign/verify'
import {
  type Algorithm,
  ALGORITHMS,
  call,
  createMachines,
  ISSUER,
  type Json,
} from '../authority.ts'
import { collectGarbage } from '../in-process.ts'
import { formatBytes, formatMicros } from '../report.ts'
import type { Fact, Row } from './row.ts'

const LIVE_TOKENS = 1_000_000

const LIST_SIZE = 131_072

const REVOKED = 0.01

/** Tokens of each list that are revoked one by one. */
const SPARES = 2_000

const DAY_MS = 86_400_000

const ROWS_AT_ONCE = 5_000

/** After this a list that is asked for is signed again. */
const SIGNED_AGAIN_MS = 5_000

/** A million live JWTs: what their statuses weigh, what it costs to publish them, and to hold them all. */
export const statusList: Row = {
  name: 'status-list',
  async *measure({ rounds }) {
    await using fleet = await createFleet()
    yield {
      title: 'the statuses of 1,000,000 live JWTs, 1 in 100 revoked',
      facts: await weigh(fleet),
    }
    for (const algorithm of ALGORITHMS) {
      const title = `to publish a list of 131,072, ${algorithm}`
      yield { title, facts: await publish(fleet, algorithm, rounds * 10) }
    }
    yield { title: 'to revoke by predicate', facts: await revokeAll(fleet) }
  },
}

interface Fleet extends AsyncDisposable {
  readonly authority: Authority
  readonly store: Store
  readonly secretKey: string
  readonly machineId: string
  readonly receiverId: string
  /** The lists of the million. */
  readonly lists: readonly string[]
  /** A list with as many revoked, for each algorithm. */
  readonly listOf: ReadonlyMap<Algorithm, string>
  /** A token in it that is not revoked yet. */
  spare(list: string): string
  readonly advance: (milliseconds: number) => void
}

async function createFleet(): Promise<Fleet> {
  let nowMs = Date.now()
  const clock = { now: () => nowMs }
  const folder = await mkdtemp(join(tmpdir(), 'countersign-bench-'))
  const store = await openSqliteStore({ file: join(folder, 'authority.db'), migrate: true })
  const rootKeys = [createRootKey(crypto.getRandomValues(new Uint8Array(32)))]
  const ports = { store, clock }
  const founded = await initializeInstance({ rootKeys, environment: 'test' }, ports)
  if (founded === null) throw new Error('The new database holds an instance.')
  const authority = await createAuthority({ issuer: ISSUER, rootKeys }, ports)
  const { secretKey } = founded
  const {
    issuerId: machineId,
    issuerSecret,
    receiverId,
  } = await createMachines(authority, secretKey)
  const asked = { token_format: 'jwt', seconds_until_expiration: 3600 }
  const { id } = await call(authority, '/v1/m2m_tokens', issuerSecret, asked)
  const spares = new Map<string, string[]>()

  const addList = async (algorithm: Algorithm, count: number): Promise<string> => {
    const list = Buffer.from(crypto.getRandomValues(new Uint8Array(9))).toString('base64url')
    spares.set(list, await fill(store, { id: String(id), list, algorithm, count, nowMs }))
    return list
  }

  const lists: string[] = []
  for (let left = LIVE_TOKENS; left > 0; left -= LIST_SIZE) {
    lists.push(await addList('RS256', Math.min(left, LIST_SIZE)))
  }
  const listOf = new Map<Algorithm, string>([['RS256', lists[0] ?? '']])
  for (const algorithm of ['ES256', 'EdDSA'] as const) {
    listOf.set(algorithm, await addList(algorithm, LIST_SIZE))
  }
  return {
    authority,
    store,
    secretKey,
    machineId,
    receiverId,
    lists,
    listOf,
    spare: (list) => spares.get(list)?.pop() ?? '',
    advance: (milliseconds) => {
      nowMs += milliseconds
    },
    async [Symbol.asyncDispose]() {
      await authority.close()
      await store.close()
      await rm(folder, { recursive: true })
    },
  }
}

/** Rows like the one with this id, under ids and in places of their own. Some ids that are not revoked. */
async function fill(
  store: Store,
  to: {
    readonly id: string
    readonly list: string
    readonly algorithm: Algorithm
    readonly count: number
    readonly nowMs: number
  },
): Promise<string[]> {
  const { list, algorithm, count, nowMs } = to
  const row = await store.m2mToken(to.id)
  const machine = row === null ? null : await store.machine(row.machineId)
  if (row?.format !== 'jwt' || machine === null) throw new Error('A JWT just issued has no row.')
  const times = { openedAt: nowMs, endsAt: nowMs + DAY_MS }
  await store.write({
    type: 'open-status-list',
    list: { id: list, algorithm, size: LIST_SIZE, version: 1, ...times },
  })
  const spares: string[] = []
  for (let start = 0; start < count; start += ROWS_AT_ONCE) {
    const length = Math.min(ROWS_AT_ONCE, count - start)
    const outcomes = await Promise.all(
      Array.from({ length }, (_, offset) => {
        const statusIndex = start + offset
        const isRevoked = Math.random() < REVOKED
        const id = createId('m2mToken', nowMs, crypto.getRandomValues(new Uint8Array(16)))
        if (!isRevoked && spares.length < SPARES) spares.push(id)
        const revokedAt = isRevoked ? nowMs : null
        const token = { ...row, id, statusListId: list, statusIndex, revokedAt }
        const { policyVersion } = machine
        return store.write({ type: 'create-m2m-token', token, policyVersion })
      }),
    )
    if (outcomes.some((outcome) => outcome !== 'done')) throw new Error('A row was not written.')
  }
  return spares
}

async function weigh(fleet: Fleet): Promise<Fact[]> {
  const text = await serve(fleet, fleet.lists[0] ?? '')
  // The first one has the authority publish them, so that the second pays for itself alone.
  const first = await verifierOfAll(fleet)
  const before = await heapBytes()
  const second = await verifierOfAll(fleet)
  const held = (await heapBytes()) - before
  for (const verifier of [first, second]) verifier.close()
  return [
    ['lists', String(fleet.lists.length)],
    ['a list on the wire', formatBytes(text.length)],
    ['the same, gzip', formatBytes(gzipSync(text).length)],
    ['memory of a verifier that holds them all', formatBytes(held)],
  ]
}

async function verifierOfAll({ authority, receiverId }: Fleet): Promise<Verifier> {
  const verifier = createVerifier({
    issuer: ISSUER,
    audience: receiverId,
    fetch: (url, init) => authority.fetch(new Request(url, init)),
  })
  await verifier.warm()
  return verifier
}

async function publish(fleet: Fleet, algorithm: Algorithm, times: number): Promise<Fact[]> {
  const { store, listOf, advance } = fleet
  const list = listOf.get(algorithm) ?? ''
  const changed = await measure(
    times,
    () => serve(fleet, list),
    async () => {
      const id = fleet.spare(list)
      await store.write({ type: 'revoke-m2m-token', id, at: 0, reason: null })
    },
  )
  const young = await measure(
    times,
    () => serve(fleet, list),
    () => {
      advance(SIGNED_AGAIN_MS)
    },
  )
  const again = await measure(times * 10, () => serve(fleet, list))
  return [
    ['after a revocation: read, deflated, signed', formatMicros(changed)],
    ['every five seconds: signed', formatMicros(young)],
    ['from memory', formatMicros(again)],
  ]
}

/** Last: nothing is left afterwards. */
async function revokeAll({ authority, secretKey, machineId }: Fleet): Promise<Fact[]> {
  const ask = (dryRun: boolean): Promise<Json> =>
    call(authority, '/v1/m2m_tokens/revoke', secretKey, { machine_id: machineId, dry_run: dryRun })
  const counted = await measure(1, () => ask(true))
  let revoked: Json = {}
  const done = await measure(1, async () => {
    revoked = await ask(false)
  })
  return [
    ['tokens', Number(revoked['count']).toLocaleString('en')],
    ['a dry run', formatMicros(counted)],
    ['one transaction', formatMicros(done)],
  ]
}

async function serve({ authority }: Fleet, list: string): Promise<string> {
  const answer = await authority.fetch(new Request(`${ISSUER}/status-lists/${list}`))
  if (answer.status !== 200) throw new Error(`A list answered ${answer.status}.`)
  return answer.text()
}

/** CPU of one operation in microseconds, all threads, without what is done before each. */
async function measure(
  times: number,
  operation: () => Promise<unknown>,
  before: () => void | Promise<void> = () => undefined,
): Promise<number> {
  let micros = 0
  for (let time = 0; time < times; time++) {
    await before()
    const start = process.cpuUsage()
    await operation()
    const { user, system } = process.cpuUsage(start)
    micros += user + system
  }
  return micros / times
}

async function heapBytes(): Promise<number> {
  // What native code holds is let go one turn after nobody needs it any more.
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage()
    await setImmediate()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
