import { generateKeyPairSync, sign } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FIRST_HASH, nextHash } from '../../packages/authority/src/domain/audit-chain.ts'
import { connect, type SqlValue } from '../../packages/authority/src/storage/sqlite/driver.ts'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { type CommandOutcome, runCommand } from '../support/cli.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'

/**
 * Somebody who can write the database, and does not have the root key, wants the audit log to tell
 * another story. What docs/audit.md promises against that.
 */

let folder: string
let clock: TestClock
let authority: TestAuthority

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-audit-'))
  clock = createTestClock()
  authority = await startTestAuthority({ storage: join(folder, 'countersign.db'), clock })
  // Entry 1 is the founding. Checkpoints 7 and 10; entries 11 and 12 are under none yet.
  await createMachines(6)
  await authority.tick()
  await createMachines(3)
  clock.advance(61_000)
  await authority.tick()
  await createMachines(2)
})

afterEach(async () => {
  await authority.close()
  await rm(folder, { recursive: true })
})

async function createMachines(count: number, at: TestAuthority = authority): Promise<void> {
  for (let index = 0; index < count; index++) {
    await call(at, 'POST', '/v1/machines', at.secretKey, { name: `m${index}` })
  }
}

const env = (): Record<string, string> => ({
  COUNTERSIGN_URL: authority.url,
  COUNTERSIGN_SECRET_KEY: authority.secretKey,
  COUNTERSIGN_DATA: folder,
  COUNTERSIGN_ROOT_KEY: '07'.repeat(32),
})

const audit = (...words: string[]): Promise<CommandOutcome> =>
  runCommand(['audit', ...words, '--json'], env())

async function verify(...words: string[]): Promise<{
  readonly code: number
  readonly problems: readonly { readonly seq: number; readonly problem: string }[]
  readonly coveredThrough: number
}> {
  const { code, out, err } = await audit('verify', ...words)
  if (out === '') throw new Error(err)
  return { code, ...JSON.parse(out) }
}

async function exportLog(name: string): Promise<string> {
  const file = join(folder, name)
  const { code, err } = await audit('export', '--out', file)
  expect(code, err).toBe(0)
  return file
}

interface Row {
  readonly seq: number
  readonly entry: string
  readonly mac: Uint8Array
  readonly hash: Uint8Array
}

async function asDatabaseWriter(text: string, ...values: SqlValue[]): Promise<void> {
  const connection = await connect(join(folder, 'countersign.db'))
  connection.prepare(text).run(...values)
  connection.close()
}

async function rowsOf(file = join(folder, 'countersign.db')): Promise<Row[]> {
  const connection = await connect(file)
  const rows = connection.prepare('SELECT * FROM audit_log ORDER BY seq').all() as unknown as Row[]
  connection.close()
  return rows
}

/** Writes the log anew with these rows, numbered and chained as if they had always been so. */
async function rewrite(rows: readonly Pick<Row, 'entry' | 'mac'>[]): Promise<void> {
  const connection = await connect(join(folder, 'countersign.db'))
  connection.exec('DELETE FROM audit_log')
  let hash = FIRST_HASH
  rows.forEach(({ entry, mac }, index) => {
    const seq = index + 1
    hash = nextHash(hash, { seq, entry, mac })
    connection.prepare('INSERT INTO audit_log VALUES (?, ?, ?, ?)').run(seq, entry, mac, hash)
  })
  connection.close()
}

/** Flips a bit in the middle of a column, and back when it is called again. */
async function flip(table: string, column: string, seq: number): Promise<void> {
  const connection = await connect(join(folder, 'countersign.db'))
  const row = connection.prepare(`SELECT * FROM ${table} WHERE seq = ?`).get(seq) as Row
  const bytes = Buffer.from(row[column as 'mac' | 'hash'])
  bytes.writeUInt8(bytes.readUInt8(5) ^ 1, 5)
  connection.prepare(`UPDATE ${table} SET ${column} = ? WHERE seq = ?`).run(bytes, seq)
  connection.close()
}

