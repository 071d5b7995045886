import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { connect } from '../../packages/authority/src/storage/sqlite/driver.ts'
import { call } from '../support/authority.ts'
import { firstLine, kill, spawnSource } from '../support/spawn.ts'

/** Nothing acknowledged is lost, whenever the process is killed (security checklist R1). */

const CYCLES = process.env['COUNTERSIGN_SLOW'] === '1' ? 20 : 3
const CONNECTIONS = 16

interface Ledger {
  readonly created: Map<string, string>
  readonly revoked: Set<string>
}

const children: ReturnType<typeof spawnSource>[] = []
let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-'))
})

afterEach(async () => {
  for (const child of children) if (child.exitCode === null) child.kill('SIGKILL')
  await rm(folder, { recursive: true })
})

it(
  'a kill in the middle of concurrent creation and revocation loses nothing acknowledged',
  { timeout: 60_000 + CYCLES * 8_000 },
  async () => {
    const file = join(folder, 'countersign.db')
    const ledger: Ledger = { created: new Map(), revoked: new Set() }
    const first = await start(file)
    const instanceKey = first.secretKey
    const { body: machine } = await call(first, 'POST', '/v1/machines', instanceKey, {
      name: 'worker',
    })
    const machineKey = machine['secret_key'] as string
    await kill(first.child)

    for (let cycle = 0; cycle < CYCLES; cycle++) {
      const running = await start(file)
      const clients = Array.from({ length: CONNECTIONS }, (_, index) =>
        createUntilKilled(running, machineKey, ledger, index),
      )
      await wait(50 + Math.random() * 700)
      await kill(running.child)
      await Promise.all(clients)
    }

    expect(await integrity(file)).toBe('ok')
    const last = await start(file)
    const answers: { id: string; status: number }[] = []
    const tokens = ledger.created.entries()
    const verifyRest = async (): Promise<void> => {
      for (const [id, token] of tokens) {
        const { status } = await call(last, 'POST', '/m2m_tokens/verify', instanceKey, { token })
        answers.push({ id, status })
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, verifyRest))
    await kill(last.child)
    expect(answers).toHaveLength(ledger.created.size)
    const lost = answers.filter(({ id, status }) => !ledger.revoked.has(id) && status !== 200)
    const undone = answers.filter(({ id, status }) => ledger.revoked.has(id) && status !== 404)
    expect(ledger.created.size).toBeGreaterThan(CONNECTIONS)
    expect(ledger.revoked.size).toBeGreaterThan(0)
    expect({ lost, undone }).toEqual({ lost: [], undone: [] })
  },
)

async function start(
  file: string,
): Promise<{ url: string; secretKey: string; child: ReturnType<typeof spawnSource> }> {
  const child = spawnSource('test/support/authority-process.ts', file)
  children.push(child)
  return { ...(JSON.parse(await firstLine(child)) as { url: string; secretKey: string }), child }
}

/** Creates tokens and revokes every third, and writes down what was answered, until nobody answers. */
async function createUntilKilled(
  authority: { readonly url: string },
  secret: string,
  ledger: Ledger,
  index: number,
): Promise<void> {
  try {
    for (let count = index; ; count++) {
      const created = await call(authority, 'POST', '/m2m_tokens', secret, { claims: { count } })
      if (created.status !== 201) continue
      const id = created.body['id'] as string
      ledger.created.set(id, created.body['token'] as string)
      if (count % 3 !== 0) continue
      // From here on a missing answer may mean either; only what is answered counts.
      ledger.created.delete(id)
      const revoked = await call(authority, 'POST', `/m2m_tokens/${id}/revoke`, secret)
      if (revoked.status !== 200) continue
      ledger.created.set(id, created.body['token'] as string)
      ledger.revoked.add(id)
    }
  } catch {
    // The authority is dead.
  }
}

async function integrity(file: string): Promise<unknown> {
  const connection = await connect(file)
  const row = connection.prepare('PRAGMA integrity_check').get() as { integrity_check: unknown }
  connection.close()
  return row.integrity_check
}
