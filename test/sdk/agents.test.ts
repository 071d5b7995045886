import { type Client, createClient } from 'countersign'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { call, startTestAuthority, type TestAuthority } from '../support/authority.ts'
import { runCommand } from '../support/cli.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'

/** Agents that act with somebody's key, and what the audit log tells of them. */

let clock: TestClock
let authority: TestAuthority
let owner: Client

beforeEach(async () => {
  clock = createTestClock()
  authority = await startTestAuthority({ clock })
  owner = createClient({ apiUrl: authority.url, secretKey: authority.secretKey })
})

afterEach(() => authority.close())

const as = (agent: string, key: { readonly machineSecretKey?: string } = {}): Client =>
  createClient({
    apiUrl: authority.url,
    agent,
    ...(key.machineSecretKey === undefined ? { secretKey: authority.secretKey } : key),
  })

const post = (headers: Readonly<Record<string, string>>, body: unknown): Promise<Response> =>
  fetch(`${authority.url}/audit_log/agent_calls`, {
    method: 'POST',
    headers: { authorization: `Bearer ${authority.secretKey}`, ...headers },
    body: JSON.stringify(body),
  })

describe('an agent that names itself', () => {
  it('stands in each entry beside the key that was proved, and is found by its name', async () => {
    const machine = await as('claude-code@host/1').machines.create({ name: 'm' })
    await owner.machines.create({ name: 'n' })
    const { data } = await owner.auditLog.list({ actor: 'agent:claude-code@host/1' })
    expect(data).toMatchObject([
      {
        action: 'machine.created',
        target: machine.id,
        by: { kind: 'instance', claimedAgent: 'claude-code@host/1' },
      },
    ])
    expect(data[0]?.by?.instanceKeyId).toMatch(/^isk_/)
    const [, , plain] = (await owner.auditLog.list()).data
    expect(plain?.by).toMatchObject({ kind: 'instance', claimedAgent: null })
  })

  it('is shown by audit list as what it says, not as who it is', async () => {
    await as('helper').machines.create({ name: 'm' })
    const { out } = await runCommand(['audit', 'list', '--by', 'agent:helper'], {
      COUNTERSIGN_URL: authority.url,
      COUNTERSIGN_SECRET_KEY: authority.secretKey,
    })
    expect(out).toMatch(/isk_\w+ \(says: agent helper\)/)
  })

  it('is not found where the operator, or a machine, is looked for', async () => {
    await as('operator').machines.create({ name: 'm' })
    const { data } = await owner.auditLog.list({ actor: 'operator' })
    expect(data.map(({ action }) => action)).toEqual(['instance.created'])
  })

  it('may do no more than its key may', async () => {
    const { secretKey: machineSecretKey = '' } = await owner.machines.create({ name: 'm' })
    await expect(as('operator', { machineSecretKey }).machines.list()).rejects.toThrow()
    const answer = await fetch(`${authority.url}/machines`, {
      headers: { authorization: `Bearer ${machineSecretKey}`, 'countersign-agent': 'operator' },
    })
    expect(answer.status).toBe(403)
  })

  it.each([
    ['nothing', ''],
    ['a name of 65 characters', 'a'.repeat(65)],
    ['a blank', 'two words'],
    ['what looks like another entry', 'x) isk_1 (says: agent y'],
    ['letters beyond ASCII', 'ägent'],
    ['two names', 'one, two'],
    ['a path upwards', '../x'],
  ])('is refused with %s, and nothing is done', async (_, agent) => {
    const answer = await fetch(`${authority.url}/machines`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${authority.secretKey}`,
        'content-type': 'application/json',
        'countersign-agent': agent,
      },
      body: '{"name":"m"}',
    })
    expect(answer.status).toBe(400)
    expect((await owner.machines.list()).data).toEqual([])
    expect(() => as(agent)).toThrow(expect.objectContaining({ code: 'configuration-invalid' }))
  })

  it('that is not let in is a stranger: it says nothing in the log', async () => {
    await fetch(`${authority.url}/machines`, {
      headers: { authorization: 'Bearer sk_test_x', 'countersign-agent': 'planted' },
    })
    expect(JSON.stringify((await owner.auditLog.list()).data)).not.toContain('planted')
  })
})

describe('what an agent is about to do', () => {
  it('is an entry: who, which tool, on what and why', async () => {
    const machine = await owner.machines.create({ name: 'm' })
    const target = machine.id
    await as('a').auditLog.recordAgentCall({ tool: 'get_machine', target, reason: 'task 7' })
    const { secretKey: machineSecretKey = '' } = machine
    await as('b', { machineSecretKey }).auditLog.recordAgentCall({ tool: 'verify_token' })
    const { data } = await owner.auditLog.list({ action: 'agent.called' })
    expect(data).toMatchObject([
      {
        target,
        reason: 'task 7',
        details: { tool: 'get_machine' },
        by: { kind: 'instance', claimedAgent: 'a' },
      },
      {
        target: null,
        reason: null,
        details: { tool: 'verify_token' },
        by: { kind: 'machine', machineId: machine.id, claimedAgent: 'b' },
      },
    ])
  })

  it('is recorded at most 120 times a minute for one key, whatever its agent is called', async () => {
    const calls = Array.from({ length: 125 }, (_, index) =>
      post({ 'countersign-agent': `agent-${index}` }, { tool: 'list_machines' }),
    )
    const statuses = (await Promise.all(calls)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 201)).toHaveLength(120)
    expect(statuses.filter((status) => status === 429)).toHaveLength(5)
    const { secretKey: machineSecretKey = '' } = await owner.machines.create({ name: 'm' })
    await as('other', { machineSecretKey }).auditLog.recordAgentCall({ tool: 'verify_token' })
    clock.advance(60_000)
    expect((await post({ 'countersign-agent': 'a' }, { tool: 'list_machines' })).status).toBe(201)
  })

  it.each([
    ['no agent', {}, { tool: 'list_machines' }],
    ['no tool', { 'countersign-agent': 'a' }, {}],
    ['a tool that is no name', { 'countersign-agent': 'a' }, { tool: 'List machines' }],
    ['a target that is no id', { 'countersign-agent': 'a' }, { tool: 'x', target: 'a b' }],
    ['a long reason', { 'countersign-agent': 'a' }, { tool: 'x', reason: 'r'.repeat(256) }],
    ['another member', { 'countersign-agent': 'a' }, { tool: 'x', by: 'operator' }],
  ])('is not recorded with %s', async (_, headers, body) => {
    expect((await post(headers, body)).status).toBe(400)
    expect((await owner.auditLog.list({ action: 'agent.called' })).data).toEqual([])
  })

  it('is recorded for nobody without a key', async () => {
    const path = '/audit_log/agent_calls'
    expect((await call(authority, 'POST', path, undefined, { tool: 'x' })).status).toBe(401)
    expect((await call(authority, 'POST', path, 'sk_test_x', { tool: 'x' })).status).toBe(401)
  })
})
