import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Store } from '../../domain/ports.ts'
import { aMachine, anInstance, aSecret, aSigningKey, aToken } from '../fixtures.ts'
import { describeStore } from '../store.contract.ts'
import { connect } from './driver.ts'
import { openSqliteStore } from './sqlite-store.ts'

describeStore('the SQLite store', () => openSqliteStore({ file: ':memory:', migrate: true }))

describeStore('the SQLite store, of which everything was read before each change', async () => {
  const store = await openSqliteStore({ file: ':memory:', migrate: true })
  return checkedAt(store, store)
})

describeStore('the SQLite store that another process changes', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countersign-'))
  const file = join(folder, 'countersign.db')
  const writer = await openSqliteStore({ file, migrate: true })
  const reader = await openSqliteStore({ file })
  return {
    ...checkedAt(reader, writer),
    async close() {
      await reader.close()
      await writer.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
})

/** A store that reads all it may remember before and after each change, and finds what the lists say. */
function checkedAt(reader: Store, writer: Store): Store {
  const seen = { machines: new Set<string>(), secrets: new Set<string>(), keys: new Set<string>() }

  const check = async (): Promise<void> => {
    const all = { text: '', orderBy: 'name', descending: false, limit: 1_000, offset: 0 } as const
    const machines = (await reader.machines(all)).rows
    const secrets = (await Promise.all(machines.map(({ id }) => reader.machineSecrets(id)))).flat()
    const keys = await reader.instanceKeys()
    for (const { id } of machines) seen.machines.add(id)
    for (const { machineId, version } of secrets) seen.secrets.add(`${machineId} ${version}`)
    for (const { id } of keys) seen.keys.add(id)
    for (const id of seen.machines) {
      expect(await reader.machine(id)).toEqual(machines.find((one) => one.id === id) ?? null)
      const receivers = (await reader.receivers([id])).get(id)
      const scopes = await reader.scopes(id)
      expect(scopes.map((scope) => scope.toMachineId)).toEqual(receivers?.map((one) => one.id))
    }
    for (const name of seen.secrets) {
      const [id = '', version] = name.split(' ')
      const listed = secrets.find((one) => `${one.machineId} ${one.version}` === name)
      expect(await reader.machineSecret(id, Number(version))).toEqual(listed ?? null)
    }
    for (const id of seen.keys) {
      expect(await reader.instanceKey(id)).toEqual(keys.find((one) => one.id === id) ?? null)
    }
  }

  return {
    ...reader,
    async write(command, entry) {
      await check()
      const outcome = await writer.write(command, entry)
      await check()
      return outcome
    },
  }
}

describe('an SQLite file', () => {
  let folder: string
  let file: string

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countersign-'))
    file = join(folder, 'countersign.db')
  })

  afterEach(async () => {
    await rm(folder, { recursive: true })
  })

  const createMachine = {
    type: 'create-machine',
    machine: aMachine({ id: 'mch_a' }),
    secret: aSecret({ machineId: 'mch_a' }),
    scopes: [],
  } as const

  it('is synced at every commit, with a write-ahead log', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    await store.write(createMachine)
    const reader = await connect(file)
    expect(reader.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' })
    reader.close()
    await store.close()
  })

  it('holds what was written when it is opened again', async () => {
    const first = await openSqliteStore({ file, migrate: true })
    await first.write(createMachine)
    await first.close()
    const second = await openSqliteStore({ file })
    expect(await second.machine('mch_a')).toEqual(createMachine.machine)
    await second.close()
  })

  it('shows a change to another process as soon as it is answered', async () => {
    const one = await openSqliteStore({ file, migrate: true })
    const other = await openSqliteStore({ file })
    await one.write(createMachine)
    const token = aToken({ id: 'mt_1', machineId: 'mch_a' })
    await one.write({ type: 'create-m2m-token', token, policyVersion: 1 })
    expect((await other.m2mToken('mt_1'))?.revokedAt).toBeNull()
    await one.write({ type: 'revoke-m2m-token', id: 'mt_1', at: 5, reason: null })
    expect((await other.m2mToken('mt_1'))?.revokedAt).toBe(5)
    await one.close()
    await other.close()
  })

  it('gives the very record of before until somebody changes something that may matter', async () => {
    const one = await openSqliteStore({ file, migrate: true })
    const other = await openSqliteStore({ file })
    await one.write(createMachine)
    const machine = await one.machine('mch_a')
    const secret = await one.machineSecret('mch_a', 1)
    const token = aToken({ id: 'mt_1', machineId: 'mch_a' })
    await one.write({ type: 'create-m2m-token', token, policyVersion: 1 })
    expect(await one.machine('mch_a')).toBe(machine)
    expect(await one.machineSecret('mch_a', 1)).toBe(secret)
    await one.write({ type: 'update-machine', id: 'mch_a', at: 2, name: 'new' })
    expect((await one.machine('mch_a'))?.name).toBe('new')
    await other.write({ type: 'end-machine-secrets', machineId: 'mch_a', versions: [1] })
    expect((await one.machineSecret('mch_a', 1))?.expiresAt).toBe(0)
    await one.close()
    await other.close()
  })

  it('is looked at before anything is given out that was remembered', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    const other = await connect(file)
    await store.write(createMachine)
    expect((await store.machineSecret('mch_a', 1))?.expiresAt).toBeNull()
    // Before the event loop turns.
    other.exec('UPDATE machine_secrets SET expires_at = 7')
    await store.scopes('mch_a')
    expect((await store.machineSecret('mch_a', 1))?.expiresAt).toBe(7)
    other.exec('UPDATE machine_secrets SET expires_at = 8')
    expect((await store.machineSecret('mch_a', 1))?.expiresAt).toBe(8)
    other.close()
    await store.close()
  })

  it('remembers so many records and no more', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    await store.write(createMachine)
    const machine = await store.machine('mch_a')
    for (let count = 0; count < 9_999; count++) await store.scopes(`mch_${count}`)
    expect(await store.machine('mch_a')).toBe(machine)
    await store.scopes('mch_b')
    expect(await store.machine('mch_a')).not.toBe(machine)
    await store.close()
  })

  it('that cannot be read is not answered for from memory', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    await store.write(createMachine)
    await store.machine('mch_a')
    await store.close()
    await expect(store.machine('mch_a')).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  it('without the schema is refused unless it may be migrated', async () => {
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'schema-older' })
    await (await openSqliteStore({ file, migrate: true })).close()
    await (await openSqliteStore({ file })).close()
  })

  it('from before signing keys had times gets them: its keys sign since they were made', async () => {
    await (await openSqliteStore({ file, migrate: true })).close()
    const connection = await connect(file)
    connection.exec(`
      ALTER TABLE machine_secrets DROP COLUMN last_used_at;
      ALTER TABLE machine_secrets DROP COLUMN use_count;
      ALTER TABLE machine_secrets DROP COLUMN callers;
      DROP TABLE webhooks;
      DROP TABLE audit_checkpoints;
      DROP TABLE signing_key_set;
      DROP TABLE signing_keys;
      CREATE TABLE signing_keys (
        kid TEXT PRIMARY KEY, algorithm TEXT NOT NULL, public_jwk TEXT NOT NULL,
        handle BLOB NOT NULL, mac BLOB NOT NULL, created_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      INSERT INTO signing_keys VALUES ('key_1', 'ES256', '{"kty":"EC"}', x'02', x'08', 77);
      DELETE FROM kysely_migration WHERE name >= '0003';`)
    connection.close()
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'schema-older' })
    const store = await openSqliteStore({ file, migrate: true })
    const key = aSigningKey({ publicJwk: { kty: 'EC' }, createdAt: 77, activeFrom: 77 })
    expect(await store.signingKeys()).toEqual({ version: 0, keys: [key] })
    await store.close()
  })

  it('changes its signing keys once where two processes race to', async () => {
    const stores = [await openSqliteStore({ file, migrate: true }), await openSqliteStore({ file })]
    const [first] = stores
    await first?.write(anInstance())
    const outcomes = await Promise.all(
      stores.flatMap((store, index) =>
        Array.from({ length: 8 }, (_, turn) => {
          const keys = [aSigningKey({ kid: `key_${index}_${turn}` })]
          return store.write({ type: 'replace-signing-keys', set: { version: 2, keys } })
        }),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'stale')).toHaveLength(15)
    const sets = await Promise.all(stores.map((store) => store.signingKeys()))
    expect(sets[0]).toEqual(sets[1])
    expect(sets[0]?.keys).toHaveLength(1)
    for (const store of stores) await store.close()
  })

  it('of a newer release is refused, and left as it is', async () => {
    await (await openSqliteStore({ file, migrate: true })).close()
    const connection = await connect(file)
    connection.exec(`INSERT INTO kysely_migration VALUES ('9999-from-the-future', 'now')`)
    connection.close()
    await expect(openSqliteStore({ file })).rejects.toMatchObject({ code: 'schema-newer' })
    await expect(openSqliteStore({ file, migrate: true })).rejects.toMatchObject({
      code: 'schema-newer',
    })
  })

  it('fails only the command that cannot be applied, not those beside it', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    const [good, clash, other] = await Promise.allSettled([
      store.write(createMachine),
      store.write(createMachine),
      store.write({
        ...createMachine,
        machine: aMachine({ id: 'mch_b' }),
        secret: aSecret({ machineId: 'mch_b' }),
      }),
    ])
    expect(good).toEqual({ status: 'fulfilled', value: 'done' })
    expect(clash).toMatchObject({ status: 'rejected', reason: { code: 'storage_unavailable' } })
    expect(other).toEqual({ status: 'fulfilled', value: 'done' })
    await store.close()
  })

  it('that another process holds is an error for all who wait, at once, and serves again after', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    const holder = await connect(file)
    holder.exec('BEGIN IMMEDIATE')
    const write = (id: string) =>
      store.write({
        ...createMachine,
        machine: aMachine({ id }),
        secret: aSecret({ machineId: id }),
      })
    // One after the other, each with a time-out of its own, they would outlast this test.
    const answers = await Promise.allSettled(
      Array.from({ length: 200 }, (_, index) => write(`mch_${index}`)),
    )
    expect(answers.every(({ status }) => status === 'rejected')).toBe(true)
    holder.exec('ROLLBACK')
    holder.close()
    expect(await write('mch_after')).toBe('done')
    await store.close()
  })

  it('is for its owner alone', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    await store.write(createMachine)
    for (const name of await readdir(folder)) {
      expect((await stat(join(folder, name))).mode & 0o077, name).toBe(0)
    }
    await store.close()
  })

  it('that is full or gone is an error of its own, never a wrong answer', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    await store.write(createMachine)
    await store.close()
    await expect(store.machine('mch_a')).rejects.toMatchObject({ code: 'storage_unavailable' })
    await expect(store.write(createMachine)).rejects.toMatchObject({
      code: 'storage_unavailable',
    })
  })

  it('writes what is waiting before it closes', async () => {
    const store = await openSqliteStore({ file, migrate: true })
    const answer = store.write(createMachine)
    await store.close()
    expect(await answer).toBe('done')
    const again = await openSqliteStore({ file })
    expect(await again.machine('mch_a')).not.toBeNull()
    await again.close()
  })
})