describe('an untouched log', () => {
  it('verifies in the database and in its export, with the key pinned', async () => {
    expect(await verify()).toMatchObject({ code: 0, problems: [], coveredThrough: 10 })
    const file = await exportLog('a.ndjson')
    const [header = ''] = (await readFile(file, 'utf8')).split('\n')
    const { keys } = JSON.parse(header)
    expect(await verify(file, '--key', keys[0].publicKey)).toMatchObject({ code: 0, problems: [] })
    expect(await verify('--checkpoint', file)).toMatchObject({ code: 0 })
  })
})

describe('a single row of the log', () => {
  it.each(['mac', 'hash'])('whose %s was flipped is named', async (column) => {
    for (const seq of [1, 4, 7, 12]) {
      await flip('audit_log', column, seq)
      const { code, problems } = await verify()
      expect(code).toBe(1)
      expect(problems).toMatchObject([{ seq, problem: 'altered' }])
      await flip('audit_log', column, seq)
    }
    expect((await verify()).code).toBe(0)
  })

  it.each([
    ['another target', `replace(entry, '"target":"mch_', '"target":"mch_x')`],
    ['another actor', `replace(entry, '"kind":"instance"', '"kind":"operator"')`],
    ['another time', `replace(entry, '{"at":', '{"at":1')`],
    ['no text', `''`],
    ['a text that is no JSON', `'{'`],
  ])('that was given %s is named', async (_, text) => {
    await asDatabaseWriter(`UPDATE audit_log SET entry = ${text} WHERE seq = 4`)
    const { code, problems } = await verify()
    expect(code).toBe(1)
    expect(problems).toMatchObject([{ seq: 4, problem: 'altered' }])
  })

  it('that was moved to the end is missed where it was', async () => {
    await asDatabaseWriter('UPDATE audit_log SET seq = 13 WHERE seq = 4')
    const { code, problems } = await verify()
    expect(code).toBe(1)
    expect(problems).toContainEqual(expect.objectContaining({ seq: 4, problem: 'missing' }))
    expect(problems).toContainEqual(expect.objectContaining({ seq: 13, problem: 'altered' }))
  })

  it.each([1, 2, 7, 8])('that was deleted is missed: %i', async (seq) => {
    await asDatabaseWriter('DELETE FROM audit_log WHERE seq = ?', seq)
    const { code, problems } = await verify()
    expect(code).toBe(1)
    expect(problems[0]).toMatchObject({ seq, problem: 'missing' })
  })

  it('that was inserted is named', async () => {
    const [, , third] = (await rowsOf()) as [Row, Row, Row]
    const hash = nextHash(third.hash, { ...third, seq: 13 })
    await asDatabaseWriter(
      'INSERT INTO audit_log VALUES (13, ?, ?, ?)',
      '{"at":1,"action":"machine.deleted","by":{"kind":"operator"}}',
      third.mac,
      hash,
    )
    expect(await verify()).toMatchObject({ code: 1, problems: [{ seq: 13, problem: 'altered' }] })
  })
})

describe('two rows', () => {
  it.each([
    [4, 5],
    [3, 9],
  ])('%i and %i that were swapped are both named', async (one, other) => {
    await asDatabaseWriter('UPDATE audit_log SET seq = -1 WHERE seq = ?', one)
    await asDatabaseWriter('UPDATE audit_log SET seq = ? WHERE seq = ?', one, other)
    await asDatabaseWriter('UPDATE audit_log SET seq = ? WHERE seq = -1', other)
    const { code, problems } = await verify()
    expect(code).toBe(1)
    const named = problems.map(({ seq }) => seq)
    expect(named).toEqual(expect.arrayContaining([one, other]))
  })
})

describe('a chain that was computed anew without the keys', () => {
  it('over an altered entry shows that entry, and the checkpoints after it', async () => {
    const rows = await rowsOf()
    await rewrite(rows.map((row) => (row.seq === 4 ? { ...row, entry: row.entry + ' ' } : row)))
    const { code, problems } = await verify()
    expect(code).toBe(1)
    expect(problems).toMatchObject([
      { seq: 4, problem: 'altered' },
      { seq: 7, problem: 'rewritten' },
      { seq: 10, problem: 'rewritten' },
    ])
  })

  it('without one of the entries does not fit the checkpoints after it', async () => {
    await rewrite((await rowsOf()).filter(({ seq }) => seq !== 8))
    expect(await verify()).toMatchObject({ code: 1, problems: [{ seq: 10, problem: 'rewritten' }] })
  })

  it('and whose checkpoints were deleted does not fit one that was exported', async () => {
    const file = await exportLog('a.ndjson')
    await rewrite((await rowsOf()).filter(({ seq }) => seq !== 8))
    await asDatabaseWriter('DELETE FROM audit_checkpoints')
    expect(await verify('--checkpoint', file)).toMatchObject({
      code: 1,
      problems: [{ seq: 10, problem: 'rewritten' }],
    })
    expect((await verify()).coveredThrough).toBe(0)
  })

  it('is signed by no running authority', async () => {
    await rewrite((await rowsOf()).filter(({ seq }) => seq !== 8))
    clock.advance(61_000)
    await authority.tick()
    expect((await authority.store.newestAuditCheckpoint())?.seq).toBe(10)
    expect(authority.log.lines.join('\n')).toContain('the audit log was altered')
  })

  it('with the checkpoints deleted is signed by no running authority either', async () => {
    await rewrite((await rowsOf()).filter(({ seq }) => seq !== 8))
    await asDatabaseWriter('DELETE FROM audit_checkpoints')
    clock.advance(61_000)
    await authority.tick()
    expect(await authority.store.newestAuditCheckpoint()).toBeNull()
    expect(authority.log.lines.join('\n')).toContain('checkpoint 10 is gone')
  })

  it('with the audit key deleted fits no key: the new one signed none of it', async () => {
    await asDatabaseWriter(`DELETE FROM data_keys WHERE purpose = 'audit'`)
    const { code, problems } = await verify()
    expect(code).toBe(1)
    expect(problems).toContainEqual(expect.objectContaining({ seq: 7, problem: 'signature-wrong' }))
    expect((await rowsOf()).at(-1)?.entry).toContain('audit_key.created')
  })
})

describe('the end of the log that was cut off', () => {
  beforeEach(async () => {
    clock.advance(61_000)
    await authority.tick()
  })

  it('is missed by a checkpoint that stayed', async () => {
    await asDatabaseWriter('DELETE FROM audit_log WHERE seq > 10')
    expect(await verify()).toMatchObject({ code: 1, problems: [{ seq: 11, problem: 'cut-off' }] })
  })

  it('with its checkpoints is missed by an exported one, and by nothing else', async () => {
    const file = await exportLog('a.ndjson')
    await asDatabaseWriter('DELETE FROM audit_log WHERE seq > 10')
    await asDatabaseWriter('DELETE FROM audit_checkpoints WHERE seq > 10')
    expect(await verify()).toMatchObject({ code: 0, problems: [] })
    expect(await verify('--checkpoint', file)).toMatchObject({
      code: 1,
      problems: [{ seq: 11, problem: 'cut-off' }],
    })
    const { newestCheckpoint } = JSON.parse((await audit('verify', file)).out)
    expect(newestCheckpoint).toMatch(/^12:/)
    expect((await verify('--checkpoint', newestCheckpoint)).code).toBe(1)
  })
})

describe('the beginning of the log that was cut off', () => {
  it('is missed, also when a checkpoint was left there', async () => {
    await asDatabaseWriter('DELETE FROM audit_log WHERE seq <= 7')
    expect(await verify()).toMatchObject({ code: 1, problems: [{ seq: 7, problem: 'not-pruned' }] })
    await asDatabaseWriter('DELETE FROM audit_log WHERE seq <= 8')
    expect(await verify()).toMatchObject({ code: 1, problems: [{ seq: 1, problem: 'missing' }] })
  })

  it('is missed when the whole log is gone', async () => {
    await asDatabaseWriter('DELETE FROM audit_log')
    const { code, problems } = await verify()
    expect(code).toBe(1)
    expect(problems).toContainEqual(expect.objectContaining({ seq: 7, problem: 'not-pruned' }))
  })
})

describe('a checkpoint', () => {
  it('that was forged with a key of their own is named', async () => {
    const rows = await rowsOf()
    const { privateKey } = generateKeyPairSync('ed25519')
    const hash = Buffer.from(rows[3]?.hash ?? []).toString('hex')
    const text = `countersign audit checkpoint v1\n${authority.instanceId}\n1\n4\n${hash}\n5\n`
    await asDatabaseWriter(
      'INSERT INTO audit_checkpoints VALUES (4, ?, 5, 1, ?)',
      rows[3]?.hash ?? null,
      sign(null, Buffer.from(text), privateKey),
    )
    expect(await verify()).toMatchObject({
      code: 1,
      problems: [{ seq: 4, problem: 'signature-wrong' }],
    })
  })

  it.each(['hash', 'signature'])('whose %s was flipped is named', async (column) => {
    await flip('audit_checkpoints', column, 7)
    const { code, problems } = await verify()
    expect(code).toBe(1)
    expect(problems[0]).toMatchObject({ seq: 7, problem: 'signature-wrong' })
  })

  it.each(['at', 'key_version', 'seq'])('whose %s was changed is named', async (column) => {
    await asDatabaseWriter(`UPDATE audit_checkpoints SET ${column} = ${column} + 1 WHERE seq = 7`)
    const { code, problems } = await verify()
    expect(code).toBe(1)
    expect(problems).toContainEqual(expect.objectContaining({ problem: 'signature-wrong' }))
  })
})

describe('rows of another instance', () => {
  it('are not taken for its own, though the root key is the same', async () => {
    const file = join(folder, 'other.db')
    await using other = await startTestAuthority({ storage: file, clock })
    await createMachines(12, other)
    const theirs = await rowsOf(file)
    const ours = await rowsOf()
    await rewrite(ours.map((row) => (row.seq === 12 ? (theirs[11] as Row) : row)))
    expect(await verify()).toMatchObject({ code: 1, problems: [{ seq: 12, problem: 'altered' }] })
  })
})

describe('an export', () => {
  it('in which any byte was flipped is refused', async () => {
    const file = await exportLog('a.ndjson')
    const bytes = await readFile(file)
    for (let index = 0; index < bytes.length - 1; index += 31) {
      const flipped = Buffer.from(bytes)
      flipped.writeUInt8((flipped[index] ?? 0) ^ 1, index)
      await writeFile(join(folder, 'b.ndjson'), flipped)
      const { code } = await audit('verify', join(folder, 'b.ndjson'))
      expect(code, `byte ${index}`).toBeGreaterThan(0)
    }
  })

  it('with lines removed, repeated or swapped is refused, and the place is named', async () => {
    const file = await exportLog('a.ndjson')
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n')
    const verifyLines = async (changed: readonly string[]) => {
      await writeFile(join(folder, 'b.ndjson'), `${changed.join('\n')}\n`)
      return verify(join(folder, 'b.ndjson'))
    }
    expect(await verifyLines(lines)).toMatchObject({ code: 0 })
    expect(await verifyLines(lines.toSpliced(4, 1))).toMatchObject({
      code: 1,
      problems: [{ seq: 4, problem: 'missing' }],
    })
    expect(await verifyLines(lines.toSpliced(4, 0, lines[4] ?? ''))).toMatchObject({
      code: 1,
      problems: [{ seq: 4, problem: 'misplaced' }],
    })
    const swapped = lines.with(4, lines[5] ?? '').with(5, lines[4] ?? '')
    const { code, problems } = await verifyLines(swapped)
    expect(code).toBe(1)
    expect(problems.map(({ seq }) => seq)).toContain(4)
  })

  it('that was made anew with another key is refused by the pinned one', async () => {
    const file = await exportLog('a.ndjson')
    const key = 'A'.repeat(43)
    const { code, problems } = await verify(file, '--key', key)
    expect(code).toBe(1)
    expect(problems.map(({ problem }) => problem)).toEqual(['signature-wrong', 'signature-wrong'])
  })
})
